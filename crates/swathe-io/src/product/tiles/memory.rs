//! Tiles put together in memory.

use super::super::{LayerData, Product};
use super::{TileSink, TiledLayers};
use crate::dataset::DataType;
use crate::error::Result;

/// Collects tiles into a product whose layers are in memory, for what is written whole (GeoTIFF, pictures).
/// `&mut MemoryTiles` is the sink.
#[derive(Debug)]
pub struct MemoryTiles {
    tiled: TiledLayers,
    product: Product,
}

impl MemoryTiles {
    /// Makes room for all layers of a product; their values, if there are any, are not looked at.
    ///
    /// # Errors
    /// As for [`Product::check`].
    pub fn create(product: &Product) -> Result<MemoryTiles> {
        product.check()?;
        let tiled = TiledLayers::new(product)?;
        let cells = product.geobox.cells();
        let room = |layer: &super::super::Layer| {
            let values = product.maps(layer) * cells;
            super::super::Layer {
                name: layer.name.clone(),
                statistic: layer.statistic,
                data: match layer.data.dtype() {
                    DataType::F32 => LayerData::F32(vec![f32::NAN; values]),
                    DataType::F64 => LayerData::F64(vec![f64::NAN; values]),
                    DataType::I32 => LayerData::I32(vec![0; values]),
                    // No other type passes the check.
                    _ => LayerData::I64(vec![0; values]),
                },
                attributes: layer.attributes.clone(),
                timed: layer.timed,
            }
        };
        Ok(MemoryTiles {
            tiled,
            product: Product {
                geobox: product.geobox.clone(),
                times: product.times.clone(),
                windows: product.windows.clone(),
                layers: product.layers.iter().map(room).collect(),
                granules: product.granules.clone(),
                flags: product.flags.clone(),
                provenance: product.provenance.clone(),
                attributes: product.attributes.clone(),
            },
        })
    }

    /// The product, complete.
    ///
    /// # Errors
    /// [`Error::Product`](crate::error::Error::Product) when tiles are missing.
    pub fn into_product(mut self) -> Result<Product> {
        self.tiled.check_all_put()?;
        Ok(self.product)
    }
}

impl TileSink for &mut MemoryTiles {
    fn encode(
        &self,
        layer: usize,
        step: usize,
        tile: usize,
        values: &LayerData,
    ) -> Result<Vec<u8>> {
        self.tiled.check(layer, step, tile, values)?;
        Ok(match values {
            LayerData::F32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            LayerData::F64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            LayerData::I32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            LayerData::I64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            LayerData::Tiled(_) => Vec::new(),
        })
    }

    fn put(&mut self, layer: usize, step: usize, tile: usize, encoded: &[u8]) -> Result<()> {
        self.tiled.place(layer, step, tile)?;
        let tiling = self.tiled.tiling;
        let (rows, columns) = tiling.extent(tile);
        let width = columns.len();
        for (i, row) in rows.enumerate() {
            let start = step * tiling.cells() + row * tiling.shape().1 + columns.start;
            let to = start..start + width;
            let from = i * width..(i + 1) * width;
            let layer = self.product.layers.get_mut(layer);
            match layer.map(|layer| &mut layer.data) {
                Some(LayerData::F32(v)) => copy(encoded, from, v, to, f32::from_le_bytes),
                Some(LayerData::F64(v)) => copy(encoded, from, v, to, f64::from_le_bytes),
                Some(LayerData::I32(v)) => copy(encoded, from, v, to, i32::from_le_bytes),
                Some(LayerData::I64(v)) => copy(encoded, from, v, to, i64::from_le_bytes),
                Some(LayerData::Tiled(_)) | None => {}
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.tiled.check_all_put()
    }
}

/// Copies elements of one row; none where either has not that many.
fn copy<T, const N: usize>(
    bytes: &[u8],
    from: std::ops::Range<usize>,
    values: &mut [T],
    to: std::ops::Range<usize>,
    value_of: fn([u8; N]) -> T,
) {
    let (elements, _) = bytes.as_chunks::<N>();
    let source = elements.get(from).unwrap_or_default();
    let target = values.get_mut(to).unwrap_or_default();
    for (value, &element) in target.iter_mut().zip(source) {
        *value = value_of(element);
    }
}
