//! Attributes of the whole granule, and the group of processing parameters.

use netcdf_writer::{NcAttrValue, NcFileBuilder, Result as Written};

use super::super::granule::SimulatedGranule;
use super::super::orbit::{EPOCH_UNIX_SECONDS, orbit_number, state, sun_distance_correction};
use super::super::plan::GranuleSpec;
use super::super::{Suite, flags};
use super::{DEFLATE_LEVEL, NO_PLACE, float, int};
use crate::granule::time_text;

pub(super) fn global_attributes(
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

/// Start and end of the first line with geolocation, end and start of the last: longitude, latitude.
pub(super) fn corners(granule: &SimulatedGranule) -> [(f32, f32); 4] {
    let placed = |line: &usize| granule.latitude[line * granule.pixels] != NO_PLACE;
    let first = (0..granule.lines).find(placed).unwrap_or(0);
    let last = (0..granule.lines).rev().find(placed).unwrap_or(0);
    let right = granule.pixels - 1;
    [(first, 0), (first, right), (last, right), (last, 0)].map(|(line, pixel)| {
        let at = line * granule.pixels + pixel;
        (granule.longitude[at], granule.latitude[at])
    })
}

/// `processing_control`.
pub(super) fn control_group(
    file: &mut NcFileBuilder,
    spec: &GranuleSpec,
    values: &[i32],
) -> Written<()> {
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
