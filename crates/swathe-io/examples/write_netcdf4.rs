//! Writes netCDF-4 files with all that the writer can do, for the Python tests of it:
//! `cargo run -p swathe-io --example write_netcdf4 -- DIRECTORY`.
//!
//! Elements hold their own number, row-major.

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use swathe_io::dataset::AttributeValue::{self, F32, F64, I8, I16, I32, I64, Text, Texts};
use swathe_io::dataset::AttributeValue::{U8, U16, U32, U64};
use swathe_io::dataset::{Attributes, DataType};
use swathe_io::netcdf4::{
    FileDescription, NetCdf4Writer, Storage, VariableDescription, encode_chunk, gather, grid,
};

type Outcome<T> = Result<T, Box<dyn Error>>;
type Writer = NetCdf4Writer<BufWriter<File>>;

fn main() -> Outcome<()> {
    let directory = std::env::args().nth(1).ok_or("give a directory")?;
    let directory = Path::new(&directory);
    std::fs::create_dir_all(directory)?;
    kinds(&directory.join("kinds.nc"))?;
    shapes(&directory.join("shapes.nc"))?;
    missing(&directory.join("missing.nc"))?;
    attributes(&directory.join("attributes.nc"))?;
    many_variables(&directory.join("many_variables.nc"))?;
    many_chunks(&directory.join("many_chunks.nc"))?;
    nothing(&directory.join("nothing.nc"))
}

fn create(path: &Path, description: FileDescription) -> Outcome<Writer> {
    let sink = BufWriter::new(File::create(path)?);
    Ok(NetCdf4Writer::create(sink, description)?)
}

fn dimensions(all: &[(&str, usize)]) -> Vec<(String, usize)> {
    all.iter().map(|(n, l)| ((*n).to_owned(), *l)).collect()
}

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

fn chunked(shape: &[usize], shuffle: bool, deflate: Option<u8>) -> Storage {
    Storage::Chunked {
        shape: shape.to_vec(),
        shuffle,
        deflate,
    }
}

/// Every type of number, in one piece and in chunks.
fn kinds(path: &Path) -> Outcome<()> {
    let types = [
        ("i1", DataType::I8),
        ("u1", DataType::U8),
        ("i2", DataType::I16),
        ("u2", DataType::U16),
        ("i4", DataType::I32),
        ("u4", DataType::U32),
        ("i8", DataType::I64),
        ("u8", DataType::U64),
        ("f4", DataType::F32),
        ("f8", DataType::F64),
    ];
    let mut variables = Vec::new();
    for (name, dtype) in &types {
        variables.push(variable(name, &[0], dtype.clone()));
        variables.push(VariableDescription {
            storage: chunked(&[4], true, Some(6)),
            ..variable(&format!("{name}_chunks"), &[0], dtype.clone())
        });
    }
    let description = FileDescription {
        dimensions: dimensions(&[("n", 7)]),
        attributes: vec![],
        variables,
        ..FileDescription::default()
    };
    let mut file = create(path, description)?;
    let values: Vec<i8> = (-3..4).collect();
    for (i, (_, dtype)) in types.iter().enumerate() {
        let size = dtype.size().ok_or("a number")?;
        let bytes = |v: i8| match dtype {
            DataType::F32 => f32::from(v).to_le_bytes().to_vec(),
            DataType::F64 => f64::from(v).to_le_bytes().to_vec(),
            _ => i64::from(v).to_le_bytes()[..size].to_vec(),
        };
        let all: Vec<u8> = values.iter().flat_map(|&v| bytes(v)).collect();
        file.write_values(2 * i, &all)?;
        for (number, part) in [&all[..4 * size], &all[4 * size..]].into_iter().enumerate() {
            let mut part = part.to_vec();
            part.resize(4 * size, 0);
            file.write_chunk(2 * i + 1, number, &encode_chunk(part, size, true, Some(6))?)?;
        }
    }
    file.finish()?;
    Ok(())
}

/// Scalars, text, one to four dimensions with chunks cut at the edges, none at all.
fn shapes(path: &Path) -> Outcome<()> {
    let sizes = [
        ("a", 7),
        ("b", 5),
        ("c", 3),
        ("d", 2),
        ("none", 0),
        ("unused", 4),
    ];
    let with_chunks = |name: &str, dims: &[usize], chunk: &[usize]| VariableDescription {
        storage: chunked(chunk, true, Some(4)),
        ..variable(name, dims, DataType::F32)
    };
    let variables = vec![
        variable("scalar", &[], DataType::F64),
        variable("scalar_text", &[], DataType::Text),
        variable("text", &[0], DataType::Text),
        variable("c", &[2], DataType::Text),
        variable("none", &[4], DataType::F64),
        variable("none_text", &[4], DataType::Text),
        with_chunks("none_chunks", &[0, 4], &[3, 1]),
        with_chunks("one", &[0], &[3]),
        with_chunks("two", &[0, 1], &[4, 4]),
        with_chunks("three", &[0, 1, 2], &[2, 5, 2]),
        with_chunks("four", &[2, 1, 0, 3], &[3, 2, 4, 1]),
        with_chunks("square", &[1, 1], &[5, 5]),
        VariableDescription {
            storage: chunked(&[2, 2], false, None),
            ..variable("as_they_are", &[0, 1], DataType::F32)
        },
        VariableDescription {
            storage: chunked(&[2, 2], true, None),
            ..variable("shuffled", &[0, 1], DataType::F32)
        },
        VariableDescription {
            storage: chunked(&[2, 2], false, Some(9)),
            ..variable("deflated", &[0, 1], DataType::F32)
        },
    ];
    let description = FileDescription {
        dimensions: dimensions(&sizes),
        attributes: vec![],
        variables: variables.clone(),
        ..FileDescription::default()
    };
    let mut file = create(path, description)?;
    file.write_values(0, &2.5f64.to_le_bytes())?;
    file.write_texts(1, vec!["one text".into()])?;
    let texts = [
        "",
        "a",
        "µm — ∞",
        "",
        "with\nlines",
        &"long ".repeat(40_000),
        "z",
    ];
    file.write_texts(2, texts.map(String::from).to_vec())?;
    file.write_texts(3, ["red", "green", "blue"].map(String::from).to_vec())?;
    file.write_values(4, &[])?;
    file.write_texts(5, vec![])?;
    for (i, variable) in variables.iter().enumerate() {
        if let Storage::Chunked {
            shape: chunk,
            shuffle,
            deflate,
        } = &variable.storage
        {
            let shape: Vec<usize> = variable.dims.iter().map(|&d| sizes[d].1).collect();
            let values: Vec<f32> = numbers(&shape);
            for number in 0..grid(&shape, chunk).iter().product() {
                let part = gather(&values, &shape, chunk, number, [0xff; 4], f32::to_le_bytes);
                file.write_chunk(i, number, &encode_chunk(part, 4, *shuffle, *deflate)?)?;
            }
        }
    }
    file.finish()?;
    Ok(())
}

fn numbers(shape: &[usize]) -> Vec<f32> {
    (0..shape.iter().product())
        .map(|i: usize| i as f32)
        .collect()
}

/// Only every third chunk is written, the last ones first.
fn missing(path: &Path) -> Outcome<()> {
    let (shape, chunk) = ([21, 35], [2, 3]);
    let part = |name: &str, fill: Option<AttributeValue>| VariableDescription {
        fill,
        storage: chunked(&chunk, true, Some(4)),
        ..variable(name, &[0, 1], DataType::F32)
    };
    let description = FileDescription {
        dimensions: dimensions(&[("a", shape[0]), ("b", shape[1])]),
        attributes: vec![],
        variables: vec![
            part("filled", Some(F32(vec![-32767.0]))),
            part("zero", None),
            part("no_chunk", Some(F32(vec![-1.0]))),
            VariableDescription {
                fill: Some(I32(vec![-5])),
                ..variable("never", &[0], DataType::I32)
            },
        ],
        ..FileDescription::default()
    };
    let mut file = create(path, description)?;
    let values = numbers(&shape);
    for number in (0..grid(&shape, &chunk).iter().product()).rev().step_by(3) {
        let bytes = gather(&values, &shape, &chunk, number, [0; 4], f32::to_le_bytes);
        let encoded = encode_chunk(bytes, 4, true, Some(4))?;
        file.write_chunk(0, number, &encoded)?;
        file.write_chunk(1, number, &encoded)?;
    }
    file.finish()?;
    Ok(())
}

/// Values of every type, and objects whose attributes do not fit into their headers.
fn attributes(path: &Path) -> Outcome<()> {
    let every: Attributes = [
        ("i1", I8(vec![-1, 2])),
        ("u1", U8(vec![200])),
        ("i2", I16(vec![-3])),
        ("u2", U16(vec![60_000])),
        ("i4", I32(vec![-5, 6, 7])),
        ("u4", U32(vec![4_000_000_000])),
        ("i8", I64(vec![-9_000_000_000])),
        ("u8", U64(vec![18_000_000_000_000_000_000])),
        ("f4", F32(vec![0.1])),
        ("f8", F64(vec![0.1, f64::NAN])),
        ("text", Text("plain".into())),
        ("accents", Text("Müller — 100 µm".into())),
        ("empty", Text(String::new())),
        (
            "texts",
            Texts(vec!["one".into(), String::new(), "drei ∞".into()]),
        ),
        ("späť", Text("a name".into())),
    ]
    .map(|(n, v)| (n.to_owned(), v))
    .to_vec();
    let mut many = every.clone();
    many.push(("long".into(), Text("0123456789".repeat(20_000))));
    many.push(("later".into(), I32(vec![0])));
    many.push(("numbers".into(), I32((0..100_000).collect())));
    many.extend((0..1000).map(|i| (format!("attribute_{i}"), I32(vec![i]))));
    let described = |name: &str, attributes: &Attributes, fill| VariableDescription {
        attributes: attributes.clone(),
        fill,
        ..variable(name, &[0], DataType::F64)
    };
    let description = FileDescription {
        dimensions: dimensions(&[("x", 2)]),
        attributes: many.clone(),
        variables: vec![
            described("few", &every, Some(F64(vec![-1.0]))),
            described("many", &many, None),
            described("x", &many, None),
        ],
        ..FileDescription::default()
    };
    let mut file = create(path, description)?;
    for i in 0..3 {
        file.write_values(i, &[1f64.to_le_bytes(), 2f64.to_le_bytes()].concat())?;
    }
    file.set_attribute(None, "later", I32(vec![42]))?;
    file.set_attribute(Some(1), "later", I32(vec![43]))?;
    file.finish()?;
    Ok(())
}

/// Lists of references beyond 64 KiB.
fn many_variables(path: &Path) -> Outcome<()> {
    let description = FileDescription {
        dimensions: dimensions(&[("x", 2), ("y", 2)]),
        attributes: vec![],
        variables: (0..6000)
            .map(|i| variable(&format!("v{i}"), &[0, 1], DataType::I16))
            .collect(),
        ..FileDescription::default()
    };
    let mut file = create(path, description)?;
    for i in 0..6000u16 {
        let values: Vec<u8> = (0..4).flat_map(|k| (i + k).to_le_bytes()).collect();
        file.write_values(i.into(), &values)?;
    }
    file.finish()?;
    Ok(())
}

/// An index of three levels.
fn many_chunks(path: &Path) -> Outcome<()> {
    let (shape, chunk) = ([301, 203], [3, 2]);
    let description = FileDescription {
        dimensions: dimensions(&[("y", shape[0]), ("x", shape[1])]),
        attributes: vec![],
        variables: vec![VariableDescription {
            storage: chunked(&chunk, false, None),
            ..variable("v", &[0, 1], DataType::F32)
        }],
        ..FileDescription::default()
    };
    let mut file = create(path, description)?;
    let values = numbers(&shape);
    let count: usize = grid(&shape, &chunk).iter().product();
    for number in 0..count {
        // 7 and the number of chunks have no common factor.
        let number = number * 7 % count;
        let bytes = gather(&values, &shape, &chunk, number, [0; 4], f32::to_le_bytes);
        file.write_chunk(0, number, &bytes)?;
    }
    file.finish()?;
    Ok(())
}

fn nothing(path: &Path) -> Outcome<()> {
    let description = FileDescription {
        dimensions: vec![],
        attributes: vec![],
        variables: vec![],
        ..FileDescription::default()
    };
    create(path, description)?.finish()?;
    Ok(())
}
