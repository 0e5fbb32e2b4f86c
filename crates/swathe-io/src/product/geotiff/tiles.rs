//! Tiles: samples in file order, predicted and deflated.

use libdeflater::{CompressionLvl, Compressor};

use super::super::FILL;
use super::TILE;
use super::bands::SampleType;
use super::overviews::Level;

/// Deflate level: as GDAL's default.
const DEFLATE_LEVEL: i32 = 6;

/// One tile of a level, beyond the image filled up with missing values.
pub(super) fn encode(level: &Level<'_>, row: usize, column: usize, sample: SampleType) -> Vec<u8> {
    let (rows, columns) = level.shape;
    let mut raw = Vec::with_capacity(TILE * TILE * sample.bytes());
    let mut line = Vec::with_capacity(TILE);
    for r in row * TILE..(row + 1) * TILE {
        line.clear();
        if r < rows {
            let end = columns.min((column + 1) * TILE);
            line.extend((column * TILE..end).map(|c| level.value(r * columns + c)));
        }
        line.resize(TILE, f64::NAN);
        let filled = line
            .iter()
            .map(|&v| if v.is_nan() { f64::from(FILL) } else { v });
        match sample {
            SampleType::F32 => floating(filled.map(|v| (v as f32).to_be_bytes()), &mut raw),
            SampleType::F64 => floating(filled.map(f64::to_be_bytes), &mut raw),
            SampleType::I32 => differences(filled.map(|v| v as i32), &mut raw),
        }
    }
    deflate(&raw)
}

/// Predictor 3 (Adobe TIFF Technical Note 3): the most significant bytes of a line, then the next
/// ones, ..., as differences of bytes.
fn floating<const N: usize>(line: impl Iterator<Item = [u8; N]>, out: &mut Vec<u8>) {
    let line: Vec<[u8; N]> = line.collect();
    let mut before = 0u8;
    for plane in 0..N {
        for sample in &line {
            out.push(sample[plane].wrapping_sub(before));
            before = sample[plane];
        }
    }
}

/// Predictor 2: differences of samples, little-endian.
fn differences(line: impl Iterator<Item = i32>, out: &mut Vec<u8>) {
    let mut before = 0i32;
    for sample in line {
        out.extend(sample.wrapping_sub(before).to_le_bytes());
        before = sample;
    }
}

fn deflate(raw: &[u8]) -> Vec<u8> {
    // The level is a valid one; were it not, the library's default is as good.
    let level = CompressionLvl::new(DEFLATE_LEVEL).unwrap_or_default();
    let mut compressor = Compressor::new(level);
    let mut bytes = vec![0; compressor.zlib_compress_bound(raw.len())];
    // The bound is one: it always fits.
    let len = compressor.zlib_compress(raw, &mut bytes).unwrap_or(0);
    bytes.truncate(len);
    bytes
}
