//! A line over time, as PNG.

use super::compose::{invalid, lettered, new_pixmap};
use super::encode;
use super::svg::{Anchor, Svg};
use super::ticks::{decimals, round_step, units};
use crate::error::Result;
use crate::granule::time_text;
use resvg::tiny_skia::Color;

/// Values over time.
#[derive(Debug, Clone, PartialEq)]
pub struct LinePlot {
    /// Large, above.
    pub title: String,
    /// What the values are.
    pub label: String,
    /// Their units, as files spell them.
    pub units: String,
    /// Seconds since 1970 UTC, and the value; NaN leaves a gap.
    pub points: Vec<(f64, f64)>,
}

const WIDTH: u32 = 1000;
const HEIGHT: u32 = 480;
const EM: f64 = 15.0;
/// Left, upper, right and lower edge of the panel.
const PANEL: [f64; 4] = [95.0, 50.0, 970.0, 430.0];

impl LinePlot {
    /// Draws the plot and encodes it.
    ///
    /// # Errors
    /// No value to show.
    pub fn png(&self) -> Result<Vec<u8>> {
        let here = |(t, v): &&(f64, f64)| t.is_finite() && v.is_finite();
        let shown: Vec<(f64, f64)> = self.points.iter().filter(here).copied().collect();
        let range = |pick: fn(&(f64, f64)) -> f64| {
            let all = || shown.iter().map(pick);
            (
                all().fold(f64::INFINITY, f64::min),
                all().fold(f64::NEG_INFINITY, f64::max),
            )
        };
        if shown.is_empty() {
            return Err(invalid("there is no value to show".into()));
        }
        let (first, last) = range(|p| p.0);
        let (low, high) = range(|p| p.1);
        let margin = match high - low {
            0.0 => (0.1 * high.abs()).max(1e-6),
            span => 0.06 * span,
        };
        let (low, high) = (low - margin, high + margin);
        let span = if last > first { last - first } else { 1.0 };
        let [left, upper, right, lower] = PANEL;
        let place = |(t, v): (f64, f64)| {
            let x = if last > first {
                (t - first) / span
            } else {
                0.5
            };
            let y = (v - low) / (high - low);
            (
                left + 10.0 + x * (right - left - 20.0),
                lower - y * (lower - upper),
            )
        };
        let mut svg = Svg::new(WIDTH, HEIGHT);
        svg.text((left, 32.0), 1.2 * EM, Anchor::Start, &self.title);
        svg.outline(
            &[(left, upper), (right, upper), (right, lower), (left, lower)],
            1.0,
            None,
        );
        let label = match units(&self.units) {
            units if units.is_empty() => self.label.clone(),
            units => format!("{} ({units})", self.label),
        };
        svg.upward_text((22.0, 0.5 * (upper + lower)), EM, &label);
        let step = round_step((high - low) / 6.0);
        let digits = decimals(step);
        let steps = (low / step).ceil() as i64..=(high / step).floor() as i64;
        for i in steps {
            let value = i as f64 * step;
            let (_, y) = place((first, value));
            svg.line((left - 5.0, y), (left, y), 1.0);
            svg.text(
                (left - 9.0, y + 0.35 * EM),
                0.85 * EM,
                Anchor::End,
                &format!("{value:.digits$}"),
            );
        }
        // At least a day between marks, or with the time of day.
        let days = (last - first) / 86_400.0;
        let (from, to) = if days > 5.0 { (0, 10) } else { (0, 16) };
        let marks = match days {
            0.0 => 0,
            d if d > 5.0 => 5,
            _ => 3,
        };
        for i in 0..=marks {
            let t = first + span * f64::from(i) / f64::from(marks.max(1));
            let (x, _) = place((t, low));
            let text = time_text((t * 1e3) as i64);
            svg.line((x, lower), (x, lower + 5.0), 1.0);
            svg.text(
                (x, lower + 9.0 + EM),
                0.85 * EM,
                Anchor::Middle,
                &text.get(from..to).unwrap_or(&text).replace('T', " "),
            );
        }
        let mut run: Vec<(f64, f64)> = Vec::new();
        for point in &self.points {
            if here(&point) {
                run.push(place(*point));
            } else {
                svg.polyline(&std::mem::take(&mut run));
            }
        }
        svg.polyline(&run);
        shown.iter().for_each(|point| svg.dot(place(*point)));
        let mut pixmap = new_pixmap(WIDTH as usize, HEIGHT as usize)?;
        pixmap.fill(Color::WHITE);
        lettered(&svg, &mut pixmap)?;
        encode::png(&pixmap)
    }
}
