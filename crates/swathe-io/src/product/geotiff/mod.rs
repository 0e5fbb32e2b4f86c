//! Cloud-optimized GeoTIFF: tiles, deflate with predictor, overviews, all metadata first.
//!
//! ```text
//! Product --bands--> Band x Level (overviews::reduce) --tiles::encode--> deflated tiles
//!         --geokeys, metadata--> tags                --container::write--> file
//! ```

mod bands;
mod container;
mod geokeys;
mod metadata;
mod overviews;
mod tiles;

use std::io::Write;

use rayon::prelude::*;

use self::bands::{Band, SampleType};
use self::container::{Directory, Value};
use self::overviews::Level;
use super::{FILL, Product};
use crate::error::{Error, Result};

/// Side of a tile, what GDAL's COG driver takes too.
const TILE: usize = 512;

/// Writes a product as a cloud-optimized GeoTIFF: a band for every map of every layer, in the type
/// that holds all of them exactly. Missing values are [`FILL`], in overviews too; those average the
/// valid cells of floating layers and pick single cells of counts.
///
/// The compressed file is made in memory.
///
/// # Errors
/// [`Error::Product`] when the product is not consistent, not in memory or has no cell or layer, and what
/// `writer` says.
pub fn write(product: &Product, writer: &mut dyn Write) -> Result<()> {
    product.check_in_memory()?;
    let (rows, columns) = product.geobox.shape();
    let bands = bands::of(product);
    let sizes = (
        u32::try_from(rows),
        u32::try_from(columns),
        u16::try_from(bands.len()),
    );
    let (Ok(1..), Ok(1..), Ok(1..)) = sizes else {
        return Err(Error::Product {
            reason: format!(
                "GeoTIFF holds 1 to 65535 bands, this would be {} of {rows} x {columns} cells",
                bands.len()
            ),
        });
    };
    let sample = SampleType::of(&bands);
    // Overviews are small beside their base, so all of one level are made at a time.
    let directories: Vec<Directory> = overviews::factors(rows, columns)
        .into_iter()
        .map(|factor| {
            let levels = bands
                .iter()
                .map(|band| Level::of(band, (rows, columns), factor));
            let levels: Vec<Level<'_>> = levels.collect();
            directory(product, &levels, &bands, sample, factor)
        })
        .collect();
    container::write(&directories, writer).map_err(|source| Error::Io {
        path: "GeoTIFF output".into(),
        source,
    })
}

/// One image: the full one (factor 1), or an overview.
fn directory(
    product: &Product,
    levels: &[Level<'_>],
    bands: &[Band<'_>],
    sample: SampleType,
    factor: usize,
) -> Directory {
    let (rows, columns) = levels.first().map_or((0, 0), |level| level.shape);
    let (down, across) = (rows.div_ceil(TILE), columns.div_ceil(TILE));
    let places: Vec<(usize, usize, usize)> = (0..levels.len())
        .flat_map(|band| (0..down * across).map(move |i| (band, i / across, i % across)))
        .collect();
    let tiles = places
        .into_par_iter()
        .map(|(band, row, column)| tiles::encode(&levels[band], row, column, sample))
        .collect();

    let each = |value: u16| Value::Shorts(vec![value; bands.len()]);
    let short = |value: u16| Value::Shorts(vec![value]);
    let mut tags = vec![
        (256, Value::Longs(vec![columns as u32])),
        (257, Value::Longs(vec![rows as u32])),
        (258, each(8 * sample.bytes() as u16)),
        (259, short(8)),
        (262, short(1)),
        (277, short(bands.len() as u16)),
        // Bands apart: reading one does not touch the others.
        (284, short(2)),
        (317, short(sample.predictor())),
        (322, short(TILE as u16)),
        (323, short(TILE as u16)),
        (339, each(sample.format())),
    ];
    if bands.len() > 1 {
        tags.push((338, Value::Shorts(vec![0; bands.len() - 1])));
    }
    if sample.is_floating() {
        tags.push((42113, Value::Text(FILL.to_string())));
    }
    if factor > 1 {
        tags.push((254, Value::Longs(vec![1])));
    } else {
        let [x0, dx, _, y0, _, dy] = product.geobox.geotransform();
        tags.push((33550, Value::Doubles(vec![dx, -dy, 0.0])));
        tags.push((33922, Value::Doubles(vec![0.0, 0.0, 0.0, x0, y0, 0.0])));
        tags.extend(geokeys::tags(&product.geobox.crs));
        tags.push((42112, Value::Text(metadata::xml(product, bands))));
    }
    Directory { tags, tiles }
}
