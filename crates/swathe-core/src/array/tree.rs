//! The order in which parts are merged: that of the chunks, so many at a time, then so many of those.
//!
//! Sums of floating point numbers depend on it. It depends on the number of parts alone, so that whoever has merged
//! what belongs together, here or elsewhere, gets the same bits.

/// So many are merged at a time.
pub(super) const FAN: usize = 16;

/// Parts on their way to being one.
#[derive(Debug)]
pub(super) struct Tree<T> {
    /// For each level, how many parts have been merged into the one that is open.
    levels: Vec<Option<(usize, T)>>,
}

impl<T> Default for Tree<T> {
    fn default() -> Self {
        Tree { levels: Vec::new() }
    }
}

impl<T> Tree<T> {
    /// Takes in the next part; `merge` merges the second, which comes after, into the first.
    pub fn push(&mut self, mut part: T, merge: impl Fn(&mut T, T)) {
        for slot in &mut self.levels {
            match slot.take() {
                None => {
                    *slot = Some((1, part));
                    return;
                }
                Some((count, mut into)) => {
                    merge(&mut into, part);
                    if count + 1 < FAN {
                        *slot = Some((count + 1, into));
                        return;
                    }
                    part = into;
                }
            }
        }
        self.levels.push(Some((1, part)));
    }

    /// All of them; nothing of none.
    pub fn finish(self, merge: impl Fn(&mut T, T)) -> Option<T> {
        let mut last: Option<T> = None;
        for (_, mut into) in self.levels.into_iter().flatten() {
            if let Some(after) = last {
                merge(&mut into, after);
            }
            last = Some(into);
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(count: usize) -> String {
        let join = |a: &mut String, b: String| *a = format!("({a}{b})");
        let mut tree = Tree::default();
        for i in 0..count {
            tree.push(format!("{i},"), join);
        }
        tree.finish(join).unwrap_or_default()
    }

    /// Round by round, as one with all parts at hand does it.
    fn in_rounds(count: usize) -> String {
        let mut parts: Vec<String> = (0..count).map(|i| format!("{i},")).collect();
        while parts.len() > 1 {
            let merged = parts.chunks(FAN).map(|some| {
                let join = |a: String, b: &String| format!("({a}{b})");
                some[1..].iter().fold(some[0].clone(), join)
            });
            parts = merged.collect();
        }
        parts.pop().unwrap_or_default()
    }

    #[test]
    fn the_order_is_that_of_rounds() {
        for count in [
            0, 1, 2, 15, 16, 17, 31, 32, 33, 255, 256, 257, 273, 4096, 4097, 5000,
        ] {
            assert_eq!(local(count), in_rounds(count), "{count} parts");
        }
    }
}
