//! The file of a granule: groups, variables, attributes, chunks and filters as l2gen writes them.

mod bands;
mod global;
mod lines;

use netcdf_writer::{
    DimensionId, NcAttrValue, NcFileBuilder, NcFillValueType, NcWriteFormat, NcWriteOptions,
    Result as Written, VariableId,
};

use super::granule::{SimulatedGranule, SimulatedProduct, SimulatedValues};
use super::plan::GranuleSpec;
use super::product::FILL;
use super::spectrum::instrument_wavelengths;
use super::{Version, flags};
use crate::error::{Error, Result};

use bands::bands_group;
use global::{control_group, corners, global_attributes};
use lines::lines_group;

const DEFLATE_LEVEL: u8 = 5;
/// Chunks: of lines and pixels; of lines, pixels and wavelengths; of one dimension.
const CHUNK_2D: [usize; 2] = [256, 1272];
const CHUNK_3D: [usize; 3] = [32, 256, 40];
const CHUNK_1D: usize = 32;

const NO_PLACE: f32 = -999.0;
const NO_NUMBER: f32 = -32_767.0;

/// The file as bytes.
pub(super) fn write(spec: &GranuleSpec, granule: SimulatedGranule) -> Result<Vec<u8>> {
    build(spec, granule).map_err(|error| Error::Product {
        reason: format!("{} as netCDF-4: {error}", spec.file_name()),
    })
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
