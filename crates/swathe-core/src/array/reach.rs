//! Which chunks of outside arrays a region of an array is made from.

use super::chunks::{Region, sliced};
use super::expression::{Array, Operation};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Chunks of outside arrays, by the arrays' ids.
pub(super) type Reach = BTreeMap<usize, (Array, BTreeSet<usize>)>;

/// Adds the chunks that a region of an array is made from. Reductions that it stands upon are left out.
pub(super) fn reach(array: &Array, region: &[Range<usize>], found: &mut Reach) {
    if region.iter().any(|range| range.is_empty()) {
        return;
    }
    match &array.node.operation {
        Operation::Source(_) => {
            let (_, chunks) = found
                .entry(array.id())
                .or_insert_with(|| (array.clone(), BTreeSet::new()));
            let meeting = array.chunks().meeting(region);
            chunks.extend(meeting.into_iter().map(|(chunk, _)| chunk));
        }
        Operation::Slice {
            array: operand,
            starts,
            steps,
        } => {
            reach(operand, &sliced(region, starts, steps), found);
        }
        Operation::Axes {
            array: operand,
            axes,
        } => {
            let mut own: Region = vec![0..1; operand.shape().len()];
            for (range, axis) in region.iter().zip(axes) {
                if let Some(place) = axis.and_then(|axis| own.get_mut(axis)) {
                    *place = range.clone();
                }
            }
            reach(operand, &own, found);
        }
        Operation::Concatenate {
            arrays,
            axis,
            starts,
        } => {
            let Some(along) = region.get(*axis) else {
                return;
            };
            for (part, &from) in arrays.iter().zip(starts) {
                let end = from + part.shape().get(*axis).copied().unwrap_or(0);
                let meets = along.start.max(from)..along.end.min(end);
                if !meets.is_empty() {
                    let mut own = region.to_vec();
                    if let Some(range) = own.get_mut(*axis) {
                        *range = meets.start - from..meets.end - from;
                    }
                    reach(part, &own, found);
                }
            }
        }
        Operation::Reduced(_) => {}
        operation => {
            for operand in operation.operands() {
                let new = region.len().saturating_sub(operand.shape().len());
                let own = operand.shape().iter().zip(region.iter().skip(new));
                let own: Region = own
                    .map(|(&len, range)| if len == 1 { 0..1 } else { range.clone() })
                    .collect();
                reach(operand, &own, found);
            }
        }
    }
}
