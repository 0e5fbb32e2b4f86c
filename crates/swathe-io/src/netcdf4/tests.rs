//! Files in memory, read back by our own reader. Other readers are in tests/python/test_netcdf4.py.

use std::io::{self, Cursor};
use std::ops::Range;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::bytes::MemorySource;
use crate::dataset::AttributeValue::{F32, I32, Text, Texts};
use crate::dataset::{Array, DataType, Dataset};
use crate::error::{Error, Result};
use crate::unpacking::Unpacking;

fn variable(name: &str, dims: &[usize], dtype: DataType) -> VariableDescription {
    VariableDescription {
        name: name.into(),
        dims: dims.to_vec(),
        dtype,
        attributes: vec![],
        fill: None,
        storage: Storage::Contiguous,
    }
}

fn chunked(shape: &[usize]) -> Storage {
    Storage::Chunked {
        shape: shape.to_vec(),
        shuffle: true,
        deflate: Some(1),
    }
}

fn description(lengths: &[usize], variables: Vec<VariableDescription>) -> FileDescription {
    let name = |i: usize| format!("d{i}");
    let named = |(i, &len)| (name(i), len);
    FileDescription {
        dimensions: lengths.iter().enumerate().map(named).collect(),
        attributes: vec![],
        variables,
        ..FileDescription::default()
    }
}

fn create(description: FileDescription) -> Result<NetCdf4Writer<Cursor<Vec<u8>>>> {
    NetCdf4Writer::create(Cursor::new(Vec::new()), description)
}

fn open(bytes: Vec<u8>) -> Dataset {
    Dataset::from_source(Arc::new(MemorySource::new("written", bytes))).unwrap()
}

fn read(dataset: &Dataset, path: &str) -> Array {
    let variable = dataset.find(path).unwrap();
    let all: Vec<_> = variable.shape.iter().map(|&len| 0..len).collect();
    dataset.read(variable, &all).unwrap()
}

/// Row-major number of every position.
fn positions(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().fold(vec![vec![]], |all, &len| {
        let longer = |p: &Vec<usize>, i| [p.as_slice(), &[i]].concat();
        all.iter()
            .flat_map(|p| (0..len).map(move |i| longer(p, i)))
            .collect()
    })
}

/// A shape and a chunk shape that fits in it.
fn shapes() -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
    let along = (1usize..9).prop_flat_map(|len| (Just(len), 1..=len));
    prop::collection::vec(along, 1..5).prop_map(|pairs| pairs.into_iter().unzip())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What is not written is the fill value, or zero where there is none; all else is what was given, for any shape
    /// of chunks. Memory of the caller's is written over.
    #[test]
    fn chunks_come_back(
        (shape, chunk) in shapes(),
        keep in prop::collection::vec(any::<bool>(), 64),
        fill in prop::option::of(Just(-7)),
    ) {
        let dims: Vec<usize> = (0..shape.len()).collect();
        let mut file = create(description(&shape, vec![VariableDescription {
            fill: fill.map(|fill| I32(vec![fill])),
            storage: chunked(&chunk),
            ..variable("v", &dims, DataType::I32)
        }])).unwrap();
        let places = positions(&shape);
        let values: Vec<i32> = (0..places.len() as i32).collect();
        let kept = |number: usize| keep[number % keep.len()];
        let along = grid(&shape, &chunk);
        for number in 0..along.iter().product() {
            if kept(number) {
                let part = gather(&values, &shape, &chunk, number, [9; 4], i32::to_le_bytes);
                file.write_chunk(0, number, &encode_chunk(part, 4, true, Some(1)).unwrap()).unwrap();
            }
        }
        let file = open(file.finish().unwrap().into_inner());
        let expected: Vec<i32> = places.iter().zip(&values).map(|(place, &value)| {
            let number = place.iter().zip(&chunk).zip(&along).fold(0, |n, ((p, c), g)| n * g + p / c);
            if kept(number) { value } else { fill.unwrap_or(0) }
        }).collect();
        let v = file.find("/v").unwrap();
        let all: Vec<_> = shape.iter().map(|&len| 0..len).collect();
        let mut over = vec![i32::MIN; expected.len()];
        file.read_into(v, &all, bytemuck::cast_slice_mut(&mut over)).unwrap();
        prop_assert_eq!(&over, &expected);
        let unpacking = Unpacking { fills: vec![-7.0], scale: Some(0.5), offset: None };
        let mut halves = vec![1e9_f32; expected.len()];
        unpacking.read_into(&file, v, &all, &mut halves).unwrap();
        for (half, &whole) in halves.iter().zip(&expected) {
            let right = match whole {
                -7 => half.is_nan(),
                whole => *half == whole as f32 / 2.0,
            };
            prop_assert!(right);
        }
        prop_assert_eq!(read(&file, "/v"), Array::I32(expected));
    }

    /// Padding and elements by their positions.
    #[test]
    fn gathering_is_by_position((shape, chunk) in shapes()) {
        let values: Vec<u16> = (0..positions(&shape).len() as u16).collect();
        for (number, place) in positions(&grid(&shape, &chunk)).iter().enumerate() {
            let expected: Vec<u8> = positions(&chunk).iter().flat_map(|inner| {
                let mut at = 0;
                for d in 0..shape.len() {
                    let along = place[d] * chunk[d] + inner[d];
                    if along >= shape[d] {
                        return [1, 2];
                    }
                    at = at * shape[d] + along;
                }
                values[at].to_le_bytes()
            }).collect();
            let found = gather(&values, &shape, &chunk, number, [1, 2], u16::to_le_bytes);
            prop_assert_eq!(found, expected);
        }
    }
}

#[test]
fn memory_that_does_not_fit_is_refused() {
    let mut file = create(description(&[3], vec![variable("v", &[0], DataType::I16)])).unwrap();
    file.write_values(0, &[1, 0, 2, 0, 3, 0]).unwrap();
    let file = open(file.finish().unwrap().into_inner());
    let v = file.find("/v").unwrap();
    let part = |start, end| vec![Range { start, end }];
    for bytes in [0, 3, 5, 7] {
        let refused = file.read_into(v, &part(0, 3), &mut vec![0; bytes]);
        assert!(matches!(refused, Err(Error::Request { .. })), "{bytes}");
    }
    let beyond = file.read_into(v, &part(0, 4), &mut [0; 8]);
    assert!(matches!(beyond, Err(Error::Slab { .. })));
    let mut two = [9; 4];
    file.read_into(v, &part(1, 3), &mut two).unwrap();
    assert_eq!(two, [2, 0, 3, 0]);
}

#[test]
fn texts_and_long_attributes_come_back() {
    let long = "x".repeat(100_000);
    let attributes: crate::dataset::Attributes = vec![
        ("short".into(), Text("a".into())),
        ("long".into(), Text(long.clone())),
        ("empty".into(), Text(String::new())),
        ("list".into(), Texts(vec![String::new(), "é".into()])),
        ("count".into(), I32(vec![0])),
    ];
    let texts = vec![String::new(), long, "µ".into()];
    let mut described = description(&[3], vec![variable("t", &[0], DataType::Text)]);
    described.attributes = attributes.clone();
    described.variables[0].attributes = attributes.clone();
    let mut file = create(described).unwrap();
    file.write_texts(0, texts.clone()).unwrap();
    file.set_attribute(Some(0), "count", I32(vec![5])).unwrap();
    let dataset = open(file.finish().unwrap().into_inner());
    assert_eq!(read(&dataset, "/t"), Array::Text(texts));
    assert_eq!(dataset.root().attributes, attributes);
    let mut changed = attributes;
    changed[4].1 = I32(vec![5]);
    assert_eq!(dataset.find("/t").unwrap().attributes, changed);
}

#[test]
fn what_netcdf_cannot_hold_is_refused() {
    let ok = variable("v", &[0, 1], DataType::F32);
    let message = |variables: Vec<VariableDescription>| {
        let refused = create(description(&[4, 5], variables)).map(|_| ());
        refused.unwrap_err().to_string()
    };
    let with = |change: fn(&mut VariableDescription)| {
        let mut changed = ok.clone();
        change(&mut changed);
        message(vec![changed])
    };
    assert!(message(vec![ok.clone(), ok.clone()]).contains("two variables \"v\""));
    assert!(with(|v| v.name = "a/b".into()).contains("cannot be a name"));
    assert!(with(|v| v.name = "d0".into()).contains("named as a dimension"));
    assert!(with(|v| v.dims = vec![2]).contains("no dimension 2"));
    assert!(with(|v| v.dtype = DataType::Other("compound".into())).contains("compound"));
    assert!(with(|v| v.fill = Some(I32(vec![0]))).contains("fill value"));
    assert!(with(|v| v.fill = Some(F32(vec![0.0; 2]))).contains("fill value"));
    assert!(with(|v| v.storage = chunked(&[4])).contains("do not fit"));
    assert!(with(|v| v.storage = chunked(&[4, 6])).contains("do not fit"));
    assert!(with(|v| v.storage = chunked(&[0, 5])).contains("do not fit"));
    let text = with(|v| {
        v.dtype = DataType::Text;
        v.storage = chunked(&[2, 2]);
    });
    assert!(text.contains("cannot be chunked"), "{text}");
    for name in ["_FillValue", "DIMENSION_LIST"] {
        let mut own = ok.clone();
        own.attributes = vec![(name.into(), I32(vec![0]))];
        assert!(message(vec![own]).contains("for itself"));
    }
}

#[test]
fn calls_that_do_not_fit_the_description_are_refused() {
    let mut described = description(
        &[4],
        vec![
            VariableDescription {
                storage: chunked(&[2]),
                ..variable("chunks", &[0], DataType::I16)
            },
            variable("piece", &[0], DataType::I16),
            variable("texts", &[0], DataType::Text),
        ],
    );
    described.attributes = vec![("a".into(), I32(vec![1])), ("t".into(), Text("ab".into()))];
    let mut file = create(described).unwrap();
    let refused = |result: Result<()>, reason: &str| {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(reason), "{message}");
    };
    file.write_chunk(0, 1, &[1]).unwrap();
    refused(file.write_chunk(0, 1, &[1]), "given twice");
    refused(file.write_chunk(0, 2, &[1]), "it has 2");
    refused(file.write_chunk(1, 0, &[1]), "no chunks");
    refused(file.write_chunk(3, 0, &[1]), "no chunks");
    refused(file.write_values(0, &[0; 8]), "in chunks");
    refused(file.write_values(1, &[0; 7]), "7 bytes");
    refused(file.write_values(2, &[0; 64]), "64 bytes");
    file.write_values(1, &[0; 8]).unwrap();
    refused(file.write_values(1, &[0; 8]), "given twice");
    refused(file.write_texts(2, vec![String::new(); 3]), "3 texts");
    refused(file.write_texts(1, vec![String::new(); 4]), "4 texts");
    file.write_texts(2, vec![String::new(); 4]).unwrap();
    refused(file.write_texts(2, vec![String::new(); 4]), "given twice");
    refused(file.set_attribute(None, "b", I32(vec![1])), "no attribute");
    refused(
        file.set_attribute(None, "a", I32(vec![1, 2])),
        "another type",
    );
    refused(
        file.set_attribute(None, "a", F32(vec![1.0])),
        "another type",
    );
    refused(
        file.set_attribute(None, "t", Text("abc".into())),
        "another type",
    );
    file.finish().unwrap();
}

/// A sink that fails after so many bytes, as a full disk does.
struct Full(Cursor<Vec<u8>>, usize);

impl io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.1 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.1 -= bytes.len();
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl io::Seek for Full {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn a_full_disk_is_an_error_wherever_it_happens() {
    let write = |room| -> Result<()> {
        let described = description(&[4], vec![variable("v", &[0], DataType::I64)]);
        let sink = Full(Cursor::new(Vec::new()), room);
        let mut file = NetCdf4Writer::create(sink, described)?;
        file.write_values(0, &[0; 32])?;
        file.finish().map(|_| ())
    };
    for room in [0, 31, 32, 100] {
        assert!(
            write(room)
                .unwrap_err()
                .to_string()
                .contains("netCDF output")
        );
    }
    assert!(write(100_000).is_ok());
}
