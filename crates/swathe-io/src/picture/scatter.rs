//! Two maps against each other: how many cells have which pair of values, and where they differ.

use super::scale::{Limits, Scale, Steps};
use super::svg::{Anchor, Svg, fitted};
use super::ticks::{power, power_text, ticks};
use super::{MapPicture, Palette, compose, encode, font};
use crate::error::{Error, Result};
use resvg::tiny_skia::{Color, Paint, Pixmap, PixmapPaint, Rect, Transform};
use resvg::usvg;

/// Squares of the density along each side.
const SIDE: usize = 160;

/// A density of pairs, beside the map of their differences.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparisonPicture<'a> {
    /// Values of the first map, along the horizontal axis; NaN is missing.
    pub first: &'a [f32],
    /// Values of the second map, along the vertical axis.
    pub second: &'a [f32],
    /// What the axes are.
    pub labels: [String; 2],
    /// Linear or logarithmic axes.
    pub steps: Steps,
    /// Lines below the density.
    pub lines: Vec<String>,
    /// The map of differences.
    pub map: MapPicture<'a>,
}

impl ComparisonPicture<'_> {
    /// Draws the picture and encodes it.
    ///
    /// # Errors
    /// As [`MapPicture::png`].
    pub fn png(&self) -> Result<Vec<u8>> {
        let map = compose::draw(&self.map)?;
        let em = (f64::from(self.map.width) * 0.0155).round().max(6.0);
        let panel = (f64::from(self.map.width) * 0.5).round();
        let (left, top) = ((6.5 * em).round(), (4.5 * em).round());
        let width = (left + panel + 2.0 * em) as u32;
        let height = (top + panel + (5.0 + 1.6 * self.lines.len() as f64) * em) as u32;
        let height = height.max(map.height());
        let refused = |reason: String| Error::Product {
            reason: format!("the picture: {reason}"),
        };
        let mut page = Pixmap::new(width + map.width(), height)
            .ok_or_else(|| refused("it is too large".into()))?;
        page.fill(Color::WHITE);
        let both = |v: &&f32| v.is_finite();
        let pairs = self.first.iter().zip(self.second);
        let shown: Vec<f32> = pairs
            .filter(|(a, b)| both(a) && both(b))
            .flat_map(|(a, b)| [*a, *b])
            .collect();
        let scale = Scale::new(&shown, self.steps, Limits::Auto);
        self.density(&scale, (left, top, panel), &mut page);
        let mut svg = Svg::new(width, height);
        self.letter(&scale, (left, top, panel), em, &mut svg);
        let options = usvg::Options {
            fontdb: font::database(),
            font_family: font::FAMILY.into(),
            ..usvg::Options::default()
        };
        let tree = usvg::Tree::from_str(&svg.document(), &options)
            .map_err(|error| refused(error.to_string()))?;
        resvg::render(&tree, Transform::identity(), &mut page.as_mut());
        page.draw_pixmap(
            width as i32,
            0,
            map.as_ref(),
            &PixmapPaint::default(),
            Transform::identity(),
            None,
        );
        encode::png(&page)
    }

    /// Colours by the logarithm of the number of cells.
    fn density(&self, scale: &Scale, (left, top, panel): (f64, f64, f64), page: &mut Pixmap) {
        let mut counts = vec![0u32; SIDE * SIDE];
        let place = |value: f32| {
            let place = scale.place(f64::from(value)) * SIDE as f64;
            // The greatest value is in the last square.
            (0.0..=SIDE as f64)
                .contains(&place)
                .then(|| (place as usize).min(SIDE - 1))
        };
        let usable = |v: f32| v.is_finite() && (self.steps == Steps::Linear || v > 0.0);
        for (a, b) in self.first.iter().zip(self.second) {
            if usable(*a)
                && usable(*b)
                && let (Some(x), Some(y)) = (place(*a), place(*b))
            {
                counts[(SIDE - 1 - y) * SIDE + x] += 1;
            }
        }
        let most = counts.iter().copied().max().unwrap_or(0).max(1);
        let palette = Palette::named("viridis").ok();
        let square = panel / SIDE as f64;
        let mut paint = Paint {
            anti_alias: false,
            ..Paint::default()
        };
        for (i, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let share = libm::log(f64::from(*count) + 1.0) / libm::log(f64::from(most) + 1.0);
            let [r, g, b] = palette.map_or([0; 3], |palette| palette.colour(share));
            paint.set_color(Color::from_rgba8(r, g, b, 255));
            let (x, y) = (
                (i % SIDE) as f64 * square + left,
                (i / SIDE) as f64 * square + top,
            );
            let edges =
                Rect::from_ltrb(x as f32, y as f32, (x + square) as f32, (y + square) as f32);
            if let Some(rect) = edges {
                page.fill_rect(rect, &paint, Transform::identity(), None);
            }
        }
    }

    fn letter(&self, scale: &Scale, (left, top, panel): (f64, f64, f64), em: f64, svg: &mut Svg) {
        let (right, bottom) = (left + panel, top + panel);
        let rim = 0.06 * em;
        svg.outline(
            &[(left, top), (right, top), (right, bottom), (left, bottom)],
            rim,
            None,
        );
        // Where both are equal.
        svg.line((left, bottom), (right, top), rim);
        for tick in ticks(scale, 6) {
            let along = scale.place(tick.value) * panel;
            let long = if tick.label.is_empty() { 0.22 } else { 0.4 } * em;
            svg.line((left + along, bottom), (left + along, bottom + long), rim);
            svg.line((left, bottom - along), (left - long, bottom - along), rim);
            let (x, y) = (left + along, bottom - along);
            svg.text((x, bottom + 1.5 * em), em, Anchor::Middle, &tick.label);
            svg.text(
                (left - 0.65 * em, y + 0.36 * em),
                em,
                Anchor::End,
                &tick.label,
            );
        }
        let unit = match power(scale) {
            0 => String::new(),
            power => format!(" ({})", power_text(power)),
        };
        let [first, second] = &self.labels;
        let label = |text: &str| fitted(&format!("{text}{unit}"), 1.05 * em, panel);
        let middle = (left + 0.5 * panel, bottom + 3.2 * em);
        svg.text(middle, 1.05 * em, Anchor::Middle, &label(first));
        svg.upward_text((1.6 * em, top + 0.5 * panel), 1.05 * em, &label(second));
        let title = (left, top - 1.4 * em);
        svg.text(
            title,
            1.3 * em,
            Anchor::Start,
            "Number of cells, from few to many",
        );
        for (i, line) in self.lines.iter().enumerate() {
            let at = (left, bottom + (5.0 + 1.6 * i as f64) * em);
            svg.text(at, em, Anchor::Start, &fitted(line, em, panel));
        }
    }
}
