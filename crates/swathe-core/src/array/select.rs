//! Quantiles of more elements than are held: the array is generated again for every 16 bits of the answer.

use super::buffer::{Buffer, Element};
use super::chunks::blocks;
use super::compute::{Run, task_bytes};
use super::error::ArrayError;
use super::evaluate::BLOCK;
use super::reduction::Reduction;
use super::state::interpolated;

const DIGIT: u32 = 16;
const DIGITS: usize = 1 << DIGIT;
/// How often the array is generated.
pub(super) const PASSES: usize = 4;

/// A rank that is looked for: the bits known of it, and its rank among those that have them.
#[derive(Debug, Clone, Copy)]
struct Sought {
    known: u64,
    rank: u64,
}

/// The quantile of all elements; exact, as if they had been sorted.
pub(super) fn quantile(
    run: &mut Run<'_, '_>,
    reduction: &Reduction,
    q: f64,
) -> Result<Buffer, ArrayError> {
    // Counts by the leading digit, NaN apart.
    let first = pass(run, reduction, &[0], 64 - DIGIT)?;
    let (counts, missing) = (&first.0[0], first.1);
    let present: u64 = counts.iter().sum();
    if present == 0 || (missing > 0 && !reduction.skip_missing) {
        return Ok(Buffer::F64(vec![f64::NAN]));
    }
    let at = q * (present - 1) as f64;
    let below = (at.floor() as u64).min(present - 1);
    let mut sought = [below, (below + 1).min(present - 1)].map(|rank| Sought { known: 0, rank });
    sought.iter_mut().for_each(|s| s.find(counts));
    for shift in [32, 16, 0] {
        let (counts, _) = pass(run, reduction, &sought.map(|s| s.known), shift)?;
        sought
            .iter_mut()
            .zip(&counts)
            .for_each(|(s, counts)| s.find(counts));
    }
    let [low, high] = sought.map(|s| value(s.known));
    Ok(Buffer::F64(vec![interpolated(
        low,
        high,
        at - below as f64,
    )]))
}

impl Sought {
    /// Learns a digit from how many have each.
    fn find(&mut self, counts: &[u64]) {
        for (digit, &count) in counts.iter().enumerate() {
            if self.rank < count {
                self.known = self.known << DIGIT | digit as u64;
                return;
            }
            self.rank -= count;
        }
    }
}

/// For each prefix, how many keys that begin with it have each next digit; and how many elements are NaN.
fn pass(
    run: &mut Run<'_, '_>,
    reduction: &Reduction,
    prefixes: &[u64],
    shift: u32,
) -> Result<(Vec<Vec<u64>>, u64), ArrayError> {
    let input = &reduction.input;
    let chunks = input.chunks();
    let empty = || (vec![vec![0_u64; DIGITS]; prefixes.len()], 0_u64);
    let mut all = empty();
    run.in_order(
        chunks.count(),
        task_bytes(input) + (8 * DIGITS * prefixes.len()) as u64,
        |evaluator, chunk| {
            let (mut counts, mut missing) = empty();
            for block in blocks(&chunks.region(chunk), BLOCK) {
                let values = evaluator
                    .block(input, &block)?
                    .cast(super::dtype::DType::F64);
                for &x in <f64 as Element>::slice(&values).unwrap_or_default() {
                    if x.is_nan() {
                        missing += 1;
                        continue;
                    }
                    let key = key(x) >> shift;
                    for (counts, prefix) in counts.iter_mut().zip(prefixes) {
                        if shift + DIGIT == 64 || key >> DIGIT == *prefix {
                            counts[key as usize & (DIGITS - 1)] += 1;
                        }
                    }
                }
            }
            Ok((counts, missing))
        },
        |_, (counts, missing)| {
            for (all, more) in all.0.iter_mut().zip(counts) {
                all.iter_mut().zip(more).for_each(|(a, b)| *a += b);
            }
            all.1 += missing;
            Ok(())
        },
    )?;
    Ok(all)
}

/// Bits in the order of the numbers.
fn key(x: f64) -> u64 {
    let bits = x.to_bits();
    if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    }
}

fn value(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 {
        key & !(1 << 63)
    } else {
        !key
    })
}
