#![allow(clippy::single_range_in_vec_init, reason = "slabs of one dimension")]

use std::fs;

use super::*;
use crate::dataset::{Array, AttributeValue, DataType};

fn array(
    name: &str,
    shape: &[usize],
    chunks: &[usize],
    shards: Option<&[usize]>,
) -> ArrayDescription {
    ArrayDescription {
        name: name.into(),
        dims: (0..shape.len()).map(|d| format!("d{d}")).collect(),
        shape: shape.to_vec(),
        dtype: DataType::F32,
        attributes: vec![("units".into(), AttributeValue::Text("1".into()))],
        fill: Some(AttributeValue::F32(vec![-1.0])),
        chunks: chunks.to_vec(),
        shards: shards.map(<[usize]>::to_vec),
    }
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| i as f32).collect()
}

fn write(directory: &std::path::Path, arrays: Vec<ArrayDescription>) {
    let store = StoreDescription {
        attributes: vec![],
        arrays,
    };
    let mut writer = ZarrWriter::create(directory, store.clone()).unwrap();
    for (i, array) in store.arrays.iter().enumerate() {
        let values = numbers(array.shape.iter().product());
        writer
            .write_values(i, bytemuck::cast_slice(&values))
            .unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn what_is_written_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let arrays = vec![
        array("scalar", &[], &[], None),
        array("line", &[7], &[3], None),
        array("sharded", &[7, 10, 5], &[1, 3, 2], Some(&[1, 6, 4])),
        array("one_shard", &[5, 4], &[2, 2], Some(&[6, 4])),
        array("none", &[0, 3], &[1, 3], None),
    ];
    write(folder.path(), arrays.clone());
    let store = ZarrStore::open(folder.path()).unwrap();
    assert_eq!(store.arrays().cloned().collect::<Vec<_>>(), arrays);
    for array in &arrays {
        let whole: Vec<_> = array.shape.iter().map(|&len| 0..len).collect();
        let want = numbers(array.shape.iter().product());
        assert_eq!(store.read(&array.name, &whole).unwrap(), Array::F32(want));
    }
    let part = store.read("sharded", &[2..4, 5..7, 4..5]).unwrap();
    assert_eq!(part, Array::F32(vec![129.0, 134.0, 179.0, 184.0]));
    // Padded at the far edge.
    assert_eq!(
        store.read_chunk("line", 2).unwrap(),
        Array::F32(vec![6.0, -1.0, -1.0])
    );
    assert!(store.read_chunk("line", 3).is_err());
    assert!(store.read("line", &[5..8]).is_err());

    // Without consolidated metadata, arrays are found in their folders.
    let root = folder.path().join("zarr.json");
    fs::write(&root, r#"{"zarr_format": 3, "node_type": "group"}"#).unwrap();
    let store = ZarrStore::open(folder.path()).unwrap();
    assert_eq!(store.arrays().count(), arrays.len());
}

#[test]
fn chunks_that_never_come_hold_the_fill_value() {
    let folder = tempfile::tempdir().unwrap();
    let arrays = vec![
        array("a", &[4], &[2], None),
        array("s", &[4], &[2], Some(&[4])),
    ];
    let store = StoreDescription {
        attributes: vec![],
        arrays,
    };
    let mut writer = ZarrWriter::create(folder.path(), store).unwrap();
    let chunk = encode_chunk(bytemuck::cast_slice(&[3f32, 4.0]), 4).unwrap();
    writer.write_chunk(0, 1, &chunk).unwrap();
    writer.write_chunk(1, 1, &chunk).unwrap();
    assert!(
        writer
            .write_chunk(1, 1, &chunk)
            .unwrap_err()
            .to_string()
            .contains("twice")
    );
    assert!(writer.write_chunk(0, 2, &chunk).is_err() && writer.write_chunk(2, 0, &chunk).is_err());
    assert!(
        ZarrStore::open(folder.path()).is_err(),
        "it is not complete"
    );
    writer.finish().unwrap();
    let store = ZarrStore::open(folder.path()).unwrap();
    for name in ["a", "s"] {
        assert_eq!(
            store.read(name, &[0..4]).unwrap(),
            Array::F32(vec![-1.0, -1.0, 3.0, 4.0])
        );
    }
}

#[test]
fn bad_descriptions_are_refused() {
    let refuse = |change: fn(&mut ArrayDescription)| {
        let mut bad = array("a", &[4, 4], &[2, 2], Some(&[4, 4]));
        change(&mut bad);
        let folder = tempfile::tempdir().unwrap();
        let store = StoreDescription {
            attributes: vec![],
            arrays: vec![bad],
        };
        ZarrWriter::create(folder.path(), store)
            .unwrap_err()
            .to_string()
    };
    for name in ["", "../a", ".", "a/b", "zarr.json", "__x"] {
        let mut bad = array(name, &[4], &[2], None);
        assert!(bad.check().is_err(), "{name}");
        bad.name = "a".into();
        assert_eq!(bad.check(), Ok(()));
    }
    assert!(refuse(|a| a.shards = Some(vec![4, 3])).contains("whole chunks"));
    assert!(refuse(|a| a.chunks = vec![0, 1]).contains("chunks of"));
    assert!(refuse(|a| a.dims.truncate(1)).contains("do not fit"));
    assert!(refuse(|a| a.fill = Some(AttributeValue::F64(vec![1.0]))).contains("fill value"));
    assert!(refuse(|a| a.shape = vec![usize::MAX, 2]).contains("too large"));
}

/// A store that a seeded mutator damages is read, or refused: it neither panics nor takes all memory.
#[test]
fn damaged_stores_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        vec![
            array("s", &[9, 10], &[3, 2], Some(&[9, 4])),
            array("a", &[5], &[2], None),
        ],
    );
    let files = ["zarr.json", "s/c/0/0", "s/c/0/2", "a/c/1"];
    let mut random = 1u64;
    let mut next = |most: usize| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (random >> 33) as usize % most
    };
    let (mut refused, mut read) = (0, 0);
    for round in 0..2000 {
        let path = folder.path().join(files[round % files.len()]);
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        match next(4) {
            0 => bad.truncate(next(good.len())),
            _ => {
                for _ in 0..=next(3) {
                    let at = next(bad.len());
                    // Digits, so that documents stay documents.
                    bad[at] = if path.ends_with("zarr.json") {
                        b'0' + next(10) as u8
                    } else {
                        next(256) as u8
                    };
                }
            }
        }
        fs::write(&path, &bad).unwrap();
        match ZarrStore::open(folder.path()) {
            Err(_) => refused += 1,
            Ok(store) => {
                let shapes: Vec<_> = store
                    .arrays()
                    .map(|a| (a.name.clone(), a.shape.clone()))
                    .collect();
                for (name, shape) in shapes {
                    let whole: Vec<_> = shape.iter().map(|&len| 0..len).collect();
                    match store.read(&name, &whole) {
                        Ok(_) => read += 1,
                        Err(_) => refused += 1,
                    }
                }
            }
        }
        fs::write(&path, &good).unwrap();
    }
    assert!(
        refused > 500 && read > 500,
        "{refused} refused, {read} read"
    );
}
