//! Where everything is on the page: panel, margins, colour bar. All sizes are in pixels and follow
//! from the width, so that a grid can be made to fit the panel before there is anything to draw.

use swathe_core::crs::Crs;

/// Smallest and largest width of a picture.
pub const WIDTHS: std::ops::RangeInclusive<u32> = 300..=8000;

/// Where the colour bar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BarPlace {
    Right,
    Below,
    /// There is none: a legend lies below.
    Legend,
}

/// Sizes of a page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Page {
    /// Size of the text at ticks.
    pub(super) em: f64,
    pub(super) panel_width: usize,
    pub(super) panel_height: usize,
    pub(super) bar: BarPlace,
}

/// Maps wider than this have the colour bar below.
const WIDE: f64 = 1.55;

const LEFT: f64 = 5.4;
const RIGHT_OF_BAR: f64 = 9.0;
const RIGHT: f64 = 2.6;

impl Page {
    /// A page with a colour bar.
    pub(super) fn new(crs: &Crs, bounds: (f64, f64, f64, f64), width: u32) -> Page {
        let bar = match aspect(crs, bounds) > WIDE {
            true => BarPlace::Below,
            false => BarPlace::Right,
        };
        Page::with(crs, bounds, width, bar)
    }

    /// A page with a colour bar at a place, or a legend.
    pub(super) fn with(crs: &Crs, bounds: (f64, f64, f64, f64), width: u32, bar: BarPlace) -> Page {
        let width = f64::from(width.clamp(*WIDTHS.start(), *WIDTHS.end()));
        let em = (0.0155 * width).round().max(6.0);
        let aspect = aspect(crs, bounds);
        let right = match bar {
            BarPlace::Right => RIGHT_OF_BAR,
            BarPlace::Below | BarPlace::Legend => RIGHT,
        };
        let widest = width - (LEFT + right) * em;
        let highest = 0.95 * width;
        let panel_width = widest.min(highest * aspect).max(0.25 * width).round();
        let panel_height = (panel_width / aspect).clamp(0.12 * width, highest).round();
        Page {
            em,
            panel_width: panel_width as usize,
            panel_height: panel_height as usize,
            bar,
        }
    }

    /// Left edge of the panel on the page.
    pub(super) fn left(&self) -> f64 {
        (LEFT * self.em).round()
    }

    /// Room right of the panel.
    pub(super) fn right(&self) -> f64 {
        let ems = match self.bar {
            BarPlace::Right => RIGHT_OF_BAR,
            BarPlace::Below | BarPlace::Legend => RIGHT,
        };
        (ems * self.em).round()
    }

    /// Room below the panel.
    pub(super) fn bottom(&self) -> f64 {
        let ems = match self.bar {
            BarPlace::Right | BarPlace::Legend => 2.6,
            BarPlace::Below => 7.8,
        };
        (ems * self.em).round()
    }

    /// Width of the page.
    pub(super) fn width(&self) -> f64 {
        self.left() + self.panel_width as f64 + self.right()
    }
}

/// Pixels of a picture's panel (columns, rows) for bounds (west, south, east, north) in units of the
/// CRS, when the picture is `width` pixels wide.
pub(super) fn panel_size(crs: &Crs, bounds: (f64, f64, f64, f64), width: u32) -> (usize, usize) {
    let page = Page::new(crs, bounds, width);
    (page.panel_width, page.panel_height)
}

/// Width of the map by its height. Degrees of longitude are as long as on the middle parallel,
/// on maps of half the world as long as those of latitude.
fn aspect(crs: &Crs, (west, south, east, north): (f64, f64, f64, f64)) -> f64 {
    let (width, height) = (east - west, north - south);
    let shrink = if crs.is_lonlat() && width.max(height) < 120.0 {
        libm::cos((0.5 * (south + north)).to_radians()).max(0.1)
    } else {
        1.0
    };
    width * shrink / height
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_keep_their_proportion() {
        let crs = Crs::lonlat();
        let (columns, rows) = panel_size(&crs, (-77.0, 36.0, -73.0, 41.0), 1400);
        let expected = 4.0 * 38.5f64.to_radians().cos() / 5.0;
        assert!((columns as f64 / rows as f64 - expected).abs() < 2e-3);
        let (columns, rows) = panel_size(&crs, (-180.0, -90.0, 180.0, 90.0), 1400);
        assert_eq!(columns, 2 * rows);
    }

    #[test]
    fn absurd_shapes_still_have_a_page() {
        let crs = Crs::lonlat();
        for bounds in [(0.0, 0.0, 100.0, 1e-6), (0.0, 0.0, 1e-6, 100.0)] {
            for width in [0, 300, 100_000] {
                let page = Page::new(&crs, bounds, width);
                assert!(page.panel_width > 50 && page.panel_height > 30, "{page:?}");
                assert!(page.width() <= 8000.0 + 1.0);
            }
        }
    }
}
