//! What is read beside the values of a granule: criteria by which observations are chosen, and uncertainties.

use super::FieldRecipe;
use super::held::Held;
use crate::mask::Real;
use crate::reduce::{Beside, Observation, Scheme, contributed, interpolated};
use crate::resample::{Entries, EntryKind};
use crate::source::{Field, SourceError, SwathSource, Values};
use std::ops::Range;

/// The fields that are read beside others, each once.
pub(super) fn fields(recipes: &[FieldRecipe]) -> Vec<&Field> {
    let mut fields: Vec<&Field> = Vec::new();
    for field in recipes
        .iter()
        .flat_map(|recipe| [&recipe.criterion, &recipe.uncertainty])
        .flatten()
    {
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
    fields
}

/// What is held of them.
pub(super) struct HeldBeside<'a> {
    fields: Vec<(&'a Field, Held<Vec<f64>>)>,
}

impl<'a> HeldBeside<'a> {
    /// Nothing yet; so many lines of each field are read together.
    pub fn nothing(recipes: &'a [FieldRecipe], steps: &[usize]) -> Self {
        let steps = steps.iter().map(|step| Held::nothing(*step));
        HeldBeside {
            fields: fields(recipes).into_iter().zip(steps).collect(),
        }
    }

    /// Holds a line of all; returns where the lines end that all hold, `end` at most.
    pub fn hold(
        &mut self,
        source: &dyn SwathSource,
        line: usize,
        limit: usize,
        mut end: usize,
    ) -> Result<usize, SourceError> {
        for (field, held) in &mut self.fields {
            held.hold(line, limit, |lines| {
                let values = source.values(&[field], lines)?.into_iter().next();
                Ok::<_, SourceError>(match values {
                    Some(Values::F32(values)) => values.into_iter().map(f64::from).collect(),
                    Some(Values::F64(values)) => values,
                    None => Vec::new(),
                })
            })?;
            end = end.min(held.lines.end);
        }
        Ok(end)
    }

    /// What is held of some lines of a field; nothing of none.
    pub fn of(&self, field: Option<&Field>, lines: &Range<usize>, pixels: usize) -> &[f64] {
        let found = self.fields.iter().find(|(known, _)| Some(*known) == field);
        let held = found.and_then(|(_, held)| held.what.get(held.place(lines, pixels)));
        held.unwrap_or_default()
    }
}

/// Some lines of what comes beside a field's values.
#[derive(Clone, Copy)]
pub(super) struct BesideValues<'a> {
    pub criterion: &'a [f64],
    pub uncertainty: &'a [f64],
}

/// The observations that have a value, with what comes beside them.
pub(super) fn accompanied<T: Real>(
    entries: &Entries,
    values: &[T],
    beside: BesideValues<'_>,
    first: usize,
    pixels: usize,
    scheme: Scheme,
) -> Vec<(Observation, Beside)> {
    let BesideValues {
        criterion,
        uncertainty,
    } = beside;
    let joined = |(((value, criterion), uncertainty), pixel): (
        ((Observation, Observation), Observation),
        u32,
    )| {
        let averaged = Observation {
            value: scheme.of(value.value),
            ..value
        };
        let beside = Beside {
            pixel,
            criterion: criterion.value,
            uncertainty: uncertainty.value,
        };
        (averaged, beside)
    };
    let there = |(observation, _): &(Observation, Beside)| observation.value.is_finite();
    match &entries.kind {
        EntryKind::Contributions(contributions) => contributed(contributions, values, first)
            .zip(contributed(contributions, criterion, first))
            .zip(contributed(contributions, uncertainty, first))
            .zip(contributions.iter().map(|c| c.pixel))
            .map(joined)
            .filter(there)
            .collect(),
        EntryKind::Stencils(stencils) => interpolated(stencils, values, first, pixels)
            .zip(interpolated(stencils, criterion, first, pixels))
            .zip(interpolated(stencils, uncertainty, first, pixels))
            .zip(stencils.iter().map(|s| s.pixel))
            .map(joined)
            .filter(there)
            .collect(),
    }
}
