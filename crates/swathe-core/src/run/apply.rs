//! One granule put on the grid: read what the area needs, mask it, place it.

use super::beside::{BesideValues, HeldBeside, accompanied};
use super::held::{Held, Reading, variables};
use super::lines::geolocation_near;
use super::turn::Turn;
use crate::mask::{FlagMask, FlagReport, Real};
use crate::reduce::{self, contributed, interpolated};
use crate::reduce::{GranuleState, Observation, ReduceError, Reduction, Scheme, TilePart, Tiling};
use crate::resample::{
    BlockEntries, Entries, EntryKind, GeometryReport, Gives, Grid, Method, locate_blocks,
};
use crate::source::{Field, GeolocationArray, SourceError, SwathSource, Values};
use crate::stop::{self, Stopped};
use crate::swath::located;
use crate::watch::{self, Task};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// What to do with a granule.
pub struct Recipe<'a> {
    /// The grid.
    pub grid: &'a Grid,
    /// The same grid as tiles.
    pub tiling: Tiling,
    /// How values reach cells.
    pub method: Method,
    /// The fields. Those of one variable (bands) must follow each other: they share one mask.
    pub fields: &'a [FieldRecipe],
    /// Flags that make a pixel missing.
    pub mask: &'a FlagMask,
    /// Whether a pixel that is missing in one field is missing in all.
    pub joint: bool,
    /// To which tiles it gives, if not to all.
    pub turn: Option<&'a Turn>,
}

/// What to do with a field.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldRecipe {
    /// What to read.
    pub field: Field,
    /// What to keep of it.
    pub reduction: Reduction,
    /// By which the best observation is chosen, if one is.
    pub criterion: Option<Field>,
    /// Standard uncertainties of the values, if they are of use.
    pub uncertainty: Option<Field>,
}

/// What a granule gave.
#[derive(Debug, Default)]
pub struct Applied {
    /// What it gives to each tile, for every field; complete.
    pub parts: Vec<Vec<(usize, TilePart)>>,
    /// What the flags took, for every field; nothing where none are asked for.
    pub flags: Vec<FlagReport>,
    /// What became of its pixels.
    pub geometry: GeometryReport,
    /// Lines whose geolocation was read.
    pub lines: Range<usize>,
    /// Whether any of its pixels has a position: asked only where none reaches a cell.
    pub located: bool,
    /// Whether any of its pixels reaches a cell, with a value or not.
    pub touched: bool,
    /// Whether any field has a value in any cell.
    pub found: bool,
}

/// What a granule gives to the cells of one field: one for all threads at work on it, since sums are exact
/// and turns do not show.
enum Cells {
    /// At most one observation to each cell: parts of some lines each.
    Single(Mutex<Vec<(usize, TilePart)>>),
    /// Any number of observations.
    Several(Mutex<GranuleState>),
}

impl Cells {
    fn nothing(method: Method, tiling: Tiling, reduction: &Reduction) -> Self {
        match method {
            Method::Nearest | Method::Bilinear => Cells::Single(Mutex::default()),
            Method::Bin | Method::Footprint => {
                Cells::Several(Mutex::new(GranuleState::new(tiling, reduction)))
            }
        }
    }

    fn add(
        &self,
        tiling: &Tiling,
        turn: Option<&Turn>,
        reduction: &Reduction,
        mut observations: Vec<impl reduce::Observed>,
    ) -> Result<(), ReduceError> {
        if let Some(Turn { tiles, .. }) = turn {
            observations.retain(|o| tiles.contains(&tiling.tile_of(o.observation().cell)));
        }
        if observations.is_empty() {
            return Ok(());
        }
        // A thread that panicked ends the run: what it left is not used.
        match self {
            Cells::Single(parts) => {
                let some = TilePart::singles(tiling, reduction.summation, observations)?;
                let mut parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
                parts.extend(some);
                Ok(())
            }
            Cells::Several(state) => {
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                state.add(observations)
            }
        }
    }

    fn parts(self) -> Result<Vec<(usize, TilePart)>, ReduceError> {
        match self {
            Cells::Single(parts) => {
                TilePart::joined(parts.into_inner().unwrap_or_else(PoisonError::into_inner))
            }
            Cells::Several(state) => {
                let state = state.into_inner().unwrap_or_else(PoisonError::into_inner);
                Ok(state.into_parts().collect())
            }
        }
    }
}

/// A granule cannot be put on the grid.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// It cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Nobody waits for it any more.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// Its values cannot be reduced.
    #[error("{name}: {field}: {source}")]
    Reduce {
        /// The granule.
        name: String,
        /// The field.
        field: String,
        /// Why not.
        source: ReduceError,
    },
}

impl Recipe<'_> {
    /// Puts a granule on the grid; `None` where none of its lines comes near.
    ///
    /// Its blocks of lines are worked on in parallel; the outcome does not depend on how.
    ///
    /// # Errors
    /// What reading says, and values that cannot be summed.
    pub fn apply(&self, source: &dyn SwathSource) -> Result<Option<Applied>, ApplyError> {
        let Some(geolocation) = geolocation_near(source, &self.grid.region())? else {
            return Ok(None);
        };
        let lines = geolocation.lines.clone();
        // Without a mask nothing is to be counted either.
        let masked = self.mask.bits() != 0;
        let reading = Reading::new(source, self.fields, masked, self.method);
        let cells: Vec<Cells> = self
            .fields
            .iter()
            .map(|f| Cells::nothing(self.method, self.tiling, &f.reduction))
            .collect();
        let lines_of_turn = match self.turn {
            Some(turn) => turn.lines_of(source, &geolocation)?,
            None => None,
        };
        let watched = watch::here();
        let located = watch::doing(Task::Locate);
        let (blocks, geometry) = locate_blocks(
            &geolocation,
            self.grid,
            self.method,
            reading.cuts(),
            |block| {
                let _entered = watched.enter();
                let _gridding = watch::doing(Task::Grid);
                if let Some(lines) = &lines_of_turn
                    && (block.lines().start >= lines.end || block.lines().end <= lines.start)
                {
                    block.skip();
                    return Ok(Observed::nothing(self.fields.len()));
                }
                self.observe(source, &reading, block, &cells)
            },
        )?;
        drop(located);
        stop::go_on()?;
        let mut all = Observed::nothing(self.fields.len());
        blocks.iter().for_each(|block| all.merge(block));
        let cells = cells.into_par_iter().zip(self.fields);
        let parts: Result<Vec<_>, _> = cells
            .map(|(cells, field)| {
                cells
                    .parts()
                    .map_err(|e| reduce_error(source.name(), field, e))
            })
            .collect();
        Ok(Some(Applied {
            parts: parts?,
            flags: all.flags,
            located: all.touched || any_located(&geolocation),
            touched: all.touched,
            found: all.found,
            geometry,
            lines,
        }))
    }

    /// Reads a block of lines of all fields, masks it, and adds what reaches the cells to them.
    fn observe(
        &self,
        source: &dyn SwathSource,
        reading: &Reading,
        block: &mut BlockEntries<'_>,
        cells: &[Cells],
    ) -> Result<Observed, ApplyError> {
        let (_, pixels) = source.shape();
        let end = block.lines().end;
        let masked = self.mask.bits() != 0;
        let mut flags = Held::nothing(reading.flags);
        let mut values: Vec<Held<Vec<Values>>> = reading
            .variables
            .iter()
            .copied()
            .map(Held::nothing)
            .collect();
        let mut besides = HeldBeside::nothing(self.fields, &reading.besides);
        let mut observed = Observed::nothing(self.fields.len());
        let mut failed = None;
        loop {
            stop::go_on()?;
            let entries = block.next(&mut |lines| {
                let giving = self.giving(source, lines, end, &mut values, &mut flags);
                giving.unwrap_or_else(|error| {
                    failed = Some(error);
                    None
                })
            });
            if let Some(error) = failed {
                return Err(error.into());
            }
            let Some(entries) = entries else { break };
            observed.touched = true;
            let mut line = entries.lines.start;
            // Once, unless chunks of variables end at lines that do not fit each other.
            while line < entries.lines.end {
                let mut lines = line..entries.lines.end;
                for (bands, held) in variables(self.fields).zip(&mut values) {
                    held.hold(line, end, |lines| read_bands(source, bands, lines))?;
                    lines.end = lines.end.min(held.lines.end);
                }
                lines.end = besides.hold(source, line, end, lines.end)?;
                let mut mask = None;
                if masked {
                    flags.hold(line, end, |lines| source.flags(lines))?;
                    lines.end = lines.end.min(flags.lines.end);
                    let flags = &flags.what[flags.place(&lines, pixels)];
                    mask = Some((flags, area(&entries, &lines, pixels)));
                }
                let part = Part {
                    entries: &entries,
                    mask: mask.as_ref().map(|(flags, area)| (*flags, area.as_slice())),
                    first: lines.start * pixels,
                    pixels,
                };
                if self.joint {
                    share_missing_between(&mut values, &lines, pixels);
                }
                let bands = values.iter_mut().flat_map(|held| {
                    let place = held.place(&lines, pixels);
                    held.what.iter_mut().map(move |band| (band, place.clone()))
                });
                for ((field, (values, place)), cells) in bands.enumerate().zip(cells) {
                    let recipe = &self.fields[field];
                    let beside = recipe.reduction.accompanied().then(|| {
                        let of =
                            |field: &'_ Option<Field>| besides.of(field.as_ref(), &lines, pixels);
                        BesideValues {
                            criterion: of(&recipe.criterion),
                            uncertainty: of(&recipe.uncertainty),
                        }
                    });
                    match values {
                        Values::F32(v) => {
                            self.give(&part, field, &mut v[place], beside, cells, &mut observed)
                        }
                        Values::F64(v) => {
                            self.give(&part, field, &mut v[place], beside, cells, &mut observed)
                        }
                    }
                    .map_err(|e| reduce_error(source.name(), &self.fields[field], e))?;
                }
                line = lines.end;
            }
        }
        Ok(observed)
    }

    /// Which pixels of some lines have a value, of any field, and whether flags leave it; what is not read together
    /// with the first line is taken to have one.
    fn giving(
        &self,
        source: &dyn SwathSource,
        lines: Range<usize>,
        end: usize,
        values: &mut [Held<Vec<Values>>],
        flags: &mut Held<Vec<u32>>,
    ) -> Result<Option<Vec<Gives>>, SourceError> {
        let (_, pixels) = source.shape();
        let mut gives = vec![Gives::Nothing; lines.len() * pixels];
        for (bands, held) in variables(self.fields).zip(values) {
            held.hold(lines.start, end, |lines| read_bands(source, bands, lines))?;
            let known = lines.start..lines.end.min(held.lines.end);
            gives[known.len() * pixels..].fill(Gives::Value);
            let place = held.place(&known, pixels);
            for band in &held.what {
                match band {
                    Values::F32(v) => note_present(&v[place.clone()], &mut gives),
                    Values::F64(v) => note_present(&v[place.clone()], &mut gives),
                }
            }
        }
        if self.mask.bits() != 0 {
            flags.hold(lines.start, end, |lines| source.flags(lines))?;
            let known = lines.start..lines.end.min(flags.lines.end);
            let flags = &flags.what[flags.place(&known, pixels)];
            let taken = self.mask.bits();
            for (gives, flags) in gives.iter_mut().zip(flags) {
                if *gives == Gives::Value && flags & taken != 0 {
                    *gives = Gives::Flagged;
                }
            }
        }
        Ok(Some(gives))
    }

    /// Masks a field's values and adds those that reach a cell to it.
    fn give<T: Real>(
        &self,
        part: &Part<'_>,
        field: usize,
        values: &mut [T],
        beside: Option<BesideValues<'_>>,
        cells: &Cells,
        observed: &mut Observed,
    ) -> Result<(), ReduceError> {
        if let Some((flags, area)) = part.mask {
            let counts = self.mask.apply(values, flags, area);
            observed.flags[field].add(self.mask, &counts);
        }
        let reduction = &self.fields[field].reduction;
        let (entries, first, pixels) = (part.entries, part.first, part.pixels);
        let scheme = reduction.scheme;
        match beside {
            None => {
                let observations = observations_of(entries, values, first, pixels, scheme);
                observed.found |= !observations.is_empty();
                cells.add(&self.tiling, self.turn, reduction, observations)
            }
            Some(beside) => {
                let observations = accompanied(entries, values, beside, first, pixels, scheme);
                observed.found |= !observations.is_empty();
                cells.add(&self.tiling, self.turn, reduction, observations)
            }
        }
    }
}

/// Some lines of a block, to be given to the cells.
struct Part<'a> {
    entries: &'a Entries,
    /// Flags of the lines' pixels, and which of them give to any cell.
    mask: Option<(&'a [u32], &'a [bool])>,
    /// Number of their first pixel.
    first: usize,
    pixels: usize,
}

/// What became of a block of lines, or of all.
struct Observed {
    flags: Vec<FlagReport>,
    touched: bool,
    found: bool,
}

impl Observed {
    fn nothing(fields: usize) -> Self {
        Observed {
            flags: vec![FlagReport::default(); fields],
            touched: false,
            found: false,
        }
    }

    fn merge(&mut self, other: &Observed) {
        for (all, one) in self.flags.iter_mut().zip(&other.flags) {
            all.merge(one);
        }
        self.touched |= other.touched;
        self.found |= other.found;
    }
}

/// Values of the bands of a variable; one that is missing in any of them is missing in all.
fn read_bands(
    source: &dyn SwathSource,
    bands: &[FieldRecipe],
    lines: Range<usize>,
) -> Result<Vec<Values>, SourceError> {
    let fields: Vec<&Field> = bands.iter().map(|band| &band.field).collect();
    let mut values = source.values(&fields, lines)?;
    share_missing(&mut values);
    Ok(values)
}

fn reduce_error(name: &str, field: &FieldRecipe, source: ReduceError) -> ApplyError {
    ApplyError::Reduce {
        name: name.to_owned(),
        field: field.field.name.clone(),
        source,
    }
}

fn any_located(geolocation: &GeolocationArray) -> bool {
    let (lon, lat) = (&geolocation.longitude, &geolocation.latitude);
    (0..lon.len()).any(|i| located(lon.get(i), lat.get(i)))
}

/// The pixels of some lines that give to any cell.
fn area(entries: &Entries, lines: &Range<usize>, pixels: usize) -> Vec<bool> {
    let first = lines.start * pixels;
    let mut area = vec![false; lines.len() * pixels];
    let mut mark = |pixel: usize| {
        if let Some(inside) = pixel.checked_sub(first).and_then(|i| area.get_mut(i)) {
            *inside = true;
        }
    };
    match &entries.kind {
        EntryKind::Contributions(contributions) => {
            contributions.iter().for_each(|c| mark(c.pixel as usize));
        }
        EntryKind::Stencils(stencils) => {
            for stencil in stencils {
                let upper = stencil.pixel as usize;
                for offset in [0, 1, pixels + 1, pixels] {
                    mark(upper + offset);
                }
            }
        }
    }
    area
}

/// A pixel that is missing in one of the bands of a variable is missing in all.
fn share_missing(bands: &mut [Values]) {
    if bands.len() < 2 {
        return;
    }
    let count = bands
        .iter()
        .map(|b| match b {
            Values::F32(v) => v.len(),
            Values::F64(v) => v.len(),
        })
        .min()
        .unwrap_or(0);
    let mut missing = vec![false; count];
    for band in bands.iter() {
        match band {
            Values::F32(v) => note_missing(v, &mut missing),
            Values::F64(v) => note_missing(v, &mut missing),
        }
    }
    for band in bands {
        match band {
            Values::F32(v) => make_missing(v, &missing),
            Values::F64(v) => make_missing(v, &missing),
        }
    }
}

/// A pixel of some lines that is missing in one of the variables is missing in all.
fn share_missing_between(variables: &mut [Held<Vec<Values>>], lines: &Range<usize>, pixels: usize) {
    let mut missing = vec![false; lines.len() * pixels];
    for held in variables.iter() {
        let place = held.place(lines, pixels);
        for band in &held.what {
            match band {
                Values::F32(v) => note_missing(&v[place.clone()], &mut missing),
                Values::F64(v) => note_missing(&v[place.clone()], &mut missing),
            }
        }
    }
    for held in variables {
        let place = held.place(lines, pixels);
        for band in &mut held.what {
            match band {
                Values::F32(v) => make_missing(&mut v[place.clone()], &missing),
                Values::F64(v) => make_missing(&mut v[place.clone()], &missing),
            }
        }
    }
}

fn note_missing<T: Real>(values: &[T], missing: &mut [bool]) {
    for (value, missing) in values.iter().zip(missing) {
        *missing |= !value.is_finite();
    }
}

fn note_present<T: Real>(values: &[T], present: &mut [Gives]) {
    for (value, present) in values.iter().zip(present) {
        if value.is_finite() {
            *present = Gives::Value;
        }
    }
}

fn make_missing<T: Real>(values: &mut [T], missing: &[bool]) {
    for (value, missing) in values.iter_mut().zip(missing) {
        if *missing {
            *value = T::NAN;
        }
    }
}

/// The observations that have a value.
fn observations_of<T: Real>(
    entries: &Entries,
    values: &[T],
    first: usize,
    pixels: usize,
    scheme: Scheme,
) -> Vec<Observation> {
    let averaged = |o: Observation| Observation {
        value: scheme.of(o.value),
        ..o
    };
    let there = |o: &Observation| o.value.is_finite();
    match &entries.kind {
        EntryKind::Contributions(contributions) => contributed(contributions, values, first)
            .map(averaged)
            .filter(there)
            .collect(),
        EntryKind::Stencils(stencils) => interpolated(stencils, values, first, pixels)
            .map(averaged)
            .filter(there)
            .collect(),
    }
}
