//! Values of several fields at once: a storage chunk that holds many bands is decoded once for all.
//!
//! ```text
//! fields --by variable and chunk along its bands--> groups --a chunk's lines and pixels at a time-->
//!     stored piece --Decoder--> bands side by side at each pixel --place--> one array a band
//! ```

use std::ops::Range;

use rayon::prelude::*;
use swathe_core::source::{Field, Values};
use swathe_core::watch::{self, Task};

use super::decode::Decoder;
use super::{Granule, SwathVariable};
use crate::error::Result;
use crate::place::strides;

/// About as much is read at a time of data that is not chunked, in elements.
const PIECE_ELEMENTS: usize = 1 << 20;

/// Fields of one variable that lie in the same storage chunks.
struct Group<'a> {
    variable: &'a SwathVariable,
    valid_range: Option<(f64, f64)>,
    exact: bool,
    /// The chunk along each dimension of bands.
    chunk: Vec<usize>,
    bands: Vec<Band>,
}

/// One of the fields.
struct Band {
    /// Its place among the fields.
    field: usize,
    /// The part of the variable that it is.
    slab: Vec<Range<usize>>,
}

impl Granule {
    /// Values of fields for a range of lines, in the order of the fields.
    pub(super) fn read_values(
        &self,
        fields: &[&Field],
        lines: Range<usize>,
    ) -> Result<Vec<Values>> {
        self.check_lines(&lines)?;
        let groups = self.groups(fields, lines)?;
        let _decoding = watch::doing(Task::Decode);
        let watched = watch::here();
        let read: Vec<Vec<Values>> = groups
            .par_iter()
            .map(|group| {
                let _entered = watched.enter();
                let _decoding = watch::doing(Task::Decode);
                self.read_group(group)
            })
            .collect::<Result<_>>()?;
        let places = groups.iter().flat_map(|group| &group.bands);
        let mut values: Vec<(usize, Values)> = places
            .map(|band| band.field)
            .zip(read.into_iter().flatten())
            .collect();
        values.sort_unstable_by_key(|(field, _)| *field);
        Ok(values.into_iter().map(|(_, values)| values).collect())
    }

    fn groups(&self, fields: &[&Field], lines: Range<usize>) -> Result<Vec<Group<'_>>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for (place, field) in fields.iter().enumerate() {
            let variable = self.variable(&field.variable)?;
            let slab = variable.slab(lines.clone(), field.band, self.dataset.name())?;
            let stored = variable.stored_together();
            let axes = variable.band_axes().iter();
            let chunk: Vec<usize> = axes.map(|&i| slab[i].start / stored[i]).collect();
            let band = Band { field: place, slab };
            // A range of valid values holds for what is decoded together.
            match groups.iter_mut().find(|group| {
                group.variable.path() == variable.path()
                    && group.chunk == chunk
                    && group.valid_range == field.valid_range
                    && group.exact == field.exact
            }) {
                Some(group) => group.bands.push(band),
                None => groups.push(Group {
                    variable,
                    valid_range: field.valid_range,
                    exact: field.exact,
                    chunk,
                    bands: vec![band],
                }),
            }
        }
        Ok(groups)
    }

    /// Values of the bands of a group, in their order.
    fn read_group(&self, group: &Group<'_>) -> Result<Vec<Values>> {
        let variable = &group.variable.variable;
        let decoder = Decoder::new(variable, self.dataset.name())?;
        let decoder = match group.exact {
            true => decoder.exact(),
            false => decoder,
        };
        let read = |slab: &[Range<usize>]| -> Result<Values> {
            let stored = self.dataset.read(variable, slab)?;
            let values = decoder.decode(stored, group.valid_range);
            let found = match &values {
                Values::F32(values) => values.len(),
                Values::F64(values) => values.len(),
            };
            let expected = slab.iter().map(Range::len).product();
            self.check_count(found, expected, &variable.path)?;
            Ok(values)
        };
        let Some(all) = group.spanned() else {
            // One band, or nothing: what is read is the result.
            return group.bands.iter().map(|band| read(&band.slab)).collect();
        };
        self.dataset.check_size(variable, &all)?;
        let (mut single, mut double) = (Vec::new(), Vec::new());
        for piece in group.pieces(&all) {
            match read(&piece)? {
                Values::F32(values) => group.place(&values, &piece, &mut single),
                Values::F64(values) => group.place(&values, &piece, &mut double),
            }
        }
        Ok(match double.is_empty() {
            true => single.into_iter().map(Values::F32).collect(),
            false => double.into_iter().map(Values::F64).collect(),
        })
    }
}

impl Group<'_> {
    /// The part of the variable that holds all bands; `None` if there is one band, or no line or pixel.
    fn spanned(&self) -> Option<Vec<Range<usize>>> {
        let [first, others @ ..] = self.bands.as_slice() else {
            return None;
        };
        if others.is_empty() || first.slab.iter().any(Range::is_empty) {
            return None;
        }
        let mut all = first.slab.clone();
        for band in others {
            for (all, range) in all.iter_mut().zip(&band.slab) {
                *all = all.start.min(range.start)..all.end.max(range.end);
            }
        }
        Some(all)
    }

    /// Cuts a part along lines and pixels into what is stored together.
    fn pieces(&self, all: &[Range<usize>]) -> Vec<Vec<Range<usize>>> {
        let (line, pixel) = self.variable.line_and_pixel_axes();
        let stored = self.variable.stored_together();
        let cut = |axis: usize| {
            let (mut ranges, mut start) = (Vec::new(), all[axis].start);
            while start < all[axis].end {
                let end = ((start / stored[axis] + 1) * stored[axis]).min(all[axis].end);
                ranges.push(start..end);
                start = end;
            }
            ranges
        };
        let pixels = cut(pixel);
        let mut pieces = Vec::new();
        for lines in cut(line) {
            for pixels in &pixels {
                let mut piece = all.to_vec();
                piece[line] = lines.clone();
                piece[pixel] = pixels.clone();
                pieces.push(piece);
            }
        }
        pieces
    }

    /// Puts the values of a piece where they belong in the arrays of the bands, which the first piece makes.
    fn place<T: Copy + Default>(
        &self,
        values: &[T],
        piece: &[Range<usize>],
        arrays: &mut Vec<Vec<T>>,
    ) {
        let (line, pixel) = self.variable.line_and_pixel_axes();
        let Some(first) = self.bands.first() else {
            return;
        };
        let (lines, pixels) = (first.slab[line].clone(), first.slab[pixel].len());
        if arrays.is_empty() {
            let size = lines.len() * pixels;
            arrays.resize_with(self.bands.len(), || vec![T::default(); size]);
        }
        let shape: Vec<usize> = piece.iter().map(Range::len).collect();
        let strides = strides(&shape);
        let offsets: Vec<usize> = self
            .bands
            .iter()
            .map(|band| {
                let axes = self.variable.band_axes().iter();
                axes.map(|&i| (band.slab[i].start - piece[i].start) * strides[i])
                    .sum()
            })
            .collect();
        // A line at a time: all its bands are in the first-level cache.
        for (row, at) in piece[line].clone().enumerate() {
            let to = (at - lines.start) * pixels + piece[pixel].start;
            for (offset, array) in offsets.iter().zip(arrays.iter_mut()) {
                let from = values[row * strides[line] + offset..].iter();
                let target = &mut array[to..to + piece[pixel].len()];
                for (target, value) in target.iter_mut().zip(from.step_by(strides[pixel])) {
                    *target = *value;
                }
            }
        }
    }
}

impl SwathVariable {
    /// Lengths along each dimension of what is read together: a storage chunk; where there are none, lines of
    /// all that follows the pixels, about [`PIECE_ELEMENTS`].
    fn stored_together(&self) -> Vec<usize> {
        let shape = &self.variable.shape;
        if let Some(chunk) = &self.variable.chunk_shape
            && chunk.len() == shape.len()
        {
            return chunk.iter().map(|&len| len.max(1)).collect();
        }
        let (line, pixel) = self.line_and_pixel_axes();
        let mut together: Vec<usize> = shape.iter().map(|&len| len.max(1)).collect();
        let row: usize = together[pixel..].iter().product();
        together[..pixel].fill(1);
        together[line] = (PIECE_ELEMENTS / row.max(1)).max(1);
        together
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::MemorySource;
    use crate::dataset::Dataset;
    use crate::simulate::{Simulation, Suite};
    use netcdf_writer::{NcFileBuilder, NcWriteFormat, NcWriteOptions};
    use std::path::Path;
    use std::sync::Arc;
    use swathe_core::build_geobox::Resolution;
    use swathe_core::crs::Crs;
    use swathe_core::geobox::GeoBox;
    use swathe_core::mask::FlagSelection;
    use swathe_core::reduce::{Blank, Reduction, Statistic, Summation, Tiling, Weight};
    use swathe_core::resample::{Grid, Method};
    use swathe_core::run::{FieldRecipe, Recipe};

    fn fields(
        granule: &Granule,
        variable: &str,
        bands: impl IntoIterator<Item = usize>,
    ) -> Vec<Field> {
        let path = granule.variable(variable).unwrap().path();
        let field = |band| Field {
            name: format!("{variable}_{band}"),
            variable: path.to_owned(),
            band: Some(band),
            valid_range: None,
            exact: false,
        };
        bands.into_iter().map(field).collect()
    }

    fn bits(values: &Values) -> Vec<u64> {
        match values {
            Values::F32(values) => values.iter().map(|v| u64::from(v.to_bits())).collect(),
            Values::F64(values) => values.iter().map(|v| v.to_bits()).collect(),
        }
    }

    /// Fields read together are what they are when read one by one.
    fn check(granule: &Granule, fields: &[&Field], lines: Range<usize>) {
        let together = granule.read_values(fields, lines.clone()).unwrap();
        assert_eq!(together.len(), fields.len());
        for (field, together) in fields.iter().zip(&together) {
            let alone = granule.read_values(&[field], lines.clone()).unwrap();
            assert!(bits(together) == bits(&alone[0]), "{field:?} {lines:?}");
        }
    }

    #[test]
    fn bands_of_a_real_granule_together_and_alone() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../../shared/data/pace/PACE_OCI.20250305T160933.L2.OC_AOP.V3_1.crop10x10.nc");
        if !path.exists() {
            return;
        }
        let granule = Granule::open(&path).unwrap();
        let rrs = fields(&granule, "Rrs", 0..172);
        let all: Vec<&Field> = rrs.iter().collect();
        let valid = granule.read_values(&all, 0..10).unwrap();
        assert!(
            valid
                .iter()
                .any(|v| matches!(v, Values::F32(v) if v.iter().any(|v| v.is_finite())))
        );
        for lines in [0..10, 3..4, 2..9, 5..5] {
            check(&granule, &all, lines.clone());
            // Any order, one twice, another variable, a range of its own.
            let other = fields(&granule, "Rrs_unc", [170, 2]);
            let mut ranged = rrs[7].clone();
            ranged.valid_range = Some((0.0, 0.01));
            let mixed = [
                &rrs[171], &other[0], &rrs[3], &ranged, &rrs[3], &other[1], &rrs[0],
            ];
            check(&granule, &mixed, lines);
        }
        assert!(granule.read_values(&[], 0..10).unwrap().is_empty());
        let beyond = fields(&granule, "Rrs", [0, 172]);
        let error = granule
            .read_values(&[&beyond[0], &beyond[1]], 0..10)
            .unwrap_err();
        assert!(error.to_string().contains("band 172"), "{error}");
    }

    #[test]
    fn a_chunk_is_decoded_once_for_all_its_bands() {
        let simulation = Simulation {
            suite: Suite::ApparentOptical,
            wavelengths: 50,
            lines: Some(70),
            count: Some(1),
            ..Simulation::default()
        };
        let spec = simulation.granules().unwrap().remove(0);
        let bytes = spec.bytes().unwrap();
        let source = Arc::new(MemorySource::new("simulated", bytes));
        let granule = Granule::from_dataset(Dataset::from_source(source).unwrap()).unwrap();
        let variable = granule.variable("Rrs").unwrap().variable.clone();
        assert_eq!(
            variable.chunk_shape.as_deref(),
            Some([32, 256, 40].as_slice())
        );
        let whole: Vec<Range<usize>> = variable.shape.iter().map(|&n| 0..n).collect();
        let chunks = granule.dataset().storage_chunks(&variable, &whole).unwrap();
        assert_eq!(chunks.len(), 3 * 5 * 2);

        let rrs = fields(&granule, "Rrs", 0..50);
        let all: Vec<&Field> = rrs.iter().collect();
        check(&granule, &all, 0..70);
        check(&granule, &all[17..44], 30..69);
        // A chunk is fetched where it is decoded, in one request. The index was read above.
        let before = granule.counters();
        for lines in [0..32, 32..64, 64..70] {
            granule.read_values(&all, lines).unwrap();
        }
        let after = granule.counters();
        assert_eq!(after.reads - before.reads, chunks.len() as u64);
        let stored: u64 = chunks.iter().map(|chunk| chunk.stored_bytes).sum();
        assert_eq!(after.bytes_read - before.bytes_read, stored);
        assert_eq!(
            after.bytes_decoded - before.bytes_decoded,
            70 * 1272 * 50 * 2
        );
    }

    /// Flags have 256 lines in a chunk, reflectance 32: a run decodes both once.
    #[test]
    fn a_run_decodes_every_chunk_once() {
        let simulation = Simulation {
            suite: Suite::ApparentOptical,
            wavelengths: 20,
            lines: Some(300),
            count: Some(2),
            clear: 0.9,
            ..Simulation::default()
        };
        let spec = simulation.granules().unwrap().remove(1);
        let source = Arc::new(MemorySource::new("simulated", spec.bytes().unwrap()));
        let granule = Granule::from_dataset(Dataset::from_source(source).unwrap()).unwrap();
        let rrs = fields(&granule, "Rrs", 0..20);
        let mask = "l3".parse::<FlagSelection>().unwrap();
        let mask = mask.resolve(granule.flag_table().unwrap()).unwrap();
        let area = (-140.0, 0.0, -20.0, 80.0);
        let geobox = GeoBox::from_bbox(Crs::lonlat(), area, Resolution::Units(0.5)).unwrap();
        let (rows, columns) = geobox.shape();
        for method in Method::ALL {
            let recipes: Vec<FieldRecipe> = rrs
                .iter()
                .map(|field| FieldRecipe {
                    field: field.clone(),
                    reduction: Reduction {
                        statistics: vec![Statistic::Mean],
                        weight: Weight::Observation,
                        shares: method == Method::Footprint,
                        summation: Summation::for_range(Some((-1.0, 1.0))),
                        blank: Blank::default(),
                        scheme: Default::default(),
                    },
                    criterion: None,
                    uncertainty: None,
                })
                .collect();
            let recipe = Recipe {
                grid: &Grid::new(geobox.clone()),
                tiling: Tiling::new(rows, columns).unwrap(),
                method,
                fields: &recipes,
                mask: &mask,
                joint: false,
                turn: None,
            };
            // Reads the indexes of chunks, too.
            let cost = granule.read_cost(&rrs, true, 0..300).unwrap();
            granule.read_line_extents().unwrap();
            let before = granule.counters();
            granule.read_line_extents().unwrap();
            let extents = granule.counters();
            let applied = recipe.apply(&granule).unwrap().unwrap();
            assert!(applied.found, "{method:?}");
            assert_eq!(applied.lines, 0..300);
            let after = granule.counters();
            let (reads, bytes) = (
                extents.reads - before.reads,
                extents.bytes_read - before.bytes_read,
            );
            assert_eq!(
                after.reads - extents.reads - reads,
                cost.chunks as u64,
                "{method:?}"
            );
            assert_eq!(
                after.bytes_read - extents.bytes_read - bytes,
                cost.stored_bytes
            );
        }
    }

    /// Bands before, between and after lines and pixels, chunked or not, in both formats.
    #[test]
    fn bands_may_lie_anywhere() {
        let (lines, pixels) = (7, 9);
        for format in [NcWriteFormat::Nc4, NcWriteFormat::Classic] {
            let mut file = NcFileBuilder::new();
            let line = file.add_dimension("line", lines).unwrap();
            let pixel = file.add_dimension("pixel", pixels).unwrap();
            let band = file.add_dimension("band", 5).unwrap();
            let layer = file.add_dimension("layer", 3).unwrap();
            for (name, step) in [("latitude", 1.0), ("longitude", 0.1)] {
                let values: Vec<f32> = (0..63).map(|i| i as f32 * step).collect();
                let id = file.add_variable::<f32>(name, &[line, pixel]).unwrap();
                file.write_variable(id, &values).unwrap();
            }
            for (name, dims, chunk) in [
                ("after", vec![line, pixel, band], None),
                ("before", vec![band, line, pixel], None),
                ("around", vec![band, line, pixel, layer], None),
                ("between", vec![line, layer, pixel], None),
                (
                    "chunked_after",
                    vec![line, pixel, band],
                    Some(vec![3, 4, 3]),
                ),
                (
                    "chunked_before",
                    vec![band, line, pixel],
                    Some(vec![2, 3, 5]),
                ),
                (
                    "chunked_around",
                    vec![band, line, pixel, layer],
                    Some(vec![2, 2, 9, 2]),
                ),
            ] {
                let chunk = chunk.filter(|_| format == NcWriteFormat::Nc4);
                let id = file.add_variable::<i16>(name, &dims).unwrap();
                let len = dims.iter().map(|dim| {
                    if *dim == line {
                        lines
                    } else if *dim == pixel {
                        pixels
                    } else if *dim == band {
                        5
                    } else {
                        3
                    }
                });
                let count: u64 = len.product();
                let values: Vec<i16> = (0..count as i16).collect();
                file.write_variable(id, &values).unwrap();
                if let Some(chunk) = chunk {
                    file.set_variable_chunking(id, chunk).unwrap();
                    file.set_variable_deflate(id, Some(4), true).unwrap();
                }
            }
            let bytes = file.to_vec(NcWriteOptions { format }).unwrap().1;
            let source = Arc::new(MemorySource::new("small", bytes));
            let granule = Granule::from_dataset(Dataset::from_source(source).unwrap()).unwrap();
            let spectral = granule.variables().iter().filter(|v| v.bands() > 1);
            let mut seen = 0;
            for variable in spectral {
                seen += 1;
                let all = fields(&granule, &variable.name, 0..variable.bands());
                let all: Vec<&Field> = all.iter().collect();
                for lines in [0..7, 2..6, 6..7] {
                    check(&granule, &all, lines.clone());
                    check(&granule, &all[1..3], lines);
                }
            }
            assert_eq!(seen, 7);
        }
    }
}
