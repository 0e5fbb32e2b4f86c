//! What random arrays are asked of, one after another.

use super::distribution::Distribution;
use super::pcg64::Pcg64;
use super::seed::SeedSequence;
use super::stream::{OneStream, Streams};
use crate::array::chunks::{Chunks, Cut};
use crate::array::error::ArrayError;
use crate::array::expression::Array;
use std::str::FromStr;
use std::sync::Arc;

/// How the chunks of an array get their random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StreamKind {
    /// A stream spawned for every chunk: the numbers of dask's `da.random.default_rng`.
    #[default]
    Dask,
    /// One stream for all: the numbers of `numpy.random.default_rng`.
    Numpy,
    /// Bits by place: the same numbers however the array is cut.
    Place,
}

impl FromStr for StreamKind {
    type Err = ArrayError;

    fn from_str(name: &str) -> Result<Self, ArrayError> {
        match name {
            "dask" => Ok(StreamKind::Dask),
            "numpy" => Ok(StreamKind::Numpy),
            "place" => Ok(StreamKind::Place),
            _ => Err(ArrayError::Value(format!(
                "streams {name:?} are not dask, numpy or place"
            ))),
        }
    }
}

/// Makes random arrays; each takes up what the ones before left, as with numpy and dask.
#[derive(Debug, Clone)]
pub struct Generator {
    seeds: SeedSequence,
    spawned: u32,
    kind: StreamKind,
    generator: Pcg64,
    before: Option<Arc<OneStream>>,
}

impl Generator {
    /// Of a seed from which so many children have been spawned.
    pub fn new(seeds: SeedSequence, spawned: u32, kind: StreamKind) -> Self {
        let generator = Pcg64::new(&seeds);
        Generator {
            seeds,
            spawned,
            kind,
            generator,
            before: None,
        }
    }

    /// The same, its one stream being in this state.
    #[must_use]
    pub fn in_state(mut self, generator: Pcg64) -> Self {
        self.generator = generator;
        self.before = None;
        self
    }

    /// The number of the next child.
    pub fn spawned(&self) -> u32 {
        self.spawned
    }

    /// A random array.
    ///
    /// # Errors
    /// Chunks that do not suit the shape; with one stream, chunks that do not follow each other in memory.
    pub fn draw(
        &mut self,
        distribution: Distribution,
        shape: &[usize],
        cuts: &[Cut],
    ) -> Result<Array, ArrayError> {
        let chunks = Chunks::new(shape, cuts, distribution.dtype())?;
        let children = match self.kind {
            StreamKind::Dask => u32::try_from(chunks.count()).ok(),
            StreamKind::Numpy => Some(0),
            StreamKind::Place => Some(1),
        };
        let next = children.and_then(|children| self.spawned.checked_add(children));
        let Some(next) = next else {
            return Err(ArrayError::Chunks(format!(
                "{} chunks are more than a seed has children",
                chunks.count()
            )));
        };
        let streams = match self.kind {
            StreamKind::Dask => Streams::Children {
                seeds: self.seeds.clone(),
                first: self.spawned,
            },
            StreamKind::Place => Streams::ByPlace {
                key: self.seeds.child(self.spawned).state()[0],
            },
            StreamKind::Numpy => {
                let lens = in_one_stream(&chunks)?;
                let one = match &self.before {
                    Some(before) => OneStream::after(before.clone(), distribution, lens),
                    None => OneStream::new(self.generator.clone(), distribution, lens),
                };
                let one = Arc::new(one);
                self.before = Some(one.clone());
                Streams::One(one)
            }
        };
        self.spawned = next;
        Array::random(shape, chunks, distribution, streams)
    }
}

/// Elements of chunks that follow each other in row-major order.
fn in_one_stream(chunks: &Chunks) -> Result<Vec<usize>, ArrayError> {
    let counts = chunks.counts();
    let cut = counts.iter().position(|&count| count > 1).unwrap_or(0);
    let leading = chunks
        .sizes()
        .iter()
        .take(cut)
        .all(|sizes| sizes.iter().sum::<usize>() == 1);
    if !leading || counts.iter().skip(cut + 1).any(|&count| count > 1) {
        return Err(ArrayError::Chunks(
            "one stream of random numbers is cut along the first axis only".into(),
        ));
    }
    let len = |number| {
        chunks
            .region(number)
            .iter()
            .map(ExactSizeIterator::len)
            .product()
    };
    Ok((0..chunks.count()).map(len).collect())
}
