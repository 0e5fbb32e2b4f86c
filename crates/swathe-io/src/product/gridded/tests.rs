use std::io::Cursor;
use std::sync::Arc;

use swathe_core::geobox::Axis;

use super::*;
use crate::bytes::MemorySource;
use crate::dataset::AttributeValue::{self, F32, F64, Text};
use crate::product::layout::{Data, FileLayout, VariableLayout};
use crate::product::{Layer, LayerData, Product, Statistic, TimeStep, Times, netcdf, provenance};

fn open(bytes: &[u8]) -> Result<Gridded> {
    Gridded::from_dataset(Dataset::from_source(Arc::new(MemorySource::new(
        "map.nc", bytes,
    )))?)
}

fn axis(origin: f64, numerator: f64, denominator: f64, first: i64, len: usize) -> Axis {
    Axis {
        origin,
        numerator,
        denominator,
        first,
        len,
    }
}

fn product(geobox: GeoBox, steps: usize) -> Product {
    let cells = geobox.cells();
    let values = (0..steps * cells).map(|i| if i % 5 == 2 { f32::NAN } else { i as f32 });
    let step = |i: usize| TimeStep {
        time: 1.7e9 + i as f64,
        start: f64::NAN,
        end: f64::NAN,
        granule: None,
    };
    Product {
        geobox,
        windows: Vec::new(),
        times: match steps {
            1 => Times::Window(step(0)),
            n => Times::Series((0..n).map(step).collect()),
        },
        layers: vec![
            Statistic::Mean.layer("chlor_a", &vec![], LayerData::F32(values.collect()), true),
            Layer {
                timed: false,
                ..Statistic::Count.layer("chlor_a", &vec![], LayerData::I32(vec![7; cells]), false)
            },
        ],
        granules: vec![],
        flags: vec![],
        provenance: provenance(),
        attributes: vec![],
    }
}

fn written(product: &Product) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    netcdf::write(product, &mut file).unwrap();
    file.into_inner()
}

/// Bits, so that NaN equals NaN.
fn bits(values: Values) -> Vec<u64> {
    let bits = |v: f64| if v.is_nan() { u64::MAX } else { v.to_bits() };
    match values {
        Values::F32(v) => v.into_iter().map(|v| bits(v.into())).collect(),
        Values::F64(v) => v.into_iter().map(bits).collect(),
    }
}

#[test]
fn our_own_files_give_the_very_grid_and_the_values() {
    let lonlat = Crs::lonlat;
    let crs = |text: &str| Crs::parse(text).unwrap();
    for geobox in [
        GeoBox {
            crs: lonlat(),
            x: axis(0.0, 0.015, 1.0, -5134, 9),
            y: axis(0.0, -0.015, 1.0, -2734, 4),
        },
        GeoBox {
            crs: lonlat(),
            x: axis(0.0, 1.0, 4.0, 680, 80),
            y: axis(0.0, -1.0, 4.0, -40, 3),
        },
        GeoBox {
            crs: lonlat(),
            x: axis(0.1, 1.0, 3.0, 7, 1),
            y: axis(0.2, -1.0, 3.0, 5, 1),
        },
        GeoBox {
            crs: crs("EPSG:32618"),
            x: axis(0.0, 1000.0, 1.0, 300, 5),
            y: axis(0.0, -1000.0, 1.0, -4300, 6),
        },
        GeoBox {
            crs: crs("+proj=laea +lat_0=38 +lon_0=-75 +R=6371000 +units=km"),
            x: axis(0.0, 2.5, 1.0, -50, 5),
            y: axis(0.0, -2.5, 1.0, -50, 6),
        },
        GeoBox {
            crs: crs("+proj=robin"),
            x: axis(0.0, 1e5, 1.0, -5, 10),
            y: axis(0.0, -1e5, 1.0, -5, 10),
        },
    ] {
        let cells = geobox.cells();
        let product = product(geobox.clone(), 3);
        let read = open(&written(&product)).unwrap();
        assert_eq!(*read.geobox(), geobox);
        assert_eq!(read.geobox().crs.epsg(), geobox.crs.epsg());
        assert_eq!(read.times(), [1.7e9, 1.7e9 + 1.0, 1.7e9 + 2.0]);
        assert_eq!(
            read.variable("chlor_a").unwrap().other_dims(),
            [("time", 3)]
        );
        let LayerData::F32(values) = &product.layers[0].data else {
            unreachable!()
        };
        for step in 0..3 {
            let expected = Values::F32(values[step * cells..(step + 1) * cells].to_vec());
            assert_eq!(bits(read.read("chlor_a", step).unwrap()), bits(expected));
        }
        assert_eq!(
            bits(read.read("chlor_a_count", 0).unwrap()),
            bits(Values::F64(vec![7.0; cells]))
        );
        let beyond = read.read("chlor_a", 3).unwrap_err().to_string();
        assert!(beyond.contains("there are 3"), "{beyond}");
        let unknown = read.read("chlora", 0).unwrap_err().to_string();
        assert!(unknown.contains("did you mean chlor_a?"), "{unknown}");
    }
}

type Foreign<'a> = (
    &'a str,
    Vec<&'a str>,
    Data<'a>,
    Vec<(&'a str, AttributeValue)>,
);

fn foreign(dimensions: &[(&str, usize)], variables: Vec<Foreign<'_>>) -> Vec<u8> {
    let layout = FileLayout {
        dimensions: dimensions
            .iter()
            .map(|(n, l)| ((*n).to_owned(), *l))
            .collect(),
        attributes: vec![],
        variables: variables
            .into_iter()
            .map(|(name, dims, data, attributes)| VariableLayout {
                name: name.into(),
                dims: dims.into_iter().map(str::to_owned).collect(),
                attributes: attributes
                    .into_iter()
                    .map(|(n, v)| (n.to_owned(), v))
                    .collect(),
                data,
                fill: None,
                chunks: None,
            })
            .collect(),
    };
    let mut file = Cursor::new(Vec::new());
    netcdf::begin(&layout, &mut file).unwrap().finish().unwrap();
    file.into_inner()
}

fn doubles(values: &[f64]) -> Data<'static> {
    Data::F64(values.to_vec().into())
}

fn units(text: &str) -> Vec<(&'static str, AttributeValue)> {
    vec![("units", Text(text.into()))]
}

#[test]
fn rows_from_south_and_columns_first_are_put_in_order() {
    // Value = 10 latitude + longitude, with dimensions (lon, time, lat).
    let values: Vec<f64> = [0.0, 1.0, 2.0]
        .iter()
        .flat_map(|lon| [0.0, 100.0].map(|t| [-0.5, 0.5].map(|lat| t + 10.0 * lat + lon)))
        .flatten()
        .collect();
    let file = foreign(
        &[("lon", 3), ("time", 2), ("lat", 2)],
        vec![
            (
                "lat",
                vec!["lat"],
                doubles(&[-0.5, 0.5]),
                units("degrees_north"),
            ),
            (
                "lon",
                vec!["lon"],
                doubles(&[0.0, 1.0, 2.0]),
                units("degrees_east"),
            ),
            (
                "v",
                vec!["lon", "time", "lat"],
                doubles(&values),
                vec![("missing_value", F64(vec![6.0]))],
            ),
        ],
    );
    let read = open(&file).unwrap();
    assert_eq!(read.geobox().bounds(), (-0.5, -1.0, 2.5, 1.0));
    let expected = vec![105.0, 106.0, 107.0, 95.0, 96.0, 97.0];
    assert_eq!(read.read("v", 1).unwrap(), Values::F64(expected));
    let first = vec![5.0, f64::NAN, 7.0, -5.0, -4.0, -3.0];
    assert_eq!(bits(read.read("v", 0).unwrap()), bits(Values::F64(first)));
}

/// Labels as NASA's files have them, without our lattice.
#[test]
fn global_grids_are_the_named_ones_in_spite_of_single_precision() {
    for name in ["l3m-9km", "0.1deg"] {
        let named = GeoBox::named(name).unwrap();
        let labels = |axis: &Axis| {
            let (edge, step) = (axis.at(0.0), f64::from(axis.step() as f32));
            let label = |i: usize| (edge + (i as f64 + 0.5) * step) as f32;
            Data::F32((0..axis.len).map(label).collect())
        };
        let (rows, columns) = named.shape();
        let file = foreign(
            &[("lat", rows), ("lon", columns)],
            vec![
                ("lat", vec!["lat"], labels(&named.y), units("degrees_north")),
                ("lon", vec!["lon"], labels(&named.x), units("degrees_east")),
                (
                    "v",
                    vec!["lat", "lon"],
                    Data::I32(vec![1; named.cells()].into()),
                    vec![],
                ),
            ],
        );
        assert_eq!(*open(&file).unwrap().geobox(), named, "{name}");
    }
}

#[test]
fn kilometres_become_the_units_of_the_crs() {
    let mapping = vec![
        (
            "grid_mapping_name",
            Text("lambert_azimuthal_equal_area".into()),
        ),
        (
            "crs_wkt",
            Text(Crs::parse("EPSG:3035").unwrap().wkt().unwrap().into()),
        ),
    ];
    let file = foreign(
        &[("y", 2), ("x", 2)],
        vec![
            ("y", vec!["y"], doubles(&[3000.0, 2999.0]), units("km")),
            ("x", vec!["x"], doubles(&[4000.0, 4001.0]), units("km")),
            ("crs", vec![], Data::I32(vec![0].into()), mapping),
            (
                "v",
                vec!["y", "x"],
                doubles(&[1.0; 4]),
                vec![("grid_mapping", Text("crs: x y".into()))],
            ),
        ],
    );
    let read = open(&file).unwrap();
    assert_eq!(read.geobox().crs.epsg(), Some(3035));
    assert_eq!(
        read.geobox().bounds(),
        (3_999_500.0, 2_998_500.0, 4_001_500.0, 3_000_500.0)
    );
}

#[test]
fn what_is_no_grid_is_refused_in_one_sentence() {
    let pair = |lat: &[f64], lon: &[f64]| {
        foreign(
            &[("lat", lat.len()), ("lon", lon.len())],
            vec![
                ("lat", vec!["lat"], doubles(lat), vec![]),
                ("lon", vec!["lon"], doubles(lon), vec![]),
                (
                    "v",
                    vec!["lat", "lon"],
                    doubles(&vec![1.0; lat.len() * lon.len()]),
                    vec![],
                ),
            ],
        )
    };
    let projected = |name: &str| {
        foreign(
            &[("y", 2), ("x", 2)],
            vec![
                ("y", vec!["y"], doubles(&[1.0, 0.0]), units(name)),
                ("x", vec!["x"], doubles(&[0.0, 1.0]), units(name)),
                ("v", vec!["y", "x"], doubles(&[1.0; 4]), vec![]),
            ],
        )
    };
    let swath = foreign(
        &[("line", 2), ("pixel", 2)],
        vec![
            ("lat", vec!["line", "pixel"], doubles(&[1.0; 4]), vec![]),
            ("lon", vec!["line", "pixel"], doubles(&[1.0; 4]), vec![]),
        ],
    );
    let rotated = foreign(
        &[("rlat", 2), ("rlon", 2)],
        vec![
            (
                "rlat",
                vec!["rlat"],
                doubles(&[1.0, 0.0]),
                vec![("standard_name", Text("grid_latitude".into()))],
            ),
            ("lat", vec!["rlat", "rlon"], doubles(&[1.0; 4]), vec![]),
        ],
    );
    let track = foreign(
        &[("obs", 3)],
        vec![
            ("lat", vec!["obs"], doubles(&[1.0, 2.0, 3.0]), vec![]),
            ("lon", vec!["obs"], doubles(&[1.0, 2.0, 3.0]), vec![]),
            (
                "v",
                vec!["obs"],
                Data::F32(vec![1.0; 3].into()),
                vec![("valid_min", F32(vec![0.0]))],
            ),
        ],
    );
    for (file, expected) in [
        (
            pair(&[1.0, 2.0, 4.0], &[1.0, 2.0]),
            "lat is not evenly spaced (2 where",
        ),
        (
            pair(&[1.0, 2.0], &[1.0, f64::NAN]),
            "lon has missing values",
        ),
        (pair(&[1.0, 2.0], &[1.0]), "lon has one value"),
        (projected("m"), "no grid mapping"),
        (projected("rad"), "\"rad\" of x are no length"),
        (swath, "two dimensions"),
        (rotated, "rotated"),
        (track, "no coordinates lat and lon"),
    ] {
        let message = open(&file).unwrap_err().to_string();
        assert!(message.starts_with("map.nc: not a grid: "), "{message}");
        assert!(message.contains(expected), "{message}");
    }
}

/// Damaged files give errors or values, never a panic.
#[test]
fn damaged_files_do_no_harm() {
    let geobox = GeoBox {
        crs: Crs::parse("EPSG:32618").unwrap(),
        x: axis(0.0, 1000.0, 1.0, 300, 5),
        y: axis(0.0, -1000.0, 1.0, -4300, 6),
    };
    let bytes = written(&product(geobox, 2));
    let mut state = 1u64;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % below
    };
    for _ in 0..2000 {
        let mut damaged = bytes.clone();
        for _ in 0..4 {
            let at = random(damaged.len());
            damaged[at] = random(256) as u8;
        }
        let Ok(read) = open(&damaged) else { continue };
        for variable in read.variables() {
            let _ = read.read(variable.path(), 1);
        }
    }
}
