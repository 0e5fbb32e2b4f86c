//! Maps for people, as PNG: coastlines, graticule, colour bar with units, or a legend of classes.
//!
//! ```text
//! swath --grid_for_swath, draw_swath--> grid of the panel's pixels --+
//! gridded layer ----------------------------------------------------+--> MapPicture --png--> PNG
//! MapPicture: page --> frame --> raster (cells, land) + lines (coast, graticule, area) + lettering
//! ```
//!
//! A picture is a function of what it shows alone: typeface, coastlines and colours are built in.

mod array_graph;
mod caption;
mod coastline;
mod colorbar;
mod compose;
mod encode;
mod font;
mod frame;
mod graph;
mod graticule;
mod legend;
mod line_plot;
mod locator;
mod page;
mod palette;
mod raster;
mod scale;
mod scatter;
mod sketch;
mod svg;
mod swath;
mod ticks;

use crate::error::Result;
use scale::Scale;
use swathe_core::geobox::GeoBox;

pub use array_graph::array_graph;
pub use caption::{flag_kind, layer_values, time_covered, time_line};
pub use graph::{Graph, Node, NodeKind};
pub use legend::{Classes, classes};
pub use line_plot::LinePlot;
pub use locator::locator;
pub use page::WIDTHS;
pub use palette::{PALETTES, Palette, Rgb};
pub use scale::{Limits, Steps};
pub use scatter::ComparisonPicture;
pub use sketch::{Sketch, SketchLine};
pub use swath::{draw_swath, grid_for_swath};

/// One map with everything around it.
#[derive(Debug, Clone, PartialEq)]
pub struct MapPicture<'a> {
    /// The grid.
    pub geobox: &'a GeoBox,
    /// Its values, rows from north to south; NaN is missing.
    pub values: &'a [f32],
    /// The variable's name, which chooses the palette unless one is given.
    pub name: String,
    /// CF standard name, if known; likewise.
    pub standard_name: Option<String>,
    /// Large, above the map.
    pub title: String,
    /// Smaller lines below it: time, granules.
    pub subtitles: Vec<String>,
    /// What the colours stand for.
    pub label: String,
    /// Its units, as files spell them.
    pub units: String,
    /// Linear or logarithmic colours.
    pub steps: Steps,
    /// Ends of the colour bar.
    pub limits: Limits,
    /// Colours; `None` for those that suit the variable.
    pub palette: Option<Palette>,
    /// What values are called, if they are [classes](classes()): a legend names them then, instead of a colour bar.
    pub classes: Option<Classes>,
    /// A longitude/latitude box to outline: west, south, east, north; west > east across 180.
    pub area: Option<[f64; 4]>,
    /// Width of the picture in pixels; tall maps come out narrower. Within [`WIDTHS`].
    pub width: u32,
}

impl MapPicture<'_> {
    /// Width of a picture when nothing is said.
    pub const USUAL_WIDTH: u32 = 1400;

    /// Draws the picture and encodes it.
    ///
    /// # Errors
    /// Values that do not fill the grid, or a width that is out of range.
    pub fn png(&self) -> Result<Vec<u8>> {
        encode::png(&compose::draw(self)?)
    }

    fn palette_for(&self, scale: &Scale) -> Palette {
        self.palette.unwrap_or_else(|| {
            let limits = (scale.low, scale.high);
            Palette::for_variable(&self.name, self.standard_name.as_deref(), limits)
        })
    }
}

#[cfg(test)]
mod tests;
