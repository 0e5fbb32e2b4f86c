//! Layers as bands, and the one type of sample that they share.

use super::super::{Layer, LayerData, Product};

/// One map of a layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Band<'a> {
    pub layer: &'a Layer,
    /// The time step, for a layer that has several.
    pub step: Option<usize>,
    /// Index of the map's first value in the layer.
    pub offset: usize,
}

/// Bands in the order of the layers, time steps of one together.
pub(super) fn of(product: &Product) -> Vec<Band<'_>> {
    let cells = product.geobox.cells();
    let of_layer = |layer| {
        let maps = product.maps(layer);
        let timed = matches!(product.times, super::super::Times::Series(_)) && layer.timed;
        (0..maps).map(move |i| Band {
            layer,
            step: timed.then_some(i),
            offset: i * cells,
        })
    };
    product.layers.iter().flat_map(of_layer).collect()
}

impl Band<'_> {
    /// Value of a cell, NaN where missing.
    #[inline]
    pub fn value(&self, cell: usize) -> f64 {
        let i = self.offset + cell;
        match &self.layer.data {
            LayerData::F32(v) => v[i].into(),
            LayerData::F64(v) => v[i],
            LayerData::I32(v) => v[i].into(),
            LayerData::I64(v) => v[i] as f64,
            // Refused before anything is written.
            LayerData::Tiled(_) => f64::NAN,
        }
    }

    /// Whether values are counts or classes, which have no average.
    pub fn is_integer(&self) -> bool {
        matches!(self.layer.data, LayerData::I32(_) | LayerData::I64(_))
    }
}

/// Type of all samples of a file: GDAL knows only one for all bands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SampleType {
    F32,
    F64,
    I32,
}

impl SampleType {
    /// The smallest that holds every value of every band exactly (integers up to 2^53).
    pub fn of(bands: &[Band<'_>]) -> SampleType {
        let fits_single = |band: &Band<'_>| match &band.layer.data {
            LayerData::F32(_) => true,
            LayerData::F64(_) | LayerData::I64(_) | LayerData::Tiled(_) => false,
            LayerData::I32(v) => v
                .iter()
                .all(|n| n.unsigned_abs() <= 1 << f32::MANTISSA_DIGITS),
        };
        if bands
            .iter()
            .all(|b| matches!(b.layer.data, LayerData::I32(_)))
        {
            SampleType::I32
        } else if bands.iter().all(fits_single) {
            SampleType::F32
        } else {
            SampleType::F64
        }
    }

    pub fn bytes(self) -> usize {
        match self {
            SampleType::F32 | SampleType::I32 => 4,
            SampleType::F64 => 8,
        }
    }

    pub fn is_floating(self) -> bool {
        self != SampleType::I32
    }

    /// SampleFormat: 2 is signed integers, 3 is floating point.
    pub fn format(self) -> u16 {
        if self.is_floating() { 3 } else { 2 }
    }

    /// Predictor: 2 is differences, 3 is for floating point.
    pub fn predictor(self) -> u16 {
        if self.is_floating() { 3 } else { 2 }
    }
}
