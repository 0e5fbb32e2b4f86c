//! Bytes of values.

use super::layout::Data;
use crate::netcdf4::gather;

/// Bytes of a chunk, little-endian, `fill` for NaN and beyond the edges. `number` is the chunk's of an array
/// of the given shape, last dimension fastest.
pub(super) fn elements_of(
    data: &Data<'_>,
    fill: Option<f64>,
    shape: &[usize],
    chunk: &[usize],
    number: usize,
) -> Vec<u8> {
    match data {
        Data::F32(v) => {
            let fill = fill.map(|f| f as f32);
            let padding = fill.unwrap_or(0.0).to_le_bytes();
            let bytes = |x: f32| if x.is_nan() { fill.unwrap_or(x) } else { x }.to_le_bytes();
            gather(v, shape, chunk, number, padding, bytes)
        }
        Data::F64(v) => {
            let padding = fill.unwrap_or(0.0).to_le_bytes();
            let bytes = |x: f64| if x.is_nan() { fill.unwrap_or(x) } else { x }.to_le_bytes();
            gather(v, shape, chunk, number, padding, bytes)
        }
        Data::I32(v) => gather(v, shape, chunk, number, [0; 4], i32::to_le_bytes),
        Data::I64(v) => gather(v, shape, chunk, number, [0; 8], i64::to_le_bytes),
        Data::Text(_) | Data::Tiled(_) => Vec::new(),
    }
}
