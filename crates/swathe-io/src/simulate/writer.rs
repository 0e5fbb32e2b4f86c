//! The file of a granule: groups, variables, attributes, chunks and filters as l2gen writes them.

use netcdf_writer::{
    DimensionId, NcAttrValue, NcFileBuilder, NcFillValueType, NcWriteFormat, NcWriteOptions,
    Result as Written, VariableId,
};

use super::granule::{SimulatedGranule, SimulatedProduct, SimulatedValues};
use super::orbit::{EPOCH_UNIX_SECONDS, orbit_number, state, sun_distance_correction};
use super::plan::GranuleSpec;
use super::product::FILL;
use super::spectrum::instrument_wavelengths;
use super::{Suite, Version, flags};
use crate::error::{Error, Result};
use crate::granule::time_text;

const DEFLATE_LEVEL: u8 = 5;
/// Chunks: of lines and pixels; of lines, pixels and wavelengths; of one dimension.
const CHUNK_2D: [usize; 2] = [256, 1272];
const CHUNK_3D: [usize; 3] = [32, 256, 40];
const CHUNK_1D: usize = 32;

const NO_PLACE: f32 = -999.0;
const NO_NUMBER: f32 = -32_767.0;

/// The file as bytes.
pub(super) fn write(spec: &GranuleSpec, granule: SimulatedGranule) -> Result<Vec<u8>> {
    let file = build(spec, granule).map_err(|error| Error::Product {
        reason: format!(
            "{} cannot be written as netCDF-4: {error}",
            spec.file_name()
        ),
    })?;
    Ok(file)
}

fn build(spec: &GranuleSpec, granule: SimulatedGranule) -> Written<Vec<u8>> {
    let mut file = NcFileBuilder::new();
    global_attributes(&mut file, spec, &granule)?;
    let version = spec.options().version;
    let lines = file.add_dimension("number_of_lines", granule.lines as u64)?;
    let pixels = file.add_dimension("pixels_per_line", granule.pixels as u64)?;
    let instrument = instrument_wavelengths();
    let bands = file.add_dimension("number_of_bands", instrument.len() as u64)?;
    let reflective = file.add_dimension("number_of_reflective_bands", instrument.len() as u64)?;
    let spectral = match (granule.nominal_wavelengths.len(), version) {
        (0, _) => None,
        (n, Version::V3_1) => Some(file.add_dimension("wavelength_3d", n as u64)?),
        (n, Version::V3_2) => {
            Some(file.add_dimension_path("geophysical_data/wavelength", n as u64)?)
        }
    };
    let band_dimension = match version {
        Version::V3_1 => bands,
        Version::V3_2 => {
            file.add_dimension_path("sensor_band_parameters/wavelength", instrument.len() as u64)?
        }
    };
    bands_group(&mut file, &instrument, band_dimension, reflective)?;
    if let (Some(dimension), Version::V3_1) = (spectral, version) {
        wavelengths(
            &mut file,
            "sensor_band_parameters/wavelength_3d",
            dimension,
            &granule.nominal_wavelengths,
        )?;
    }
    lines_group(&mut file, &granule, lines)?;
    let frame = Frame {
        lines: (lines, granule.lines),
        pixels: (pixels, granule.pixels),
        spectral: spectral.map(|id| (id, granule.nominal_wavelengths.len())),
    };
    if let (Some(dimension), Version::V3_2) = (spectral, version) {
        let id = add(
            &mut file,
            "geophysical_data/wavelength",
            &[(dimension, granule.wavelengths.len())],
            &[CHUNK_1D],
            Some(NO_NUMBER),
            &granule.wavelengths,
        )?;
        texts(
            &mut file,
            id,
            &[("long_name", "wavelengths"), ("units", "nm")],
        )?;
    }
    navigation_group(&mut file, &granule, &frame)?;
    control_group(&mut file, spec, &granule.flags)?;
    for product in granule.products {
        product_variable(&mut file, &frame, product)?;
    }
    flags_variable(&mut file, &frame, &granule.flags)?;
    drop(granule.flags);
    let options = NcWriteOptions {
        format: NcWriteFormat::Nc4,
    };
    file.to_vec(options).map(|(_, bytes)| bytes)
}

/// Dimensions of the pixels, with their lengths.
struct Frame {
    lines: (DimensionId, usize),
    pixels: (DimensionId, usize),
    spectral: Option<(DimensionId, usize)>,
}

/// Adds a variable: chunked, shuffled, deflated.
fn add<T: NcFillValueType>(
    file: &mut NcFileBuilder,
    path: &str,
    dimensions: &[(DimensionId, usize)],
    chunk: &[usize],
    fill: Option<T>,
    values: &[T],
) -> Written<VariableId> {
    let ids: Vec<DimensionId> = dimensions.iter().map(|(id, _)| *id).collect();
    let id = file.add_variable_path::<T>(path, &ids)?;
    if let Some(fill) = fill {
        file.set_variable_fill_value(id, fill)?;
    }
    let shape: Vec<u64> = chunk
        .iter()
        .zip(dimensions)
        .map(|(&chunk, &(_, length))| chunk.min(length) as u64)
        .collect();
    file.set_variable_chunking(id, shape)?;
    file.set_variable_deflate(id, Some(DEFLATE_LEVEL), true)?;
    file.write_variable(id, values)?;
    Ok(id)
}

fn texts(file: &mut NcFileBuilder, id: VariableId, attributes: &[(&str, &str)]) -> Written<()> {
    for (name, text) in attributes {
        file.add_variable_attribute(id, *name, NcAttrValue::Chars((*text).to_owned()))?;
    }
    Ok(())
}

fn limits(
    file: &mut NcFileBuilder,
    id: VariableId,
    low: NcAttrValue,
    high: NcAttrValue,
) -> Written<()> {
    file.add_variable_attribute(id, "valid_min", low)?;
    file.add_variable_attribute(id, "valid_max", high)
}

fn float(value: f32) -> NcAttrValue {
    NcAttrValue::Floats(vec![value])
}

fn int(value: i32) -> NcAttrValue {
    NcAttrValue::Ints(vec![value])
}

fn wavelengths(
    file: &mut NcFileBuilder,
    path: &str,
    dimension: DimensionId,
    values: &[i32],
) -> Written<()> {
    let id = add(
        file,
        path,
        &[(dimension, values.len())],
        &[CHUNK_1D],
        Some(-32_767),
        values,
    )?;
    texts(file, id, &[("long_name", "wavelengths"), ("units", "nm")])?;
    limits(file, id, int(0), int(20_000))
}

/// `sensor_band_parameters`.
fn bands_group(
    file: &mut NcFileBuilder,
    instrument: &[i32],
    bands: DimensionId,
    reflective: DimensionId,
) -> Written<()> {
    wavelengths(file, "sensor_band_parameters/wavelength", bands, instrument)?;
    let micrometres = |w: i32| f64::from(w) / 1000.0;
    // Planck's curve of the Sun, Rayleigh's scattering and water in outline: plausible, not exact.
    let planck = |w: i32| {
        let x = 2.49 / micrometres(w);
        3.45e4 / (libm::pow(x, -5.0) * 100.0 * (libm::exp(x) - 1.0))
    };
    type Column<'a> = (
        &'a str,
        &'a str,
        Option<&'a str>,
        f32,
        &'a dyn Fn(i32) -> f64,
    );
    let columns: [Column<'_>; 8] = [
        (
            "vcal_gain",
            "Vicarious Calibration Gain",
            None,
            2.0,
            &|_| 1.0,
        ),
        (
            "vcal_offset",
            "Vicarious Calibration Offset",
            Some("mW cm^-2 um^-1 sr^-1"),
            10.0,
            &|_| 0.0,
        ),
        (
            "F0",
            "Mean Solar Flux",
            Some("W m^-2 um^-1"),
            2500.0,
            &planck,
        ),
        (
            "aw",
            "Band-pass averaged absorption coefficient for seawater",
            Some("m^-1"),
            5.0,
            &|w| (0.01 + 3.0 * libm::pow(micrometres(w), 12.0)).min(5.0),
        ),
        (
            "bbw",
            "Band-pass averaged backscattering coefficient for seawater",
            Some("m^-1"),
            1.0,
            &|w| 0.0011 * libm::pow(0.5 / micrometres(w), 4.32),
        ),
        (
            "k_oz",
            "Ozone Absorption cross-sections",
            Some("cm^-1"),
            0.1,
            &|w| {
                let off = (micrometres(w) - 0.6) / 0.06;
                0.12 * libm::exp(-off * off)
            },
        ),
        (
            "k_no2",
            "NO2 Absorption cross-sections",
            Some("cm^2 molecule^-1"),
            0.1,
            &|w| {
                let off = (micrometres(w) - 0.41) / 0.07;
                6e-19 * libm::exp(-off * off)
            },
        ),
        ("Tau_r", "Rayleigh Optical Thickness", None, 0.5, &|w| {
            0.00864 * libm::pow(micrometres(w), -4.0)
        }),
    ];
    for (name, long_name, units, most, value) in columns {
        let values: Vec<f32> = instrument
            .iter()
            .map(|&w| value(w).min(f64::from(most)) as f32)
            .collect();
        let path = format!("sensor_band_parameters/{name}");
        let id = add(
            file,
            &path,
            &[(reflective, values.len())],
            &[CHUNK_1D],
            Some(NO_NUMBER),
            &values,
        )?;
        texts(file, id, &[("long_name", long_name)])?;
        if let Some(units) = units {
            texts(file, id, &[("units", units)])?;
        }
        limits(file, id, float(0.0), float(most))?;
    }
    Ok(())
}

/// `scan_line_attributes`.
fn lines_group(
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

/// `navigation_data`.
fn navigation_group(
    file: &mut NcFileBuilder,
    granule: &SimulatedGranule,
    frame: &Frame,
) -> Written<()> {
    for (name, long_name, units, most, values) in [
        (
            "longitude",
            "Longitude",
            "degrees_east",
            180.0,
            &granule.longitude,
        ),
        (
            "latitude",
            "Latitude",
            "degrees_north",
            90.0,
            &granule.latitude,
        ),
    ] {
        let path = format!("navigation_data/{name}");
        let id = add(
            file,
            &path,
            &[frame.lines, frame.pixels],
            &CHUNK_2D,
            Some(NO_PLACE),
            values,
        )?;
        texts(
            file,
            id,
            &[
                ("long_name", long_name),
                ("units", units),
                ("standard_name", name),
            ],
        )?;
        limits(file, id, float(-most), float(most))?;
    }
    let id = add(
        file,
        "navigation_data/tilt",
        &[frame.lines],
        &[CHUNK_1D],
        Some(NO_NUMBER),
        &granule.tilt,
    )?;
    texts(
        file,
        id,
        &[("long_name", "Sensor tilt angle"), ("units", "degree")],
    )?;
    limits(file, id, float(-25.0), float(25.0))?;
    let ring = corners(granule);
    let group = "navigation_data";
    for (name, values) in [
        ("gringpointlongitude", ring.map(|(lon, _)| lon)),
        ("gringpointlatitude", ring.map(|(_, lat)| lat)),
    ] {
        file.add_group_attribute(group, name, NcAttrValue::Floats(values.to_vec()))?;
    }
    file.add_group_attribute(
        group,
        "gringpointsequence",
        NcAttrValue::Ints(vec![1, 2, 3, 4]),
    )
}

/// Start and end of the first line with geolocation, end and start of the last: longitude, latitude.
fn corners(granule: &SimulatedGranule) -> [(f32, f32); 4] {
    let placed = |line: &usize| granule.latitude[line * granule.pixels] != NO_PLACE;
    let first = (0..granule.lines).find(placed).unwrap_or(0);
    let last = (0..granule.lines).rev().find(placed).unwrap_or(0);
    let right = granule.pixels - 1;
    [(first, 0), (first, right), (last, right), (last, 0)].map(|(line, pixel)| {
        let at = line * granule.pixels + pixel;
        (granule.longitude[at], granule.latitude[at])
    })
}

/// A variable of `geophysical_data`.
fn product_variable(
    file: &mut NcFileBuilder,
    frame: &Frame,
    product: SimulatedProduct,
) -> Written<()> {
    let about = product.description;
    let path = format!("geophysical_data/{}", about.name);
    let (dimensions, chunk) = match frame.spectral {
        Some(bands) if about.spectral => (vec![frame.lines, frame.pixels, bands], &CHUNK_3D[..]),
        _ => (vec![frame.lines, frame.pixels], &CHUNK_2D[..]),
    };
    let (low, high) = about.valid;
    let id = match &product.values {
        SimulatedValues::F32(values) => add(
            file,
            &path,
            &dimensions,
            chunk,
            Some(f32::from(FILL)),
            values,
        )?,
        SimulatedValues::I16(values) => add(file, &path, &dimensions, chunk, Some(FILL), values)?,
    };
    texts(file, id, &[("long_name", about.long_name)])?;
    for (name, text) in [
        ("units", about.units),
        ("standard_name", about.standard_name),
    ] {
        if let Some(text) = text {
            texts(file, id, &[(name, text)])?;
        }
    }
    match about.packing {
        None => limits(file, id, float(low), float(high))?,
        Some((scale, offset)) => {
            let short = |value: f32| NcAttrValue::Shorts(vec![value as i16]);
            limits(file, id, short(low), short(high))?;
            file.add_variable_attribute(id, "add_offset", float(offset))?;
            file.add_variable_attribute(id, "scale_factor", float(scale))?;
        }
    }
    texts(file, id, &[("coordinates", "longitude latitude")])
}

fn flags_variable(file: &mut NcFileBuilder, frame: &Frame, values: &[i32]) -> Written<()> {
    let path = "geophysical_data/l2_flags";
    let id = add(
        file,
        path,
        &[frame.lines, frame.pixels],
        &CHUNK_2D,
        None,
        values,
    )?;
    let (masks, meanings) = flags::attributes();
    texts(file, id, &[("long_name", "Level-2 Processing Flags")])?;
    limits(file, id, int(i32::MIN), int(i32::MAX))?;
    file.add_variable_attribute(id, "flag_masks", NcAttrValue::Ints(masks))?;
    texts(
        file,
        id,
        &[
            ("flag_meanings", &meanings),
            ("coordinates", "longitude latitude"),
        ],
    )
}

/// `processing_control`.
fn control_group(file: &mut NcFileBuilder, spec: &GranuleSpec, values: &[i32]) -> Written<()> {
    let options = spec.options();
    let group = "processing_control";
    let chars = |text: String| NcAttrValue::Chars(text);
    for (name, text) in [
        ("software_name", "swathe simulate".to_owned()),
        ("software_version", env!("CARGO_PKG_VERSION").to_owned()),
        ("input_sources", String::from("simulated")),
        ("mask_names", "ATMFAIL,LAND,CLDICE,HILT".to_owned()),
    ] {
        file.add_group_attribute(group, name, chars(text))?;
    }
    let (suite, products) = match options.suite {
        Suite::Biogeochemical => (
            "BGC",
            "chlor_a carbon_phyto poc chlor_a_unc carbon_phyto_unc",
        ),
        Suite::ApparentOptical => ("AOP", "Rrs Rrs_unc aot_865 angstrom avw nflh"),
    };
    let parameters = "processing_control/input_parameters";
    for (name, text) in [
        ("ofile", spec.file_name()),
        ("l2prod", products.to_owned()),
        ("oformat", "netCDF4".to_owned()),
        ("suite", suite.to_owned()),
        ("deflate", DEFLATE_LEVEL.to_string()),
        ("pversion", options.version.number().to_owned()),
        ("maskland", "1".to_owned()),
        ("maskcloud", "1".to_owned()),
        ("maskhilt", "1".to_owned()),
        ("maskglint", "0".to_owned()),
        ("masksunzen", "0".to_owned()),
        ("masksatzen", "0".to_owned()),
        ("maskstlight", "0".to_owned()),
        ("sunzen", "75.000".to_owned()),
        ("satzen", "60.000".to_owned()),
        ("simulation_seed", options.seed.to_string()),
    ] {
        file.add_group_attribute(parameters, name, chars(text))?;
    }
    for (name, percent) in flags::percentages(values) {
        file.add_group_attribute("processing_control/flag_percentages", name, float(percent))?;
    }
    Ok(())
}

fn global_attributes(
    file: &mut NcFileBuilder,
    spec: &GranuleSpec,
    granule: &SimulatedGranule,
) -> Written<()> {
    let options = spec.options();
    let name = spec.file_name();
    let number = options.version.number();
    let (start, end) = (spec.start_milliseconds(), spec.end_milliseconds());
    let seconds = |milliseconds: i64| (milliseconds - EPOCH_UNIX_SECONDS * 1000) as f64 / 1000.0;
    let direction = |milliseconds: i64| {
        let northward = state(seconds(milliseconds)).forward[2] >= 0.0;
        if northward { "Ascending" } else { "Descending" }
    };
    let short_suite = options.suite.name().trim_start_matches("OC_");
    let day_night = day_night(&granule.centre_solar_zenith);
    // As if it had been processed a day later: products hold no clock.
    let created = time_text(end + 86_400_000);
    let ring = corners(granule);
    let outline: Vec<String> = [2, 3, 0, 1, 2]
        .into_iter()
        .map(|i| format!("{:.5} {:.5}", ring[i].0, ring[i].1))
        .collect();
    for (attribute, text) in [
        ("title", format!("OCI Level-2 Data {short_suite}")),
        ("product_name", name.clone()),
        ("processing_version", number.to_owned()),
        (
            "history",
            format!("swathe simulate --seed {}", options.seed),
        ),
        ("instrument", "OCI".to_owned()),
        ("platform", "PACE".to_owned()),
        ("source", "simulated: not an observation".to_owned()),
        ("Conventions", "CF-1.8, ACDD-1.3".to_owned()),
        ("id", format!("{number}/L2/{name}")),
        ("date_created", created),
        (
            "standard_name_vocabulary",
            "CF Standard Name Table v36".to_owned(),
        ),
        ("institution", "none: simulated".to_owned()),
        ("creator_name", "swathe simulate".to_owned()),
        ("project", "Swathe".to_owned()),
        ("geospatial_bounds_crs", "EPSG:4326".to_owned()),
        ("processing_level", "L2".to_owned()),
        ("cdm_data_type", "swath".to_owned()),
        ("spatialResolution", "1000 m".to_owned()),
        ("time_coverage_start", time_text(start)),
        ("time_coverage_end", time_text(end)),
        ("geospatial_lat_units", "degrees_north".to_owned()),
        ("geospatial_lon_units", "degrees_east".to_owned()),
        ("startDirection", direction(start).to_owned()),
        ("endDirection", direction(end).to_owned()),
        ("day_night_flag", day_night.to_owned()),
        (
            "geospatial_bounds",
            format!("POLYGON (({}))", outline.join(", ")),
        ),
    ] {
        file.add_attribute(attribute, NcAttrValue::Chars(text))?;
    }
    let centre = |line: usize| line * granule.pixels + granule.pixels / 2;
    let (first, last) = (centre(0), centre(granule.lines - 1));
    let (south, north) = range(&granule.latitude);
    let (west, east) = range(&granule.longitude);
    for (attribute, value) in [
        ("start_center_longitude", granule.longitude[first]),
        ("start_center_latitude", granule.latitude[first]),
        ("end_center_longitude", granule.longitude[last]),
        ("end_center_latitude", granule.latitude[last]),
        ("northernmost_latitude", north),
        ("southernmost_latitude", south),
        ("easternmost_longitude", east),
        ("westernmost_longitude", west),
        ("geospatial_lat_max", north),
        ("geospatial_lat_min", south),
        ("geospatial_lon_max", east),
        ("geospatial_lon_min", west),
    ] {
        file.add_attribute(attribute, float(value))?;
    }
    file.add_attribute("orbit_number", int(orbit_number(seconds(start)) as i32))?;
    let correction = sun_distance_correction(seconds(start));
    file.add_attribute(
        "earth_sun_distance_correction",
        NcAttrValue::Doubles(vec![correction]),
    )
}

fn day_night(solar_zenith: &[f32]) -> &'static str {
    let days = solar_zenith.iter().filter(|zenith| **zenith < 90.0).count();
    match days {
        0 => "Night",
        _ if days == solar_zenith.len() => "Day",
        _ => "Mixed",
    }
}

/// Least and greatest coordinate of the pixels that have one.
fn range(values: &[f32]) -> (f32, f32) {
    let placed = values.iter().filter(|value| **value != NO_PLACE);
    let range = placed.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &value| {
        (low.min(value), high.max(value))
    });
    if range.0 <= range.1 {
        range
    } else {
        (NO_PLACE, NO_PLACE)
    }
}
