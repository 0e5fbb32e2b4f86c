//! What a task leaves, and how two such become one.

use super::check_program;
use crate::job::JobError;
use crate::job::header::Done;
use crate::job::windows::Member;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use swathe_core::mask::FlagReport;
use swathe_core::reduce::{Composite, Reduction, Tiling};
use swathe_core::resample::GeometryReport;
use swathe_io::bytes::{ByteSource, ReadCounters};
use swathe_io::partial::{PartialFile, PartialWriter};

/// What a part is of.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PartHeader {
    program: String,
    rows: usize,
    columns: usize,
    /// Granules of the plan.
    granules: usize,
    /// Of every field.
    reductions: Vec<Reduction>,
    /// One of the granules that are combined, by number in the plan, where not all are combined with each other.
    pub of: Option<Member>,
    /// What came of granules, where the part tells of them.
    pub came: Came,
}

/// What came of some granules.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Came {
    /// Each by its number in the plan.
    pub granules: Vec<(u32, Done)>,
    /// What the flags took, for every field.
    pub flags: Vec<FlagReport>,
    pub geometry: GeometryReport,
    pub read: ReadCounters,
    pub touched: usize,
    pub failed: usize,
}

impl Came {
    pub fn add(&mut self, other: Came) {
        self.granules.extend(other.granules);
        if self.flags.is_empty() {
            self.flags = other.flags;
        } else {
            for (all, one) in self.flags.iter_mut().zip(&other.flags) {
                all.merge(one);
            }
        }
        self.geometry.add(&other.geometry);
        crate::job::record::add(&mut self.read, other.read);
        self.touched += other.touched;
        self.failed += other.failed;
    }
}

impl PartHeader {
    pub fn new(
        tiling: Tiling,
        granules: usize,
        reductions: Vec<Reduction>,
        of: Option<Member>,
        came: Came,
    ) -> Self {
        let (rows, columns) = tiling.shape();
        PartHeader {
            program: env!("CARGO_PKG_VERSION").to_owned(),
            rows,
            columns,
            granules,
            reductions,
            of,
            came,
        }
    }

    /// Whether both are of the same grid, fields and granules.
    fn fits(&self, other: &PartHeader) -> bool {
        (self.rows, self.columns, self.granules) == (other.rows, other.columns, other.granules)
            && self.reductions == other.reductions
            && self.of == other.of
    }

    /// Refuses a part of another grid or of other fields.
    pub fn check(&self, tiling: Tiling, reductions: &[&Reduction]) -> Result<(), JobError> {
        let same = (self.rows, self.columns) == tiling.shape()
            && self.reductions.iter().eq(reductions.iter().copied());
        match same {
            true => Ok(()),
            false => Err(JobError::cluster("a part is of another run")),
        }
    }
}

/// Opens a part.
///
/// # Errors
/// When it is damaged, or another version's.
pub(super) fn open(part: Arc<dyn ByteSource>) -> Result<(PartHeader, PartialFile), JobError> {
    let (header, file) = PartialFile::read::<PartHeader>(part)?;
    check_program(&header.program)?;
    let tiling = Tiling::new(header.rows, header.columns)?;
    let known =
        |field: usize, tile: usize| field < header.reductions.len() && tile < tiling.tiles();
    let all = file.tiles().all(|(field, tile)| known(field, tile))
        && file.parts().all(|(field, tile, _)| known(field, tile));
    match all {
        true => Ok((header, file)),
        false => Err(JobError::cluster("a part contradicts itself")),
    }
}

/// Combines parts of one window, in any order: associative and commutative, but for the order in which
/// granules are listed.
///
/// # Errors
/// No part at all; one that is damaged, another version's, or of another run; parts that keep granules.
pub fn combine(parts: Vec<Arc<dyn ByteSource>>) -> Result<Vec<u8>, JobError> {
    let mut files = Vec::with_capacity(parts.len());
    let mut combined: Option<PartHeader> = None;
    for part in parts {
        let (header, file) = open(part)?;
        if file.parts().next().is_some() {
            return Err(JobError::cluster(
                "parts that keep granules are not combined",
            ));
        }
        match &mut combined {
            None => combined = Some(header),
            Some(first) if first.fits(&header) => first.came.add(header.came),
            Some(_) => return Err(JobError::cluster("parts of different runs do not combine")),
        }
        files.push(file);
    }
    let Some(header) = combined else {
        return Err(JobError::cluster("there is no part to combine"));
    };
    let tiling = Tiling::new(header.rows, header.columns)?;
    let mut holders: BTreeMap<(usize, usize), Vec<&PartialFile>> = BTreeMap::new();
    for file in &files {
        for (field, tile) in file.tiles() {
            holders.entry((tile, field)).or_default().push(file);
        }
    }
    // Granules have the plan's numbers in all parts.
    let same = u32::try_from(header.granules).unwrap_or(u32::MAX);
    let same: Vec<Option<u32>> = (0..same).map(Some).collect();
    let mut bytes = Vec::new();
    let mut out = PartialWriter::create(&header, &mut bytes)?;
    for ((tile, field), files) in holders {
        if let [only] = files[..] {
            if let Some(encoded) = only.encoded_tile(field, tile)? {
                out.put(&encoded)?;
            }
            continue;
        }
        let Some(reduction) = header.reductions.get(field) else {
            continue;
        };
        let mut composite = Composite::new(tiling, reduction.clone());
        for file in files {
            if let Some(stored) = file.tile(field, tile)? {
                let samples = file.samples(field, tile);
                let samples = samples.map(|some| Ok::<_, JobError>(some?));
                let cells = 0..tiling.tile_cells(tile);
                composite.combine_stored(tile, stored, samples, &cells, &same)?;
            }
        }
        if let Some(stored) = composite.stored_tile(tile) {
            out.put(&PartialWriter::encode(field, tile, stored)?)?;
        }
    }
    out.finish()?;
    Ok(bytes)
}
