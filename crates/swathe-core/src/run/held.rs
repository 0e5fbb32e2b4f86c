//! Which lines are read together, and what is held of them.
//!
//! A storage chunk must be decoded once, and 172 bands of a granule must not be held whole. A chunk of a
//! spectral variable has few lines and many bands, one of other variables many lines. So a block of lines,
//! which is the work of one thread, has whole chunks of all variables; inside it each variable is read a row of
//! its own chunks at a time (more, where a row is short), and dropped when the entries are past it.

use super::FieldRecipe;
use crate::resample::{Cuts, Method};
use crate::source::SwathSource;
use std::ops::Range;

/// Lines of a block, at least: a granule is enough for some threads, and a block is worth its handling.
const BLOCK_LINES: usize = 128;

/// Lines that are read together where rows of chunks are shorter.
const READ_LINES: usize = 32;

/// Values of all fields that a thread holds, unless one row of chunks has more.
const HELD_BYTES: usize = 32 << 20;

/// How many lines are read together.
pub(super) struct Reading {
    /// Of each variable, in the order of the fields.
    pub variables: Vec<usize>,
    pub flags: usize,
    /// Of each field that is read beside others.
    pub besides: Vec<usize>,
    /// Lines of a block.
    block: usize,
}

impl Reading {
    /// From how fields and flags are stored.
    pub fn new(
        source: &dyn SwathSource,
        fields: &[FieldRecipe],
        masked: bool,
        method: Method,
    ) -> Self {
        let (lines, pixels) = source.shape();
        let lines = lines.max(1);
        let variables = variables(fields);
        if method == Method::Bilinear {
            // A cell's four pixels must be there together, and cells come in no order of lines.
            return Reading {
                variables: variables.map(|_| lines).collect(),
                besides: vec![lines; super::beside::fields(fields).len()],
                flags: lines,
                block: lines,
            };
        }
        let line_bytes =
            pixels * (fields.len() * size_of::<f32>() + usize::from(masked) * size_of::<u32>());
        let wanted = (HELD_BYTES / line_bytes.max(1)).clamp(1, READ_LINES);
        let stored =
            variables.map(|bands| source.stored_lines(bands.first().map(|band| &band.field)));
        let stored: Vec<usize> = stored.map(|stored| stored.clamp(1, lines)).collect();
        let stored_flags = match masked {
            true => source.stored_lines(None).clamp(1, lines),
            false => 1,
        };
        let besides = super::beside::fields(fields).into_iter();
        let besides = besides.map(|field| source.stored_lines(Some(field)).clamp(1, lines));
        let besides: Vec<usize> = besides.collect();
        let whole = stored
            .iter()
            .chain(&besides)
            .fold(stored_flags, |all, stored| {
                common_multiple(all, *stored).min(lines)
            });
        let read = |stored: usize| stored * (wanted / stored).max(1);
        Reading {
            variables: stored.iter().map(|stored| read(*stored)).collect(),
            flags: read(stored_flags),
            besides: besides.iter().map(|stored| read(*stored)).collect(),
            block: (whole * BLOCK_LINES.div_ceil(whole)).min(lines),
        }
    }

    /// Entries that reach over no more than one read, where the reads of variables fit each other.
    pub fn cuts(&self) -> Cuts {
        Cuts {
            block: self.block,
            entries: self.variables.iter().copied().min().unwrap_or(self.block),
        }
    }
}

/// The fields by variable.
pub(super) fn variables(fields: &[FieldRecipe]) -> impl Iterator<Item = &[FieldRecipe]> {
    fields.chunk_by(|a, b| a.field.variable == b.field.variable)
}

fn common_multiple(a: usize, b: usize) -> usize {
    let (mut divisor, mut rest) = (a, b);
    while rest > 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    (a / divisor.max(1)).saturating_mul(b)
}

/// What was read of some lines of a variable, or of the flags.
pub(super) struct Held<T> {
    /// Lines that are read together.
    step: usize,
    pub lines: Range<usize>,
    pub what: T,
}

impl<T: Default> Held<T> {
    pub fn nothing(step: usize) -> Self {
        Held {
            step,
            lines: 0..0,
            what: T::default(),
        }
    }

    /// Holds `line`: if it does not, reads from there to where a read ends, at `limit` at most.
    pub fn hold<E>(
        &mut self,
        line: usize,
        limit: usize,
        read: impl FnOnce(Range<usize>) -> Result<T, E>,
    ) -> Result<(), E> {
        if self.lines.contains(&line) {
            return Ok(());
        }
        // Never two at a time.
        self.what = T::default();
        self.lines = 0..0;
        let end = ((line / self.step + 1) * self.step)
            .min(limit)
            .max(line + 1);
        self.what = read(line..end)?;
        self.lines = line..end;
        Ok(())
    }

    /// Where the pixels of some of the lines are in what is held.
    pub fn place(&self, lines: &Range<usize>, pixels: usize) -> Range<usize> {
        (lines.start - self.lines.start) * pixels..(lines.end - self.lines.start) * pixels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_common_multiple() {
        for (a, b, expected) in [(1, 1, 1), (32, 256, 256), (256, 100, 6400), (7, 1, 7)] {
            assert_eq!(common_multiple(a, b), expected);
        }
        assert_eq!(common_multiple(usize::MAX, usize::MAX - 1), usize::MAX);
    }

    #[test]
    fn lines_are_read_once_and_in_steps() {
        let mut held = Held::nothing(10);
        let mut reads = Vec::new();
        for line in [3, 4, 9, 10, 25, 29, 30, 31] {
            held.hold(line, 31, |lines| {
                reads.push(lines.clone());
                Ok::<Vec<usize>, ()>(lines.collect())
            })
            .unwrap();
            assert_eq!(held.what[held.place(&(line..line + 1), 1)], [line]);
        }
        // The last is beyond the limit, and is read all the same.
        assert_eq!(reads, [3..10, 10..20, 25..30, 30..31, 31..32]);
    }
}
