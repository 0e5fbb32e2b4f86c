//! A run's outcome: what it is of, and its maps, tile by tile.

use super::contents::{Contents, Unit};
use super::data_day::Part;
use super::header::Header;
use super::layers::Kind;
use super::order::several_sensors;
use super::plan::{Plan, PlannedField};
use super::record::{Event, Observer, tell_tiles};
use super::spread::SentMaps;
use super::windows::{Member, Window};
use super::{Candidate, JobError, Purpose};
use rayon::prelude::*;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicBool, Ordering};
use swathe_core::isin::Isin;
use swathe_core::mask::FlagReport;
use swathe_core::reduce::{Composite, Scheme, Tiling};
use swathe_core::resample::GeometryReport;
use swathe_core::stop;
use swathe_core::watch::{self, Task};
use swathe_io::bytes::ReadCounters;
use swathe_io::dataset::AttributeValue;
use swathe_io::product::{
    GranuleRecord, GranuleStatus, LayerData, MemoryTiles, Product, Statistic, TileSink, TimeStep,
    Times, ValidRange, feed, layout,
};

/// Units per thread that are finished before any of them is handed on.
pub(super) const UNITS_IN_FLIGHT: usize = 2;

/// A run whose granules are all done. Its maps are finished as they are asked for.
#[derive(Debug)]
pub struct Finished {
    pub(super) header: Header,
    description: Product,
    pub(super) contents: Contents,
    pub(super) tiling: Tiling,
    pub(super) maps: Maps,
    /// Observations of a unit that are held at a time on a thread, where percentiles need them, bytes.
    pub(super) unit_bytes: u64,
    /// In how many parts granules may be kept.
    pub(super) parts: usize,
    /// The layers of each field.
    kinds: Vec<Vec<Kind>>,
    /// Whether a cell of the first layer that was handed on has a value.
    valued: AtomicBool,
    /// If others have written the maps: the range of the first layer.
    pub(super) stored: Option<Option<ValidRange>>,
    /// If others have finished the maps: their tiles.
    pub(super) sent: Option<SentMaps>,
    /// What reading has cost.
    pub read: ReadCounters,
    /// What became of the pixels near the area.
    pub geometry: GeometryReport,
    /// What the flags took, by field.
    pub flags: Vec<(String, FlagReport)>,
    /// Number of granules that gave values.
    pub used: usize,
    /// Number of granules that could not be read.
    pub failed: usize,
}

/// What maps there are.
#[derive(Debug)]
pub(super) enum Maps {
    /// Statistics over all granules.
    All,
    /// Statistics over what gives to each of these windows.
    Windows(Vec<Vec<Member>>),
    /// One of each of these granules.
    Granules(Vec<usize>),
}

impl Finished {
    /// Says that its granules are of several sensors.
    pub fn several_sensors(&self) -> Option<String> {
        let granules = self.header.taking_part();
        several_sensors(granules.map(|granule| &granule.identity))
    }

    /// An average, of what granules gave.
    pub(super) fn average(header: Header, contents: Contents) -> Result<Self, JobError> {
        let times = Times::Window(header.window());
        Finished::new(header, contents, Maps::All, times)
    }

    /// Averages of windows; what granules gave is kept with the numbers that they have in the plan. `gave`: for each
    /// of these, its number in the header, and its parts that gave anything.
    pub(super) fn windows(
        header: Header,
        contents: Contents,
        windows: &[Window],
        gave: &[(u32, Vec<Part>)],
    ) -> Result<Self, JobError> {
        let step = |window: &Window| TimeStep {
            time: 0.5 * (window.bounds.0 + window.bounds.1),
            start: window.bounds.0,
            end: window.bounds.1,
            granule: None,
        };
        let times = Times::Series(windows.iter().map(step).collect());
        let members = windows.iter().map(|window| window.members.clone());
        let used = |share: &Member| {
            let (number, parts) = gave.get(share.granule)?;
            parts.contains(&share.part).then_some(*number)
        };
        let recorded = windows
            .iter()
            .map(|w| w.members.iter().filter_map(used).collect());
        let recorded = recorded.collect();
        let maps = Maps::Windows(members.collect());
        let mut finished = Finished::new(header, contents, maps, times)?;
        finished.description.windows = recorded;
        Ok(finished)
    }

    /// Refuses layers whose names would meet each other, or those of other variables of a product.
    pub(super) fn check_names(plan: &Plan) -> Result<(), JobError> {
        let contents = Contents::Parts(Vec::new());
        let header = Header::of_plan(plan, false);
        let record = |candidate: &Candidate| candidate.record(GranuleStatus::Used, "");
        let records: Vec<GranuleRecord> = plan.candidates().map(record).collect();
        let finished = match (plan.purpose, &plan.windows) {
            (Purpose::Average, Some((windows, _))) => {
                Finished::windows(header, contents, windows, &[])?
            }
            (Purpose::Average, None) => Finished::average(header, contents)?,
            (Purpose::Cube, _) => {
                let records: Vec<_> = records.iter().cloned().map(Some).collect();
                Finished::cube(header, contents, &records, plan.job.stack)?
            }
        };
        let mut description = finished.description;
        // As they will be there: granules, times, which of them are in which window.
        if plan.windows.is_some() {
            description.windows = vec![vec![0]];
        }
        if let Times::Window(step) = &mut description.times {
            step.time = 0.0;
        }
        description.granules = plan.skipped.clone();
        description.granules.extend(records);
        match layout::layout(&description) {
            Ok(_) => Ok(()),
            Err(swathe_io::error::Error::Product { reason }) => Err(JobError::plan_hint(
                reason,
                "give a variable that is computed another name",
            )),
            Err(other) => Err(other.into()),
        }
    }

    /// A cube, of granules in order; `stack`: with a time dimension even for one.
    pub(super) fn cube(
        header: Header,
        contents: Contents,
        records: &[Option<GranuleRecord>],
        stack: bool,
    ) -> Result<Self, JobError> {
        // A granule that could not be read has no layer; one that is empty has.
        let kept = records.iter().enumerate().filter_map(|(granule, record)| {
            let record = record.as_ref()?;
            (record.status != GranuleStatus::Skipped).then(|| (granule, step(record)))
        });
        let (granules, steps): (Vec<usize>, Vec<TimeStep>) = kept.unzip();
        let times = match <[TimeStep; 1]>::try_from(steps) {
            Ok([step]) if !stack => Times::Window(TimeStep {
                granule: None,
                ..step
            }),
            Ok([step]) => Times::Series(vec![step]),
            Err(steps) => Times::Series(steps),
        };
        Finished::new(header, contents, Maps::Granules(granules), times)
    }

    /// The product of a cube of which nothing is made.
    pub(super) fn cube_without_values(
        header: Header,
        records: &[Option<GranuleRecord>],
        stack: bool,
    ) -> Result<Product, JobError> {
        let contents = Contents::Parts(Vec::new());
        Ok(Finished::cube(header, contents, records, stack)?.description)
    }

    fn new(header: Header, contents: Contents, maps: Maps, times: Times) -> Result<Self, JobError> {
        let (rows, columns) = header.geobox()?.shape();
        let tiling = Tiling::new(rows, columns)?;
        let timed = matches!(times, Times::Series(_));
        let most = header.most();
        let kinds = header.fields.iter().map(|field| match header.isin {
            Some(_) => Kind::of_bins(field),
            None => maps.kinds(field),
        });
        let kinds: Vec<Vec<Kind>> = kinds.collect();
        let mut layers = Vec::new();
        for (field, kinds) in header.fields.iter().zip(&kinds) {
            layers.extend(kinds.iter().map(|kind| kind.layer(field, most, timed)));
        }
        if let Some(best) = &header.best {
            for layer in &mut layers {
                if layer.statistic == Statistic::Best {
                    let chosen = AttributeValue::Text(best.clone());
                    layer.attributes.push(("chosen_by".to_owned(), chosen));
                }
            }
        }
        let description = header.product(layers, times)?;
        let names = header.fields.iter().map(|f| f.name.clone());
        let used = header.used();
        Ok(Finished {
            description,
            contents,
            tiling,
            maps,
            unit_bytes: u64::MAX,
            parts: 1,
            kinds,
            valued: AtomicBool::new(false),
            stored: None,
            sent: None,
            read: ReadCounters::default(),
            geometry: GeometryReport::default(),
            flags: names.zip(header.flags.iter().cloned()).collect(),
            used,
            failed: 0,
            header,
        })
    }

    /// The grid, if it is of bins.
    pub fn isin(&self) -> Option<&Isin> {
        self.header.isin.as_ref()
    }

    /// What of the values was averaged.
    pub fn scheme(&self) -> Scheme {
        let first = self.header.fields.first();
        first.map_or(Scheme::Arithmetic, |field| field.reduction.scheme)
    }

    /// No cell has more observations.
    pub fn most(&self) -> u64 {
        self.header.most()
    }

    /// The product without its values. On bins, its grid is the rectangle in which they are numbered.
    pub fn description(&self) -> &Product {
        &self.description
    }

    /// Hands all tiles to sinks, on the threads of the current pool, and tells how many are done.
    ///
    /// # Errors
    /// What was kept cannot be read; those of the sinks; the observer breaks it off.
    pub fn feed(
        &self,
        sinks: &mut [Box<dyn TileSink + '_>],
        mut observer: Observer<'_>,
    ) -> Result<(), JobError> {
        self.feed_steps(0..self.steps(), sinks, &mut observer)
    }

    /// Number of maps of each layer.
    pub(super) fn steps(&self) -> usize {
        match &self.maps {
            Maps::All => 1,
            Maps::Windows(windows) => windows.len(),
            Maps::Granules(granules) => granules.len(),
        }
    }

    /// Hands the tiles of some steps to sinks; of one alone as if there were no other.
    ///
    /// # Errors
    /// As [`Finished::feed`].
    pub(super) fn feed_steps(
        &self,
        steps: Range<usize>,
        sinks: &mut [Box<dyn TileSink + '_>],
        observer: &mut Observer<'_>,
    ) -> Result<(), JobError> {
        let tiles: Vec<usize> = (0..self.tiling.tiles()).collect();
        let first = steps.start;
        self.feed_some(steps, first, &tiles, sinks, observer)
    }

    /// The steps of windows of time, or of granules of the plan, by number.
    pub(super) fn steps_of(&self, maps: &Range<usize>) -> Range<usize> {
        match &self.maps {
            Maps::All | Maps::Windows(_) => maps.clone(),
            // In order, but without those that could not be read.
            Maps::Granules(granules) => {
                let place = |granule: usize| granules.partition_point(|g| *g < granule);
                place(maps.start)..place(maps.end)
            }
        }
    }

    /// Hands some tiles of some steps to sinks, which are told the numbers of steps from `first` on.
    ///
    /// # Errors
    /// As [`Finished::feed`].
    pub(super) fn feed_some(
        &self,
        steps: Range<usize>,
        first: usize,
        tiles: &[usize],
        sinks: &mut [Box<dyn TileSink + '_>],
        observer: &mut Observer<'_>,
    ) -> Result<(), JobError> {
        let fields = self.header.fields.len();
        let total = steps.len() * tiles.len() * fields;
        let maps = Event::Maps {
            product: &self.description,
        };
        if observer(&maps).is_break() {
            return Err(JobError::Interrupted);
        }
        let batch = UNITS_IN_FLIGHT * rayon::current_num_threads();
        let watched = watch::here();
        for start in (0..total).step_by(batch) {
            let end = (start + batch).min(total);
            let units = start..end;
            let finished: Result<Vec<_>, JobError> = units
                .into_par_iter()
                .map(|number| {
                    let _entered = watched.enter();
                    stop::go_on()?;
                    let _combining = watch::doing(Task::Combine);
                    let step = steps.start + number / (tiles.len() * fields);
                    let tile = tiles.get(number / fields % tiles.len());
                    let tile = tile.copied().unwrap_or(usize::MAX);
                    let layers = self.unit(step, tile, number % fields)?;
                    let placed = layers.into_iter();
                    Ok(placed
                        .map(|(layer, data)| (layer, step - first, tile, data))
                        .collect::<Vec<_>>())
                })
                .collect();
            let finished: Vec<_> = finished?.into_iter().flatten().collect();
            for (layer, step, tile, values) in &finished {
                let told = observer(&Event::Tile {
                    layer: *layer,
                    step: *step,
                    tile: *tile,
                    values,
                });
                if told.is_break() {
                    return Err(JobError::Interrupted);
                }
            }
            feed(sinks, finished)?;
            tell_tiles(observer, end, total)?;
        }
        Ok(())
    }

    /// Whether no cell of the first layer had a value, when its tiles were handed on.
    pub fn is_blank(&self) -> bool {
        match &self.stored {
            Some(range) => range.is_none(),
            None => !self.valued.load(Ordering::Relaxed),
        }
    }

    /// If other processes have written its maps: the range of the first layer's values.
    pub fn stored(&self) -> Option<Option<ValidRange>> {
        self.stored
    }

    /// The product in memory.
    ///
    /// # Errors
    /// What was kept cannot be read.
    pub fn product(&self) -> Result<Product, JobError> {
        let mut memory = MemoryTiles::create(&self.description)?;
        self.feed(&mut [Box::new(&mut memory)], &mut |_| {
            ControlFlow::Continue(())
        })?;
        Ok(memory.into_product()?)
    }

    /// What was kept for this run on disk can go.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn clear(self) -> Result<(), JobError> {
        match self.contents {
            Contents::Journal(journal) | Contents::Composites(_, Some(journal)) => {
                Ok(journal.remove()?)
            }
            Contents::Composites(_, None) | Contents::Parts(_) | Contents::Partials(_) => Ok(()),
        }
    }

    pub(super) fn place(&self, tile: usize, field: usize) -> Unit<'_> {
        Unit {
            tiling: self.tiling,
            tile,
            field,
            fields: &self.header.fields,
            parts: self.parts,
        }
    }

    /// The layers of a unit at a step, by number.
    fn unit(
        &self,
        step: usize,
        tile: usize,
        field: usize,
    ) -> Result<Vec<(usize, LayerData)>, JobError> {
        let place = self.place(tile, field);
        let first: usize = self.kinds[..field].iter().map(Vec::len).sum();
        if let Some(sent) = &self.sent {
            let own = self.kinds[field].iter().enumerate();
            let layers = own.map(|(k, _)| {
                let dtype = self.description.layers[first + k].data.dtype();
                let place = (first + k, step, tile);
                Ok((first + k, sent.tile(place, &dtype, &self.tiling)?))
            });
            let layers = layers.collect::<Result<Vec<_>, JobError>>()?;
            self.note_values(&layers);
            return Ok(layers);
        }
        let cells = self.tiling.tile_cells(tile);
        let layers = |composite: Option<&Composite>| {
            let kinds = self.kinds[field].iter().enumerate();
            kinds
                .map(|(k, kind)| {
                    let dtype = self.description.layers[first + k].data.dtype();
                    Ok((first + k, kind.data(composite, tile, cells, &dtype)?))
                })
                .collect::<Result<Vec<_>, JobError>>()
        };
        let members = match &self.maps {
            Maps::All => None,
            Maps::Windows(windows) => Some(windows.get(step).map_or(&[][..], Vec::as_slice)),
            Maps::Granules(granules) => {
                let granule = granules.get(step).copied().unwrap_or(usize::MAX);
                let layers = layers(self.contents.of_granule(granule, &place)?.as_ref())?;
                self.note_values(&layers);
                return Ok(layers);
            }
        };
        // As many observations at a time as there is room for: of all cells, or of some after the other.
        let length = self.contents.strip(&place, members, self.unit_bytes, cells);
        let mut all = self
            .contents
            .with_unit(&place, members, &(0..length), layers)?;
        for start in (length..cells).step_by(length.max(1)) {
            let strip = start..(start + length).min(cells);
            let some = self.contents.with_unit(&place, members, &strip, layers)?;
            for ((_, all), (_, some)) in all.iter_mut().zip(&some) {
                all.copy_range(some, &strip);
            }
        }
        self.note_values(&all);
        Ok(all)
    }

    /// Notes whether a cell of the first layer has a value.
    fn note_values(&self, layers: &[(usize, LayerData)]) {
        let first = layers.iter().find(|(layer, _)| *layer == 0);
        if first.is_some_and(|(_, data)| data.valid_range().is_some()) {
            self.valued.store(true, Ordering::Relaxed);
        }
    }
}

impl Maps {
    fn kinds(&self, field: &PlannedField) -> Vec<Kind> {
        match self {
            Maps::All | Maps::Windows(_) => Kind::of_statistics(field),
            Maps::Granules(_) => vec![Kind::Value],
        }
    }
}

fn step(record: &GranuleRecord) -> TimeStep {
    TimeStep {
        time: record.start,
        start: record.start,
        end: if record.end.is_nan() {
            record.start
        } else {
            record.end
        },
        granule: Some(record.name.clone()),
    }
}
