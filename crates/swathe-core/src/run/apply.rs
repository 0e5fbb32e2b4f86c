//! One granule put on the grid: read what the area needs, mask it, place it.

use super::lines::geolocation_near;
use crate::mask::{FlagMask, FlagReport, Real};
use crate::reduce::{
    Composite, GranuleState, Observation, ReduceError, Reduction, Summation, Tiling,
};
use crate::reduce::{contributed, interpolated};
use crate::resample::{Entries, EntryKind, GeometryReport, Grid, Method, locate};
use crate::source::{Field, GeolocationArray, SourceError, SwathSource, Values};
use crate::swath::located;
use rayon::prelude::*;
use std::ops::Range;

/// Lines that are worked on together, at least: about a megabyte of one variable.
const USUAL_LINES: usize = 128;

/// Values that a block of lines may have, unless one row of storage chunks has more.
const BLOCK_BYTES: usize = 32 << 20;

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
}

/// What to do with a field.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldRecipe {
    /// What to read.
    pub field: Field,
    /// What to keep of it.
    pub reduction: Reduction,
}

/// What a granule gave.
#[derive(Debug)]
pub struct Applied {
    /// What it gives to the cells, for every field; complete.
    pub cells: Vec<GranuleCells>,
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

/// What a granule gives to the cells of one field.
#[derive(Debug)]
pub enum GranuleCells {
    /// At most one observation to each cell, in several lists.
    Single(Vec<Vec<Observation>>),
    /// Any number of observations.
    Several(GranuleState),
}

impl GranuleCells {
    fn nothing(method: Method, tiling: Tiling, reduction: &Reduction) -> Self {
        match method {
            Method::Nearest | Method::Bilinear => GranuleCells::Single(Vec::new()),
            Method::Bin | Method::Footprint => {
                GranuleCells::Several(GranuleState::new(tiling, reduction))
            }
        }
    }

    fn add(
        &mut self,
        observations: Vec<Observation>,
        summation: Summation,
    ) -> Result<(), ReduceError> {
        match self {
            GranuleCells::Single(lists) => {
                summation.check(observations.iter().map(|o| o.value))?;
                lists.push(observations);
                Ok(())
            }
            GranuleCells::Several(state) => state.add(observations),
        }
    }

    fn merge(&mut self, other: Self) -> Result<(), ReduceError> {
        match (self, other) {
            (GranuleCells::Single(lists), GranuleCells::Single(mut other)) => {
                lists.append(&mut other);
                Ok(())
            }
            (GranuleCells::Several(state), GranuleCells::Several(other)) => state.merge(&other),
            _ => Err(ReduceError::Mismatch),
        }
    }

    /// Combines the granule with others.
    ///
    /// # Errors
    /// As [`Composite::combine`]; the composite is then of no use.
    pub fn combine_into(self, composite: &mut Composite) -> Result<(), ReduceError> {
        match self {
            GranuleCells::Single(lists) => composite.add_single(lists.into_iter().flatten()),
            GranuleCells::Several(state) => composite.combine(&state),
        }
    }
}

/// A granule cannot be put on the grid.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// It cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
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
        let line_block = line_block(source, self.fields);
        let (entries, geometry) = locate(&geolocation, self.grid, self.method, line_block);
        let located = !entries.is_empty() || any_located(&geolocation);
        drop(geolocation);
        let part = entries
            .par_iter()
            .map(|entries| self.observe(source, entries))
            .try_fold(
                || self.nothing(),
                |part, observed| {
                    let mut part = part;
                    part.add(source.name(), self.fields, observed?)?;
                    Ok::<_, ApplyError>(part)
                },
            )
            .try_reduce(
                || self.nothing(),
                |mut part, other| {
                    part.merge(source.name(), self.fields, other)?;
                    Ok(part)
                },
            )?;
        Ok(Some(Applied {
            cells: part.cells,
            flags: part.flags,
            located,
            touched: !entries.is_empty(),
            found: part.found,
            geometry,
            lines,
        }))
    }

    fn nothing(&self) -> Part {
        let fields = self.fields.iter();
        Part {
            cells: fields
                .map(|f| GranuleCells::nothing(self.method, self.tiling, &f.reduction))
                .collect(),
            flags: vec![FlagReport::default(); self.fields.len()],
            found: false,
        }
    }

    /// Reads a block of lines of all fields, masks it, and works out what reaches the cells.
    fn observe(&self, source: &dyn SwathSource, entries: &Entries) -> Result<Observed, ApplyError> {
        let (_, pixels) = source.shape();
        let lines = entries.lines.clone();
        let count = lines.len() * pixels;
        let first = lines.start * pixels;
        // Without a mask nothing is to be counted either.
        let masked = self.mask.bits() != 0;
        let (flags, area) = if masked {
            (
                source.flags(lines.clone())?,
                area(entries, count, first, pixels),
            )
        } else {
            Default::default()
        };
        let mut observations = Vec::with_capacity(self.fields.len());
        let mut reports = Vec::with_capacity(self.fields.len());
        for bands in self
            .fields
            .chunk_by(|a, b| a.field.variable == b.field.variable)
        {
            let bands: Vec<&Field> = bands.iter().map(|band| &band.field).collect();
            let mut values = source.values(&bands, lines.clone())?;
            share_missing(&mut values);
            for values in &mut values {
                let mut report = FlagReport::default();
                if masked {
                    let counts = match values {
                        Values::F32(v) => self.mask.apply(v, &flags, &area),
                        Values::F64(v) => self.mask.apply(v, &flags, &area),
                    };
                    report.add(self.mask, &counts);
                }
                reports.push(report);
                observations.push(match values {
                    Values::F32(v) => observations_of(entries, v, first, pixels),
                    Values::F64(v) => observations_of(entries, v, first, pixels),
                });
            }
        }
        Ok(Observed {
            observations,
            reports,
        })
    }
}

/// Lines to work on together: what is stored together of the fields and flags, at least [`USUAL_LINES`];
/// where the values would take more than [`BLOCK_BYTES`], only what is stored together of the variable that
/// has most of them.
fn line_block(source: &dyn SwathSource, fields: &[FieldRecipe]) -> usize {
    let (lines, pixels) = source.shape();
    let variables = fields.chunk_by(|a, b| a.field.variable == b.field.variable);
    let stored = |bands: &[FieldRecipe]| source.stored_lines(bands.first().map(|band| &band.field));
    let most = variables.clone().map(stored).max().unwrap_or(1);
    let most = most.max(source.stored_lines(None));
    let block = most * USUAL_LINES.div_ceil(most);
    let line_bytes = pixels * fields.len() * size_of::<f32>();
    let block = match variables.max_by_key(|bands| bands.len()) {
        Some(widest) if block * line_bytes > BLOCK_BYTES => {
            let together = stored(widest);
            together * (BLOCK_BYTES / (together * line_bytes).max(1)).max(1)
        }
        _ => block,
    };
    block.clamp(1, lines.max(1))
}

/// What one block of lines gives.
struct Observed {
    observations: Vec<Vec<Observation>>,
    reports: Vec<FlagReport>,
}

/// What some blocks of lines gave.
struct Part {
    cells: Vec<GranuleCells>,
    flags: Vec<FlagReport>,
    found: bool,
}

impl Part {
    fn add(
        &mut self,
        name: &str,
        fields: &[FieldRecipe],
        observed: Observed,
    ) -> Result<(), ApplyError> {
        let all = observed.observations.into_iter().zip(&observed.reports);
        for (i, (observations, report)) in all.enumerate() {
            self.found |= !observations.is_empty();
            self.cells[i]
                .add(observations, fields[i].reduction.summation)
                .map_err(|e| reduce_error(name, &fields[i], e))?;
            self.flags[i].merge(report);
        }
        Ok(())
    }

    fn merge(&mut self, name: &str, fields: &[FieldRecipe], other: Part) -> Result<(), ApplyError> {
        for (i, (cells, report)) in other.cells.into_iter().zip(&other.flags).enumerate() {
            self.cells[i]
                .merge(cells)
                .map_err(|e| reduce_error(name, &fields[i], e))?;
            self.flags[i].merge(report);
        }
        self.found |= other.found;
        Ok(())
    }
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

/// The pixels of a block that give to any cell.
fn area(entries: &Entries, count: usize, first: usize, pixels: usize) -> Vec<bool> {
    let mut area = vec![false; count];
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

fn note_missing<T: Real>(values: &[T], missing: &mut [bool]) {
    for (value, missing) in values.iter().zip(missing) {
        *missing |= !value.is_finite();
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
) -> Vec<Observation> {
    let there = |o: &Observation| o.value.is_finite();
    match &entries.kind {
        EntryKind::Contributions(contributions) => contributed(contributions, values, first)
            .filter(there)
            .collect(),
        EntryKind::Stencils(stencils) => interpolated(stencils, values, first, pixels)
            .filter(there)
            .collect(),
    }
}
