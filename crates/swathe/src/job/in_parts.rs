//! A granule put on the grid in parts that are kept apart.

use super::contents::column;
use super::data_day::Part;
use swathe_core::resample::Method;
use swathe_core::run::{Applied, ApplyError, Recipe};
use swathe_core::sides::OneSide;
use swathe_core::source::SwathSource;

/// Puts parts of a granule, in order, on the grid, each with fields of its own; and which of them gave anything.
///
/// # Errors
/// As [`Recipe::apply`].
pub(super) fn in_parts(
    recipe: &Recipe<'_>,
    parts: &[Part],
    source: &dyn SwathSource,
) -> Result<Option<(Applied, Vec<Part>)>, ApplyError> {
    let fields = recipe.fields.len();
    let mut all: Option<Applied> = None;
    let mut gave = Vec::new();
    for part in parts {
        let one = match part.side() {
            None => recipe.apply(source),
            Some(side) => recipe.apply(&OneSide { source, side }),
        };
        let Some(one) = one? else {
            return Ok(None);
        };
        if one.found {
            gave.push(*part);
        }
        let first = column(*part, 0, fields);
        match &mut all {
            None => {
                let mut one = one;
                one.parts.splice(0..0, vec![Vec::new(); first]);
                all = Some(one);
            }
            Some(all) => {
                // What became of the pixels is known from the whole, or from both sides.
                if !parts.contains(&Part::Whole) {
                    count(all, &one, recipe.method);
                }
                all.parts.resize_with(first, Vec::new);
                all.parts.extend(one.parts);
                all.located |= one.located;
                all.touched |= one.touched;
                all.found |= one.found;
            }
        }
    }
    Ok(all.map(|all| (all, gave)))
}

/// Counts what became of the pixels of another side.
fn count(all: &mut Applied, side: &Applied, method: Method) {
    for (all, side) in all.flags.iter_mut().zip(&side.flags) {
        all.merge(side);
    }
    // Footprints are made of pixels that give something alone; the rest is of all pixels on both sides.
    if method == Method::Footprint {
        all.geometry.folded += side.geometry.folded;
        all.geometry.untransformed += side.geometry.untransformed;
    }
}
