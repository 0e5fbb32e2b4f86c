//! The lettering of a page as SVG: texts, frames and ticks over the raster.

use super::font;
use std::fmt::Write;

/// Which point of a text its position means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// An SVG document that grows.
pub(super) struct Svg {
    body: String,
    width: u32,
    height: u32,
}

const INK: &str = "#222222";
const LINE: &str = "#1f5f8b";

impl Svg {
    pub(super) fn new(width: u32, height: u32) -> Self {
        Svg {
            body: String::new(),
            width,
            height,
        }
    }

    /// A line of text on its baseline.
    pub(super) fn text(&mut self, (x, y): (f64, f64), size: f64, anchor: Anchor, text: &str) {
        self.styled_text((x, y), size, anchor, text, "");
    }

    /// Text on a map: with a light rim.
    pub(super) fn rimmed_text(&mut self, place: (f64, f64), size: f64, text: &str) {
        let rim = format!(
            r##" stroke="#ffffff" stroke-opacity="0.85" stroke-width="{:.2}" stroke-linejoin="round" paint-order="stroke""##,
            0.28 * size
        );
        self.styled_text(place, size, Anchor::Middle, text, &rim);
    }

    /// Text that runs upward, centred on its position.
    pub(super) fn upward_text(&mut self, (x, y): (f64, f64), size: f64, text: &str) {
        let turn = format!(r#" transform="rotate(-90 {x:.2} {y:.2})""#);
        self.styled_text((x, y), size, Anchor::Middle, text, &turn);
    }

    fn styled_text(
        &mut self,
        (x, y): (f64, f64),
        size: f64,
        anchor: Anchor,
        text: &str,
        style: &str,
    ) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let _ = writeln!(
            self.body,
            r#"<text x="{x:.2}" y="{y:.2}" font-size="{size:.2}" text-anchor="{anchor}"{style}>{}</text>"#,
            escaped(text)
        );
    }

    /// A straight line.
    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), thickness: f64) {
        let _ = writeln!(
            self.body,
            r#"<path d="M{:.2} {:.2}L{:.2} {:.2}" stroke="{INK}" stroke-width="{thickness:.2}"/>"#,
            from.0, from.1, to.0, to.1
        );
    }

    /// A closed outline, filled with a colour if one is given.
    pub(super) fn outline(&mut self, points: &[(f64, f64)], thickness: f64, fill: Option<[u8; 3]>) {
        let mut path = String::new();
        for (i, (x, y)) in points.iter().enumerate() {
            let _ = write!(path, "{}{x:.2} {y:.2}", if i == 0 { "M" } else { "L" });
        }
        let fill = fill.map_or_else(
            || "none".to_owned(),
            |[r, g, b]| format!("#{r:02x}{g:02x}{b:02x}"),
        );
        let _ = writeln!(
            self.body,
            r#"<path d="{path}Z" fill="{fill}" stroke="{INK}" stroke-width="{thickness:.2}"/>"#
        );
    }

    /// A line through points, in colour.
    pub(super) fn polyline(&mut self, points: &[(f64, f64)]) {
        if points.len() < 2 {
            return;
        }
        let points: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{x:.2},{y:.2}"))
            .collect();
        let _ = writeln!(
            self.body,
            r##"<polyline points="{}" fill="none" stroke="{LINE}" stroke-width="2" stroke-linejoin="round"/>"##,
            points.join(" ")
        );
    }

    /// A dot of the same colour.
    pub(super) fn dot(&mut self, (x, y): (f64, f64)) {
        let _ = writeln!(
            self.body,
            r#"<circle cx="{x:.2}" cy="{y:.2}" r="3" fill="{LINE}"/>"#
        );
    }

    /// The document.
    pub(super) fn document(&self) -> String {
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{}" height="{}"><g font-family="{}" fill="{INK}">
{}</g></svg>"#,
            self.width,
            self.height,
            font::FAMILY,
            self.body
        )
    }
}

/// Text with markup escaped, and without the control characters that XML does not allow.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Text that is cut in the middle where it is longer than the room there is.
pub(super) fn fitted(text: &str, size: f64, room: f64) -> String {
    if font::width(text, size) <= room {
        return text.to_owned();
    }
    let characters: Vec<char> = text.chars().collect();
    for kept in (2..characters.len()).rev() {
        let (head, tail) = (kept - kept / 3, kept / 3);
        let short: String = characters[..head]
            .iter()
            .chain(&['…'])
            .chain(&characters[characters.len() - tail..])
            .collect();
        if font::width(&short, size) <= room {
            return short;
        }
    }
    "…".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_makes_a_valid_document() {
        let mut svg = Svg::new(100, 100);
        svg.text(
            (1.0, 2.0),
            10.0,
            Anchor::Start,
            "a<b & \"c\" \u{0}\u{7}\u{ffff} 日本",
        );
        let options = resvg::usvg::Options::default();
        assert!(resvg::usvg::Tree::from_str(&svg.document(), &options).is_ok());
    }

    #[test]
    fn long_text_is_cut_to_its_room() {
        let text = "PACE_OCI.20240801T162013.L2.OC_BGC.V3_2.nc";
        assert_eq!(fitted(text, 10.0, 1000.0), text);
        let short = fitted(text, 10.0, 120.0);
        assert!(
            font::width(&short, 10.0) <= 120.0 && short.contains('…') && short.ends_with(".nc")
        );
    }
}
