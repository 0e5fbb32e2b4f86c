//! Maps that are finished where their parts are, and sent, or written there as a Zarr store.
//!
//! ```text
//! parts of a window --encode--> tiles --store, with those of all windows of the same files--> files, and a receipt
//!     what came of granules, tiles, receipts --collect_finished--> Finished, whose maps are read from the tiles, or
//!     are there already
//! ```

use super::blocks::{Block, WINDOW, Window};
use super::sent::{SentMaps, packed, unpacked};
use super::{Batch, Finishing, Groups, collect, go_on, opened, sealed};
use crate::job::finished::Finished;
use crate::job::plan::Plan;
use crate::job::{JobError, Purpose};
use rayon::ThreadPool;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use swathe_io::bytes::ByteSource;
use swathe_io::product::ValidRange;
use swathe_io::product::zarr::{EncodedTiles, Encoder, Missing, write_tiles};

/// Files of a store that are written together, if there is one.
#[derive(Debug)]
pub struct Storing {
    /// What is encoded for them.
    pub encodings: Vec<Encoding>,
}

/// Chunks that are encoded together.
#[derive(Debug)]
pub struct Encoding {
    /// For [`encode`].
    pub order: Vec<u8>,
    /// The parts that it needs, beside that of what came of granules: by number, those that there are.
    pub parts: Vec<usize>,
}

/// What to encode.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    /// Maps, by number: windows of time; granules of the plan.
    maps: Range<usize>,
    /// Tiles; `None`: all.
    block: Option<Block>,
    missing: Missing,
}

impl Plan {
    /// How the maps become files of a store, out of the parts of these batches, groups and windows.
    pub(super) fn storing(
        &self,
        batches: &[Batch],
        groups: &Groups,
        windows: &[Window],
        finishing: Finishing,
    ) -> Result<Vec<Storing>, JobError> {
        let missing = match finishing {
            Finishing::Here => return Ok(Vec::new()),
            Finishing::Sent => Missing::Nan,
            Finishing::Stored => Missing::Fill,
        };
        // Maps that are encoded together, and the parts that have all of them; in a window, others too.
        let mut maps: Vec<(Range<usize>, Vec<usize>)> = Vec::new();
        match (self.purpose, &self.windows) {
            (Purpose::Cube, _) => {
                let cell = self.fields.len() as u64 * 4;
                let map = ((self.tiling.cells() as u64).saturating_mul(cell) / 3).max(1);
                let together = match windows {
                    [] => (WINDOW / map).max(1) as usize,
                    _ => 1,
                };
                for (number, batch) in batches.iter().enumerate() {
                    for start in batch.granules.clone().step_by(together) {
                        let end = (start + together).min(batch.granules.end);
                        maps.push((start..end, vec![number]));
                    }
                }
            }
            (Purpose::Average, None) => maps.push((0..1, Vec::new())),
            (Purpose::Average, Some((of_time, _))) => {
                for (number, window) in of_time.iter().enumerate() {
                    let of = groups.within(&window.members);
                    maps.push((number..number + 1, of.collect()));
                }
            }
        }
        let cube = self.purpose == Purpose::Cube;
        let mut all = Vec::new();
        for (maps, whole) in maps {
            let mut files: BTreeMap<usize, Vec<Encoding>> = BTreeMap::new();
            let cut = windows.iter().enumerate().map(|(i, w)| (Some(i), Some(w)));
            let uncut = windows.is_empty().then_some((None, None));
            for (number, window) in cut.chain(uncut) {
                let parts: Vec<usize> = match (cube, groups.is_one()) {
                    (true, _) => whole.clone(),
                    (false, true) => number.into_iter().collect(),
                    (false, false) => {
                        let of = |group: &usize| {
                            let rest = groups.number(*group, None, windows.len());
                            let own = number.map(|_| groups.number(*group, number, windows.len()));
                            [Some(rest), own].into_iter().flatten()
                        };
                        whole.iter().flat_map(of).collect()
                    }
                };
                let order = Order {
                    maps: maps.clone(),
                    block: window.map(|w| w.block.clone()),
                    missing,
                };
                let encoding = Encoding {
                    order: sealed(&order)?,
                    parts,
                };
                let file = window.map_or(0, |w| w.files);
                files.entry(file).or_default().push(encoding);
            }
            let files = files.into_values();
            all.extend(files.map(|encodings| Storing { encodings }));
        }
        Ok(all)
    }
}

/// Finishes some maps in some tiles, and encodes them, for [`store`] or [`collect_finished`]. `parts`: what came of all granules,
/// and what they gave there.
///
/// # Errors
/// Those of [`collect()`].
pub fn encode(
    closing: &[u8],
    order: &[u8],
    parts: Vec<Arc<dyn ByteSource>>,
    pool: &ThreadPool,
) -> Result<Vec<u8>, JobError> {
    let order: Order = opened(order)?;
    let finished = collect(closing, parts)?;
    let tiles = match &order.block {
        Some(block) => block.tiles(&finished.tiling),
        None => (0..finished.tiling.tiles()).collect(),
    };
    let mut encoder = Encoder::new(finished.description(), order.missing)?;
    pool.install(|| {
        finished.feed_some(
            finished.steps_of(&order.maps),
            0,
            &tiles,
            &mut [Box::new(&mut encoder)],
            &mut (&mut go_on as _),
        )
    })?;
    packed(&encoder.into_tiles(), order.missing)
}

/// Writes encoded chunks into the folder of a store, all of some files. `came`: the part that tells what came of
/// all granules. Gives a receipt.
///
/// # Errors
/// Chunks that are damaged or of another run; the system's refusals.
pub fn store(
    closing: &[u8],
    folder: &Path,
    came: Arc<dyn ByteSource>,
    encoded: &[&[u8]],
) -> Result<Vec<u8>, JobError> {
    let finished = collect(closing, vec![came])?;
    let encoded: Result<Vec<EncodedTiles>, JobError> =
        encoded.iter().map(|e| unpacked(e)).collect();
    let range = write_tiles(finished.description(), folder, encoded?)?;
    sealed(&range)
}

/// A result whose maps are finished: of the part that tells what came of all granules, and the tiles that were
/// [`encode`]d; none of these where all that there is to write is a store. `receipts`: those of a store that has been
/// written.
///
/// # Errors
/// Those of [`collect()`]; tiles or a receipt that are damaged.
pub fn collect_finished(
    closing: &[u8],
    came: Arc<dyn ByteSource>,
    tiles: Vec<Arc<dyn ByteSource>>,
    receipts: Option<&[&[u8]]>,
) -> Result<Finished, JobError> {
    let mut finished = collect(closing, vec![came])?;
    if let Some(receipts) = receipts {
        let mut range: Option<ValidRange> = None;
        for receipt in receipts {
            range = ValidRange::join(range, opened(receipt)?);
        }
        finished.stored = Some(range);
    }
    finished.sent = Some(SentMaps::new(tiles)?);
    Ok(finished)
}
