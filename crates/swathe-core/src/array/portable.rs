//! Arrays as bytes, for other processes.

use super::buffer::Buffer;
use super::chunks::{Chunks, Cut};
use super::dtype::{DType, Kind, Scalar};
use super::elementwise::{Binary, Unary};
use super::error::ArrayError;
use super::expression::{Array, ChunkSource, Operation};
use super::random::{Distribution, Leftover, OneStream, Pcg64, SeedSequence, Streams};
use super::reduction::{Over, Statistic};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// What tells of an array: its nodes, operands before what stands upon them.
#[derive(Serialize, Deserialize)]
struct Told {
    /// Who wrote it: nodes mean what this version means by them.
    version: String,
    nodes: Vec<Node>,
}

/// Lengths of the chunks along each axis.
type Sizes = Vec<Vec<usize>>;

/// A node; operands are numbers of earlier ones.
#[derive(Serialize, Deserialize)]
enum Node {
    Constant(Buffer),
    Range {
        start: Scalar,
        step: Scalar,
        last: Option<f64>,
        dtype: DType,
        sizes: Sizes,
    },
    Random {
        distribution: Distribution,
        stream: StreamOf,
        sizes: Sizes,
    },
    Memory(Buffer, Sizes),
    Source {
        description: Vec<u8>,
        dtype: DType,
        sizes: Sizes,
    },
    Unary(Unary, usize),
    Binary(Binary, usize, usize),
    Where(usize, usize, usize),
    Cast(usize, DType),
    Slice {
        array: usize,
        starts: Vec<usize>,
        steps: Vec<isize>,
        shape: Vec<usize>,
    },
    Axes(usize, Vec<Option<usize>>),
    Broadcast(usize, Sizes),
    Concatenate(Vec<usize>, usize),
    Reduced {
        input: usize,
        weights: Option<usize>,
        statistic: Statistic,
        axes: Vec<i64>,
        skip_missing: bool,
        dtype: DType,
    },
}

#[derive(Serialize, Deserialize)]
enum StreamOf {
    Children { seeds: SeedSequence, first: u32 },
    One(Vec<(Pcg64, Leftover)>),
    ByPlace { key: u64 },
}

/// Makes outside arrays of their descriptions.
pub type Sources<'a> = dyn Fn(&[u8]) -> Result<Arc<dyn ChunkSource>, String> + 'a;

fn damaged(what: impl std::fmt::Display) -> ArrayError {
    ArrayError::Value(format!("an array as bytes is damaged: {what}"))
}

impl Array {
    /// The array as bytes, which [`Array::from_bytes`] of this version reads.
    ///
    /// # Errors
    /// A function of the index, or a source that cannot be described.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ArrayError> {
        let mut nodes = Vec::new();
        told(self, &mut nodes, &mut HashMap::new())?;
        let told = Told {
            version: env!("CARGO_PKG_VERSION").into(),
            nodes,
        };
        postcard::to_stdvec(&told).map_err(damaged)
    }

    /// An array of bytes; outside arrays are made of what described them.
    ///
    /// # Errors
    /// Bytes of another version, or damaged; a source that is not there.
    pub fn from_bytes(bytes: &[u8], sources: &Sources<'_>) -> Result<Array, ArrayError> {
        // The version is read first: the rest may mean anything.
        let (version, _): (String, _) = postcard::take_from_bytes(bytes).map_err(damaged)?;
        if version != env!("CARGO_PKG_VERSION") {
            return Err(ArrayError::Value(format!(
                "an array of version {version} cannot be read by {}",
                env!("CARGO_PKG_VERSION")
            )));
        }
        let told: Told = postcard::from_bytes(bytes).map_err(damaged)?;
        let mut arrays: Vec<Array> = Vec::with_capacity(told.nodes.len());
        for node in told.nodes {
            let made = made(node, &arrays, sources)?;
            arrays.push(made);
        }
        arrays.pop().ok_or_else(|| damaged("it is empty"))
    }
}

fn told(
    array: &Array,
    nodes: &mut Vec<Node>,
    numbers: &mut HashMap<usize, usize>,
) -> Result<usize, ArrayError> {
    if let Some(number) = numbers.get(&array.id()) {
        return Ok(*number);
    }
    let sizes = || array.chunks().sizes();
    let dtype = array.dtype();
    let mut of = |operand: &Array| told(operand, nodes, numbers);
    let node = match &array.node.operation {
        Operation::Constant(one) => Node::Constant(one.clone()),
        Operation::Range { start, step, last } => Node::Range {
            start: *start,
            step: *step,
            last: *last,
            dtype,
            sizes: sizes(),
        },
        Operation::Function(_) => {
            return Err(ArrayError::Value(
                "an array that is a function of the index cannot be sent elsewhere".into(),
            ));
        }
        Operation::Random {
            distribution,
            streams,
        } => Node::Random {
            distribution: *distribution,
            stream: match streams {
                Streams::Children { seeds, first } => StreamOf::Children {
                    seeds: seeds.clone(),
                    first: *first,
                },
                Streams::One(one) => StreamOf::One(one.starts()),
                Streams::ByPlace { key } => StreamOf::ByPlace { key: *key },
            },
            sizes: sizes(),
        },
        Operation::Memory(elements) => Node::Memory((**elements).clone(), sizes()),
        Operation::Source(source) => Node::Source {
            description: source.description().ok_or_else(|| {
                ArrayError::Source(format!(
                    "{}: it cannot be read elsewhere: give a path or an address",
                    source.name()
                ))
            })?,
            dtype,
            sizes: sizes(),
        },
        Operation::Unary(unary, a) => Node::Unary(*unary, of(a)?),
        Operation::Binary(binary, a, b) => Node::Binary(*binary, of(a)?, of(b)?),
        Operation::Where(a, b, c) => Node::Where(of(a)?, of(b)?, of(c)?),
        Operation::Cast(a) => Node::Cast(of(a)?, dtype),
        Operation::Slice {
            array: operand,
            starts,
            steps,
        } => Node::Slice {
            array: of(operand)?,
            starts: starts.clone(),
            steps: steps.clone(),
            shape: array.shape().to_vec(),
        },
        Operation::Axes {
            array: operand,
            axes,
        } => Node::Axes(of(operand)?, axes.clone()),
        Operation::Broadcast(a) => Node::Broadcast(of(a)?, sizes()),
        Operation::Concatenate { arrays, axis, .. } => {
            let arrays: Result<_, _> = arrays.iter().map(of).collect();
            Node::Concatenate(arrays?, *axis)
        }
        Operation::Reduced(reduction) => Node::Reduced {
            input: of(&reduction.input)?,
            weights: reduction.weights.as_ref().map(&mut of).transpose()?,
            statistic: reduction.statistic.clone(),
            axes: (0..)
                .zip(&reduction.reduced)
                .filter_map(|(axis, gone)| gone.then_some(axis))
                .collect(),
            skip_missing: reduction.skip_missing,
            dtype,
        },
    };
    nodes.push(node);
    numbers.insert(array.id(), nodes.len() - 1);
    Ok(nodes.len() - 1)
}

/// The shape of sizes, and the chunks, checked.
fn cut(sizes: Sizes, dtype: DType) -> Result<(Vec<usize>, Chunks), ArrayError> {
    let length = |sizes: &Vec<usize>| {
        let all = sizes
            .iter()
            .try_fold(0_usize, |all, size| all.checked_add(*size));
        all.ok_or_else(|| damaged("lengths without end"))
    };
    let shape: Vec<usize> = sizes.iter().map(length).collect::<Result<_, _>>()?;
    let cuts: Vec<Cut> = sizes.into_iter().map(Cut::Sizes).collect();
    let chunks = Chunks::new(&shape, &cuts, dtype)?;
    Ok((shape, chunks))
}

/// An array of a node, made as calls make it, so that what cannot be is refused.
fn made(node: Node, arrays: &[Array], sources: &Sources<'_>) -> Result<Array, ArrayError> {
    let at = |number: usize| {
        arrays
            .get(number)
            .ok_or_else(|| damaged("an operand is missing"))
    };
    match node {
        Node::Constant(one) if one.len() == 1 => {
            let dtype = one.dtype();
            Array::new(
                Vec::new(),
                Chunks::whole(&[]),
                dtype,
                Operation::Constant(one),
            )
        }
        Node::Constant(_) => Err(damaged("a constant is one element")),
        Node::Range {
            start,
            step,
            last,
            dtype,
            sizes,
        } => {
            let (shape, chunks) = cut(sizes, dtype)?;
            if shape.len() != 1 {
                return Err(damaged("a range has one axis"));
            }
            Array::new(shape, chunks, dtype, Operation::Range { start, step, last })
        }
        Node::Random {
            distribution,
            stream,
            sizes,
        } => {
            let whole = matches!(distribution, Distribution::Integers { .. });
            if whole && distribution.dtype().kind() == Kind::Float {
                return Err(damaged("whole numbers are of no such type"));
            }
            let (shape, chunks) = cut(sizes, distribution.dtype())?;
            let streams = match stream {
                StreamOf::Children { seeds, first } => Streams::Children { seeds, first },
                StreamOf::ByPlace { key } => Streams::ByPlace { key },
                StreamOf::One(known) => {
                    let lens = (0..chunks.count()).map(|number| {
                        let region = chunks.region(number);
                        region.iter().map(ExactSizeIterator::len).product()
                    });
                    let one = OneStream::continued(known, distribution, lens.collect());
                    Streams::One(Arc::new(
                        one.ok_or_else(|| damaged("a stream has no start"))?,
                    ))
                }
            };
            Array::random(&shape, chunks, distribution, streams)
        }
        Node::Memory(elements, sizes) => {
            let (shape, _) = cut(sizes.clone(), elements.dtype())?;
            let cuts: Vec<Cut> = sizes.into_iter().map(Cut::Sizes).collect();
            Array::from_memory(Arc::new(elements), &shape, &cuts)
        }
        Node::Source {
            description,
            dtype,
            sizes,
        } => {
            let (shape, _) = cut(sizes.clone(), dtype)?;
            let cuts: Vec<Cut> = sizes.into_iter().map(Cut::Sizes).collect();
            let source = sources(&description).map_err(ArrayError::Source)?;
            Array::from_source(source, &shape, dtype, &cuts)
        }
        Node::Unary(unary, a) => Array::unary(unary, at(a)?),
        Node::Binary(binary, a, b) => Array::binary(binary, at(a)?, at(b)?),
        Node::Where(a, b, c) => Array::choose(at(a)?, at(b)?, at(c)?),
        Node::Cast(a, dtype) => at(a)?.cast(dtype),
        Node::Slice {
            array,
            starts,
            steps,
            shape,
        } => {
            let array = at(array)?;
            let own = array.shape();
            let inside = own.len() == starts.len()
                && own.len() == steps.len()
                && own.len() == shape.len()
                && (own.iter().zip(&starts).zip(steps.iter().zip(&shape))).all(
                    |((&len, &start), (&step, &count))| {
                        let last = i128::from(start as u64)
                            + i128::from(step as i64) * i128::from(count.saturating_sub(1) as u64);
                        step != 0
                            && (count == 0 || (start < len && (0..len as i128).contains(&last)))
                    },
                );
            match inside {
                true => array.taken(starts, steps, shape),
                false => Err(damaged("a slice is not in its array")),
            }
        }
        Node::Axes(array, axes) => {
            let array = at(array)?;
            let mut left = vec![1; array.shape().len()];
            for axis in axes.iter().flatten() {
                match left.get_mut(*axis) {
                    Some(times) if *times == 1 => *times = 0,
                    _ => return Err(damaged("an axis is not there")),
                }
            }
            let gone = left.iter().zip(array.shape());
            if gone.into_iter().any(|(left, len)| *left == 1 && *len != 1) {
                return Err(damaged("an axis is left out"));
            }
            array.with_axes(axes)
        }
        Node::Broadcast(array, sizes) => {
            let array = at(array)?;
            let (shape, chunks) = cut(sizes, array.dtype())?;
            // It says whether the shapes go together.
            array.broadcast_to(&shape)?;
            let operation = Operation::Broadcast(array.clone());
            Array::new(shape, chunks, array.dtype(), operation)
        }
        Node::Concatenate(numbers, axis) => {
            let arrays: Result<Vec<Array>, _> = numbers
                .into_iter()
                .map(|number| at(number).cloned())
                .collect();
            Array::concatenate(&arrays?, i64::try_from(axis).map_err(damaged)?)
        }
        Node::Reduced {
            input,
            weights,
            statistic,
            axes,
            skip_missing,
            dtype,
        } => {
            if matches!(&statistic, Statistic::Histogram { edges } if edges.len() < 2) {
                return Err(damaged("a histogram has edges"));
            }
            let over = Over {
                axes: Some(axes),
                keep: false,
                skip_missing,
            };
            let weights = weights.map(at).transpose()?;
            at(input)?.reduce_with(statistic, &over, weights, Some(dtype))
        }
    }
}
