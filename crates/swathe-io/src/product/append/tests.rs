use std::collections::BTreeMap;

use swathe_core::crs::Crs;
use swathe_core::geobox::{Axis, GeoBox};

use super::merge::{MASKED_SHARE, VALID_PIXELS, one_number};
use super::*;
use crate::dataset::{AttributeValue, Attributes};
use crate::product::{
    FlagReport, GranuleRecord, GranuleStatus, LayerData, Provenance, Statistic, TimeStep, zarr,
};

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// A cube of some days on a grid of 5 x 4 cells: cell i of day d holds 100 d + i, and the first is missing.
fn cube(days: std::ops::Range<usize>) -> Product {
    let axis = |origin, numerator, len| Axis::new(origin, numerator, 0, len);
    let name = |day: usize| format!("granule {day}");
    let step = |day: usize| TimeStep {
        time: 86_400.0 * day as f64,
        start: 86_400.0 * day as f64,
        end: 86_400.0 * day as f64 + 300.0,
        granule: Some(name(day)),
    };
    let granule = |day: usize| GranuleRecord {
        name: name(day),
        start: step(day).start,
        end: step(day).end,
        status: GranuleStatus::Used,
        reason: String::new(),
    };
    let cell = |day: usize, i: usize| {
        if i == 0 {
            f32::NAN
        } else {
            (100 * day + i) as f32
        }
    };
    let data = days
        .clone()
        .flat_map(|day| (0..20).map(move |i| cell(day, i)))
        .collect();
    let pixels = 10 * days.len() as u64;
    let mut by_flag = vec![
        ("LAND".to_owned(), days.start as u64),
        ("CLDICE".into(), pixels / 2),
    ];
    by_flag.sort_by_key(|(_, pixels)| std::cmp::Reverse(*pixels));
    Product {
        geobox: GeoBox {
            crs: Crs::lonlat(),
            x: axis(-77.0, 1.0, 4),
            y: axis(40.0, -1.0, 5),
        },
        windows: Vec::new(),
        times: Times::Series(days.clone().map(step).collect()),
        layers: vec![Statistic::Value.layer("x", &vec![], LayerData::F32(data), true)],
        granules: days.clone().map(granule).collect(),
        flags: vec![FlagReport {
            variable: "x".into(),
            pixels,
            removed: pixels / 2,
            by_flag,
        }],
        provenance: Provenance {
            options: "swathe grid".into(),
            digest: format!("{days:?}"),
            version: "0.1.0".into(),
            newest_input: Some(86_400.0 * days.end as f64),
        },
        attributes: vec![],
    }
}

fn write(product: &Product, directory: &Path) {
    fs::create_dir(directory).unwrap();
    zarr::write(product, directory).unwrap();
}

fn files(directory: &Path) -> Files {
    let mut all = Files::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.extend(files(&path)),
            false => {
                all.insert(path.clone(), fs::read(&path).unwrap());
            }
        }
    }
    all
}

/// Makes a folder hold these files, and no others.
fn restore(directory: &Path, files: &Files) {
    fs::remove_dir_all(directory).unwrap();
    for (path, bytes) in files {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// All values and attributes.
fn content(directory: &Path) -> (Attributes, Vec<(ArrayDescription, Array)>) {
    let store = ZarrStore::open(directory).unwrap();
    let read = |array: &ArrayDescription| {
        let whole: Vec<_> = array.shape.iter().map(|&len| 0..len).collect();
        (array.clone(), store.read(&array.name, &whole).unwrap())
    };
    (
        store.attributes().clone(),
        store.arrays().map(read).collect(),
    )
}

fn append(product: &Product, directory: &Path) -> Result<Novelty> {
    StoredCube::open(directory)?.append(product)
}

fn refusal<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => panic!("it should be refused"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_cube_that_grew_is_the_cube_of_all_days() {
    let folder = tempfile::tempdir().unwrap();
    let [grown, whole] = ["grown", "whole"].map(|name| folder.path().join(name));
    write(&cube(1..3), &grown);
    for days in [3..4, 4..9] {
        assert_eq!(append(&cube(days), &grown).unwrap(), Novelty::New);
    }
    write(&cube(1..9), &whole);
    let ((mut attributes, arrays), (mut expected, wanted)) = (content(&grown), content(&whole));
    for attributes in [&mut attributes, &mut expected] {
        attributes.retain(|(name, _)| name != "digest");
    }
    assert_eq!(attributes, expected);
    for ((array, values), (described, want)) in arrays.iter().zip(&wanted) {
        if array.name == "x_flag_share" {
            // LAND took 1 + 3 + 4 of 80, CLDICE half.
            assert_eq!(*values, Array::F64(vec![0.5, 0.1]));
            assert_eq!(one_number(&array.attributes, VALID_PIXELS), Some(80.0));
            assert_eq!(one_number(&array.attributes, MASKED_SHARE), Some(0.5));
        } else {
            // Also NaN.
            assert_eq!(
                (array, format!("{values:?}")),
                (described, format!("{want:?}"))
            );
        }
    }
}

#[test]
fn an_interrupted_append_has_left_nothing_and_can_be_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cube");
    write(&cube(1..3), &path);
    let (before, content_before) = (files(&path), content(&path));
    append(&cube(3..5), &path).unwrap();
    let after = files(&path);
    assert_eq!(append(&cube(3..5), &path).unwrap(), Novelty::AllThere);
    assert_eq!(files(&path), after);

    let changed: Vec<&PathBuf> = after
        .keys()
        .filter(|name| before.get(*name) != after.get(*name) && **name != path.join("zarr.json"))
        .collect();
    assert!(changed.len() > 15);
    // Some of the files were written, the last of them in part if it is new.
    for written in (0..=changed.len()).step_by(4) {
        for reversed in [false, true] {
            let mut names = changed.clone();
            if reversed {
                names.reverse();
            }
            let mut state = before.clone();
            for (i, name) in names[..written].iter().enumerate() {
                let mut bytes = after[*name].clone();
                if i + 1 == written && !before.contains_key(*name) {
                    bytes.truncate(bytes.len() / 2);
                }
                state.insert((*name).clone(), bytes);
            }
            restore(&path, &state);
            let (found, want) = (content(&path), &content_before);
            for ((array, values), (_, old)) in found.1.iter().zip(&want.1) {
                // The shares of flags are the one thing that is replaced and not added to.
                if array.name != "x_flag_share" {
                    assert_eq!(format!("{values:?}"), format!("{old:?}"), "{}", array.name);
                }
            }
            append(&cube(3..5), &path).unwrap();
            assert_eq!(files(&path), after);
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_by_name_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cube");
    write(&cube(1..3), &path);
    let before = files(&path);
    let refuse = |change: fn(&mut Product), names: &[&str]| {
        let mut product = cube(3..5);
        change(&mut product);
        let message = refusal(append(&product, &path));
        for name in names {
            assert!(message.contains(name), "{message}");
        }
    };
    refuse(|p| p.geobox.x.first = 1, &["lon has other values"]);
    refuse(
        |p| {
            p.geobox.y.len = 4;
            p.layers[0].data = LayerData::F32(vec![0.0; 32]);
        },
        &["lat has the shape [5]", "[4]"],
    );
    refuse(|p| p.layers[0].name = "y".into(), &["no variable x"]);
    refuse(
        |p| {
            p.layers
                .push(Statistic::Count.layer("x", &vec![], LayerData::I32(vec![0; 40]), true))
        },
        &["it has no variable x_count"],
    );
    refuse(
        |p| p.layers[0].data = LayerData::F64(vec![0.0; 40]),
        &["x has another type"],
    );
    refuse(
        |p| {
            p.layers[0]
                .attributes
                .push(("units".into(), AttributeValue::Text("K".into())))
        },
        &["units of x differs", "missing", "K"],
    );
    refuse(|p| p.layers[0].attributes.clear(), &["long_name of x"]);
    refuse(
        |p| p.provenance.options.push_str(" -m bin"),
        &["history", "swathe grid -m bin"],
    );
    refuse(
        |p| {
            p.attributes
                .push(("platform".into(), AttributeValue::Text("AQUA".into())))
        },
        &["platform", "AQUA"],
    );
    refuse(
        |p| p.flags[0].by_flag[0].0 = "HILT".into(),
        &["flags", "HILT"],
    );
    refuse(|p| *p = cube(2..4), &["already granule 2"]);
    refuse(
        |p| *p = cube(0..1),
        &["1970-01-03", "not later", "granule 0"],
    );
    refuse(
        |p| {
            if let Times::Series(steps) = &mut p.times {
                steps[1].time = f64::NAN;
            }
        },
        &["granule 4"],
    );
    assert_eq!(files(&path), before);
}

#[test]
fn what_is_no_cube_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let open = |name: &str| refusal(StoredCube::open(&at(name)));
    fs::write(at("file"), "x").unwrap();
    assert!(open("file").contains("it is a file"));
    fs::create_dir(at("folder")).unwrap();
    assert!(open("folder").contains("no Zarr store"));
    assert!(open("nowhere").contains("nowhere"));
    let mut map = cube(1..2);
    map.times = Times::Window(TimeStep {
        time: f64::NAN,
        start: f64::NAN,
        end: f64::NAN,
        granule: None,
    });
    write(&map, &at("map"));
    assert!(open("map").contains("not a cube"));

    write(&cube(1..3), &at("cube"));
    let open_already = StoredCube::open(&at("cube")).unwrap();
    assert!(open("cube").contains("another run"));
    drop(open_already);
    let metadata = at("cube").join("zarr.json");
    let good = fs::read(&metadata).unwrap();
    fs::write(&metadata, &good[..good.len() / 2]).unwrap();
    assert!(open("cube").contains("damaged"));
    fs::write(&metadata, &good).unwrap();
    // A coordinate that got lost: times are not known.
    fs::remove_file(at("cube").join("time/c/0")).unwrap();
    let before = files(&at("cube"));
    assert!(refusal(append(&cube(3..4), &at("cube"))).contains("times"));
    assert_eq!(files(&at("cube")), before);
}
