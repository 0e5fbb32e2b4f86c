//! Writes a small product with known content in every form, for the Python tests of products:
//! `cargo run -p swathe-io --example write_product -- DIRECTORY`.
//!
//! Cell (row, column) of time step t holds `100 t + row + column / 1024`; every seventh cell is missing.

use std::error::Error;
use std::fs::File;
use std::path::Path;

use swathe_core::crs::Crs;
use swathe_core::geobox::{Axis, GeoBox};
use swathe_io::dataset::AttributeValue::{F32, Text};
use swathe_io::dataset::Attributes;
use swathe_io::product::{
    FlagReport, GranuleRecord, GranuleStatus, Layer, LayerData, Product, Provenance, Statistic,
    TimeStep, Times, geotiff, netcdf, zarr,
};

/// 2024-08-01T00:00:00Z.
const AUGUST: f64 = 1_722_470_400.0;
const DAY: f64 = 86_400.0;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).ok_or("give a directory")?;
    let directory = Path::new(&directory);
    std::fs::create_dir_all(directory)?;

    let chesapeake = grid(
        "EPSG:4326",
        (0.0, 3.0, 200.0, -5134),
        (2734, 334),
        (267, 301),
    )?;
    let albers = "+proj=aea +lat_1=29.5 +lat_2=45.5 +lat_0=23 +lon_0=-96 +datum=WGS84 +units=m";
    let sphere = "+proj=laea +lat_0=38 +lon_0=-75 +R=6371000 +units=km";
    for (name, product) in [
        ("average", average(chesapeake.clone())),
        ("series", series(chesapeake.clone(), false)),
        ("cube", series(chesapeake, true)),
        (
            "across",
            average(grid("EPSG:4326", (0.0, 1.0, 4.0, 680), (40, 0), (40, 80))?),
        ),
        (
            "global",
            average(grid(
                "EPSG:4326",
                (-180.0, 360.0, 3600.0, 0),
                (900, 0),
                (1800, 3600),
            )?),
        ),
        (
            "utm",
            average(grid(
                "EPSG:32618",
                (0.0, 1000.0, 1.0, 300),
                (4300, 0),
                (200, 300),
            )?),
        ),
        (
            "polar",
            average(grid(
                "EPSG:3413",
                (0.0, 25000.0, 1.0, -100),
                (100, 0),
                (200, 200),
            )?),
        ),
        (
            "albers",
            average(grid(albers, (0.0, 4000.0, 1.0, 400), (600, 0), (90, 110))?),
        ),
        (
            // A projection without a name in CF and in GeoTIFF keys.
            "robinson",
            average(grid(
                "+proj=robin +lon_0=0 +datum=WGS84 +units=m +no_defs",
                (0.0, 1e5, 1.0, -50),
                (50, 0),
                (60, 70),
            )?),
        ),
        (
            "sphere",
            average(grid(sphere, (0.0, 2.5, 1.0, -50), (50, 0), (100, 100))?),
        ),
    ] {
        let create = |suffix: &str| File::create(directory.join(format!("{name}.{suffix}")));
        netcdf::write(&product, &mut create("nc")?)?;
        geotiff::write(&product, &mut create("tif")?)?;
        let store = directory.join(format!("{name}.zarr"));
        std::fs::create_dir(&store)?;
        zarr::write(&product, &store)?;
    }
    Ok(())
}

/// A grid from (origin, numerator, denominator, first) of x, (minus first, origin) of y in the same
/// steps, and (rows, columns).
fn grid(
    crs: &str,
    x: (f64, f64, f64, i64),
    y: (i64, i64),
    shape: (usize, usize),
) -> Result<GeoBox, Box<dyn Error>> {
    let (origin, numerator, denominator, first) = x;
    Ok(GeoBox {
        crs: Crs::parse(crs)?,
        x: Axis {
            origin,
            numerator,
            denominator,
            first,
            len: shape.1,
        },
        y: Axis {
            origin: 0.0,
            numerator: -numerator,
            denominator,
            first: -y.0,
            len: shape.0,
        },
    })
}

fn values(geobox: &GeoBox, steps: usize) -> Vec<f32> {
    let (rows, columns) = geobox.shape();
    let cell = |i: usize| {
        let (step, row, column) = (i / (rows * columns), i / columns % rows, i % columns);
        if i % 7 == 3 {
            f32::NAN
        } else {
            100.0 * step as f32 + row as f32 + column as f32 / 1024.0
        }
    };
    (0..steps * rows * columns).map(cell).collect()
}

fn source() -> Attributes {
    vec![
        (
            "long_name".into(),
            Text("Chlorophyll Concentration, OCI Algorithm".into()),
        ),
        ("units".into(), Text("mg m^-3".into())),
        (
            "standard_name".into(),
            Text("mass_concentration_of_chlorophyll_in_sea_water".into()),
        ),
        ("valid_min".into(), F32(vec![0.001])),
        ("valid_max".into(), F32(vec![100.0])),
        ("display_scale".into(), Text("log".into())),
        (
            "reference".into(),
            Text("Müller et al. (2012) — 100 µm".into()),
        ),
    ]
}

fn layers(geobox: &GeoBox, steps: usize, timed: bool) -> Vec<Layer> {
    let mean = values(geobox, steps);
    let counts: Vec<u64> = mean
        .iter()
        .map(|v| if v.is_nan() { 0 } else { *v as u64 + 1 })
        .collect();
    let std = mean.iter().map(|&v| f64::from(v) / 10.0).collect();
    let source = source();
    let layer = |statistic: Statistic, data| statistic.layer("chlor_a", &source, data, timed);
    vec![
        layer(Statistic::Mean, LayerData::F32(mean)),
        layer(Statistic::StandardDeviation, LayerData::F64(std)),
        layer(Statistic::Count, LayerData::from_counts(&counts)),
    ]
}

fn product(geobox: GeoBox, times: Times, layers: Vec<Layer>) -> Product {
    let granule = |name: &str, hours: f64, status, reason: &str| GranuleRecord {
        name: name.into(),
        start: AUGUST + hours * 3600.0,
        end: AUGUST + hours * 3600.0 + 299.5,
        status,
        reason: reason.into(),
    };
    Product {
        geobox,
        times,
        windows: Vec::new(),
        layers,
        granules: vec![
            granule(
                "PACE_OCI.20240801T170000.L2.nc",
                17.0,
                GranuleStatus::Used,
                "",
            ),
            granule(
                "PACE_OCI.20240801T183000.L2.nc",
                18.5,
                GranuleStatus::Empty,
                "no valid pixel",
            ),
            granule(
                "broken.nc",
                f64::NAN,
                GranuleStatus::Skipped,
                "truncated: 1 byte, 2 expected",
            ),
        ],
        flags: vec![FlagReport {
            variable: "chlor_a".into(),
            pixels: 1000,
            removed: 250,
            by_flag: vec![("LAND".into(), 100), ("CLDICE".into(), 200)],
        }],
        provenance: Provenance {
            options: "swathe average -v chlor_a -r 0.015".into(),
            digest: "0123456789abcdef".into(),
            version: "0.1.0".into(),
            newest_input: Some(AUGUST + 2.0 * DAY),
        },
        attributes: vec![
            ("instrument".into(), Text("OCI".into())),
            ("platform".into(), Text("PACE".into())),
            (
                "source".into(),
                Text("satellite observations from OCI-PACE".into()),
            ),
        ],
    }
}

fn average(geobox: GeoBox) -> Product {
    let week = TimeStep {
        time: AUGUST + 3.5 * DAY,
        start: AUGUST,
        end: AUGUST + 7.0 * DAY,
        granule: None,
    };
    let layers = layers(&geobox, 1, false);
    product(geobox, Times::Window(week), layers)
}

fn series(geobox: GeoBox, cube: bool) -> Product {
    let steps: Vec<TimeStep> = (0..3)
        .map(|day| TimeStep {
            time: AUGUST + (f64::from(day) + 0.5) * DAY,
            start: AUGUST + f64::from(day) * DAY,
            end: AUGUST + f64::from(day + 1) * DAY,
            granule: cube.then(|| format!("granule {day}")),
        })
        .collect();
    let layers = layers(&geobox, steps.len(), true);
    product(geobox, Times::Series(steps), layers)
}
