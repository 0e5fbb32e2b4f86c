//! The group of attributes of each line.

use netcdf_writer::{DimensionId, NcAttrValue, NcFileBuilder, Result as Written};

use super::super::granule::SimulatedGranule;
use super::{CHUNK_1D, NO_PLACE, add, float, int, limits, texts};

/// `scan_line_attributes`.
pub(super) fn lines_group(
    file: &mut NcFileBuilder,
    granule: &SimulatedGranule,
    lines: DimensionId,
) -> Written<()> {
    let dimension = [(lines, granule.lines)];
    let path = |name: &str| format!("scan_line_attributes/{name}");
    let mut dates = Vec::with_capacity(granule.lines);
    for &seconds in &granule.time {
        let milliseconds = (seconds * 1000.0).round() as i64;
        // A line's time comes from a date of the calendar: conversion cannot fail.
        let timestamp = jiff::Timestamp::from_millisecond(milliseconds).unwrap_or_default();
        let civil = jiff::tz::TimeZone::UTC.to_datetime(timestamp);
        dates.push((
            i32::from(civil.year()),
            i32::from(civil.day_of_year()),
            milliseconds.rem_euclid(86_400_000) as i32,
        ));
    }
    type Date = (i32, i32, i32);
    type Counter<'a> = (
        &'a str,
        &'a str,
        Option<&'a str>,
        (i32, i32),
        fn(&Date) -> i32,
    );
    let counters: [Counter<'_>; 3] = [
        ("year", "Scan year", Some("years"), (1900, 2100), |date| {
            date.0
        }),
        ("day", "Scan day of year", Some("days"), (0, 366), |date| {
            date.1
        }),
        (
            "msec",
            "Scan time, milliseconds of day",
            Some("milliseconds"),
            (0, 86_400_000),
            |date| date.2,
        ),
    ];
    for (name, long_name, units, (low, high), value) in counters {
        let values: Vec<i32> = dates.iter().map(value).collect();
        let id = add(
            file,
            &path(name),
            &dimension,
            &[CHUNK_1D],
            Some(-32_767),
            &values,
        )?;
        texts(file, id, &[("long_name", long_name)])?;
        if let Some(units) = units {
            texts(file, id, &[("units", units)])?;
        }
        limits(file, id, int(low), int(high))?;
    }
    let id = add(
        file,
        &path("time"),
        &dimension,
        &[CHUNK_1D],
        Some(-32_767.0),
        &granule.time,
    )?;
    texts(
        file,
        id,
        &[
            ("long_name", "scan line time in seconds since 1970-1-1"),
            ("units", "seconds since 1970-01-01"),
        ],
    )?;
    let sides: Vec<i8> = (0..granule.lines).map(|line| (line % 2) as i8).collect();
    for (name, long_name, most, values) in [
        (
            "detnum",
            "Detector Number (zero-based)",
            25,
            &vec![0_i8; granule.lines],
        ),
        ("mside", "Mirror Side (zero-based)", 1, &sides),
    ] {
        let id = add(
            file,
            &path(name),
            &dimension,
            &[CHUNK_1D],
            Some(-1_i8),
            values,
        )?;
        texts(file, id, &[("long_name", long_name)])?;
        limits(
            file,
            id,
            NcAttrValue::Bytes(vec![0]),
            NcAttrValue::Bytes(vec![most]),
        )?;
    }
    let (first, middle, last) = (0, granule.pixels / 2, granule.pixels - 1);
    for (prefix, name, column) in [
        ("s", "Starting", first),
        ("c", "Center", middle),
        ("e", "Ending", last),
    ] {
        for (suffix, quantity, units, most, all) in [
            (
                "lon",
                "Longitude",
                "degrees_east",
                180.0,
                &granule.longitude,
            ),
            ("lat", "Latitude", "degrees_north", 90.0, &granule.latitude),
        ] {
            let values: Vec<f32> = all
                .chunks(granule.pixels)
                .map(|line| line[column])
                .collect();
            let id = add(
                file,
                &path(&format!("{prefix}{suffix}")),
                &dimension,
                &[CHUNK_1D],
                Some(NO_PLACE),
                &values,
            )?;
            let long_name = format!("{name} {quantity}");
            let standard_name = quantity.to_lowercase();
            texts(
                file,
                id,
                &[
                    ("long_name", &long_name),
                    ("units", units),
                    ("standard_name", &standard_name),
                ],
            )?;
            limits(file, id, float(-most), float(most))?;
        }
    }
    let id = add(
        file,
        &path("csol_z"),
        &dimension,
        &[CHUNK_1D],
        Some(NO_PLACE),
        &granule.centre_solar_zenith,
    )?;
    texts(
        file,
        id,
        &[
            ("long_name", "Center Solar Zenith Angle"),
            ("units", "degree"),
        ],
    )?;
    limits(file, id, float(-90.0), float(90.0))
}
