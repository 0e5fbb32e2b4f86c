//! PNG files of opaque pictures.

use crate::error::{Error, Result};
use resvg::tiny_skia::Pixmap;

/// Encodes a picture without transparency, 8 bits a channel.
pub(super) fn png(pixmap: &Pixmap) -> Result<Vec<u8>> {
    let rgb: Vec<u8> = pixmap
        .data()
        .chunks_exact(4)
        .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
        .collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, pixmap.width(), pixmap.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    let written = encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(&rgb));
    written.map_err(|error| Error::Product {
        reason: format!("the picture: {error}"),
    })?;
    Ok(file)
}
