//! Which random bits a chunk of an array is drawn from.

use super::bits::Places;
use super::distribution::{Distribution, Leftover};
use super::pcg64::Pcg64;
use super::seed::SeedSequence;
use crate::array::buffer::Buffer;
use std::sync::{Arc, Mutex, PoisonError};

/// Where the random bits of an array come from.
#[derive(Debug, Clone)]
pub enum Streams {
    /// A stream for every chunk, spawned from one seed: what dask does.
    Children {
        /// The parent's seed.
        seeds: SeedSequence,
        /// Number of the first chunk's child.
        first: u32,
    },
    /// One stream for the whole array: what numpy does.
    One(Arc<OneStream>),
    /// Every element has its own bits, by its place in the array: chunks do not show.
    ByPlace {
        /// What tells arrays apart.
        key: u64,
    },
}

/// The one stream of an array whose chunks follow each other in it.
#[derive(Debug)]
pub struct OneStream {
    distribution: Distribution,
    /// Elements of every chunk.
    chunks: Vec<usize>,
    start: Start,
    /// What is at the start of each chunk, as far as is known.
    known: Mutex<Vec<(Pcg64, Leftover)>>,
}

#[derive(Debug)]
enum Start {
    At(Pcg64),
    After(Arc<OneStream>),
}

/// How many numbers are drawn at once where only the generator's state after them is wanted.
const SKIPPED: usize = 4096;

impl OneStream {
    /// A stream that begins with this generator.
    pub fn new(generator: Pcg64, distribution: Distribution, chunks: Vec<usize>) -> Self {
        OneStream {
            distribution,
            chunks,
            start: Start::At(generator),
            known: Mutex::default(),
        }
    }

    /// The stream after another array's.
    pub fn after(before: Arc<OneStream>, distribution: Distribution, chunks: Vec<usize>) -> Self {
        OneStream {
            distribution,
            chunks,
            start: Start::After(before),
            known: Mutex::default(),
        }
    }

    /// The same stream, told by what is at the start of its first chunks.
    pub(in crate::array) fn continued(
        known: Vec<(Pcg64, Leftover)>,
        distribution: Distribution,
        chunks: Vec<usize>,
    ) -> Option<Self> {
        let start = Start::At(known.first()?.0.clone());
        Some(OneStream {
            distribution,
            chunks,
            start,
            known: Mutex::new(known),
        })
    }

    /// What is at the starts of chunks: of the first one, and of all others that are known.
    pub(in crate::array) fn starts(&self) -> Vec<(Pcg64, Leftover)> {
        self.at(0);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    /// The generator after the array.
    pub fn end(&self) -> Pcg64 {
        self.at(self.chunks.len()).0
    }

    /// What is at the start of a chunk. Where it is not known yet, all before is drawn.
    fn at(&self, chunk: usize) -> (Pcg64, Leftover) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_empty() {
            let generator = match &self.start {
                Start::At(generator) => generator.clone(),
                Start::After(before) => before.end(),
            };
            known.push((generator, Leftover::default()));
        }
        while known.len() <= chunk {
            let Some(mut state) = known.last().cloned() else {
                break;
            };
            let len = self.chunks.get(known.len() - 1).copied().unwrap_or(0);
            self.skip(&mut state, len);
            known.push(state);
        }
        known[chunk.min(known.len() - 1)].clone()
    }

    /// Remembers where the chunk after this one starts.
    fn learn(&self, next: usize, state: (Pcg64, Leftover)) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() == next {
            known.push(state);
        }
    }

    fn skip(&self, (generator, left): &mut (Pcg64, Leftover), mut len: usize) {
        if let Some(draws) = self.distribution.draws() {
            let (_, _, half) = generator.state();
            generator.advance(draws * len as u128);
            let (state, increment, _) = generator.state();
            *generator = Pcg64::from_state(state, increment, half);
            return;
        }
        while len > 0 {
            let count = len.min(SKIPPED);
            let _ = self.distribution.draw(generator, left, count);
            len -= count;
        }
    }
}

/// The numbers of one chunk, in its order, at some point of them.
pub struct Stream {
    distribution: Distribution,
    generator: Pcg64,
    left: Leftover,
    /// How many were drawn.
    drawn: usize,
    /// The stream to tell its end, and the chunk after this.
    tell: Option<(Arc<OneStream>, usize)>,
    len: usize,
}

impl Streams {
    /// The stream of a chunk of so many elements, at its start; `None` where every element has its own.
    pub(crate) fn open(
        &self,
        distribution: Distribution,
        chunk: usize,
        len: usize,
    ) -> Option<Stream> {
        let ((generator, left), tell) = match self {
            Streams::Children { seeds, first } => {
                let number = first.wrapping_add(chunk as u32);
                let generator = Pcg64::new(&seeds.child(number));
                ((generator, Leftover::default()), None)
            }
            Streams::One(one) => (one.at(chunk), Some((one.clone(), chunk + 1))),
            Streams::ByPlace { .. } => return None,
        };
        Some(Stream {
            distribution,
            generator,
            left,
            drawn: 0,
            tell,
            len,
        })
    }
}

impl Stream {
    /// How many numbers were drawn.
    pub fn drawn(&self) -> usize {
        self.drawn
    }

    /// The next numbers.
    pub fn draw(&mut self, count: usize) -> Buffer {
        let distribution = self.distribution;
        let drawn = distribution.draw(&mut self.generator, &mut self.left, count);
        self.drawn += count;
        if self.drawn == self.len
            && let Some((one, next)) = self.tell.take()
        {
            one.learn(next, (self.generator.clone(), self.left));
        }
        drawn
    }
}

/// Numbers at places that follow each other.
pub fn draw_places(distribution: Distribution, key: u64, first: u64, count: usize) -> Buffer {
    distribution.draw(
        &mut Places::new(key, first),
        &mut Leftover::default(),
        count,
    )
}
