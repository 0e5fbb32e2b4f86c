//! The typeface of all pictures: part of DejaVu Sans, so that no picture depends on a system's fonts.

use resvg::usvg::fontdb;
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};
use std::sync::{Arc, OnceLock};

/// Its name in SVG.
pub(super) const FAMILY: &str = "DejaVu Sans";

const DATA: &[u8] = include_bytes!("../../data/DejaVuSans-subset.ttf");

/// The database that holds only this typeface.
pub(super) fn database() -> Arc<fontdb::Database> {
    static DATABASE: OnceLock<Arc<fontdb::Database>> = OnceLock::new();
    let made = DATABASE.get_or_init(|| {
        let mut database = fontdb::Database::new();
        database.load_font_data(DATA.to_vec());
        database.set_sans_serif_family(FAMILY);
        Arc::new(database)
    });
    made.clone()
}

/// Length of a line of text in pixels, at a size in pixels.
pub(super) fn width(text: &str, size: f64) -> f64 {
    // A character that the typeface lacks takes the room of a digit or so.
    const USUAL: f32 = 0.64;
    let Ok(font) = FontRef::new(DATA) else {
        return text.chars().count() as f64 * f64::from(USUAL) * size;
    };
    let metrics = font.glyph_metrics(Size::new(1.0), LocationRef::default());
    let characters = font.charmap();
    let advance = |c: char| metrics.advance_width(characters.map(c)?);
    let em: f32 = text.chars().map(|c| advance(c).unwrap_or(USUAL)).sum();
    f64::from(em) * size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_every_character_that_labels_use() {
        let font = FontRef::new(DATA).unwrap();
        for c in "0123456789.−×°NSEW⁰¹²³⁴⁵⁶⁷⁸⁹⁻µ–—…abcxyzABCXYZéüñß[](),:;/%_-+αβ≤≥".chars()
        {
            assert!(font.charmap().map(c).is_some(), "{c:?}");
        }
    }

    #[test]
    fn widths_are_those_of_dejavu() {
        // 1303 of 2048 units for every digit.
        assert!((width("1234567890", 20.48) - 130.3).abs() < 0.01);
    }
}
