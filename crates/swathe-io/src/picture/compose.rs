//! A whole picture: panel, lines, lettering, PNG.

use super::coastline::{Coastline, Detail, Land};
use super::frame::{Frame, Line};
use super::graticule::{Graticule, Side, graticule};
use super::legend::{Key, Legend};
use super::page::{BarPlace, Page, WIDTHS};
use super::palette::Rgb;
use super::scale::Scale;
use super::svg::{Anchor, Svg, fitted};
use super::{MapPicture, colorbar, font, raster, ticks};
use crate::error::{Error, Result};
use resvg::tiny_skia::{
    Color, LineCap, LineJoin, Paint, PathBuilder, Pixmap, PixmapPaint, Stroke, Transform,
};
use resvg::usvg;

/// Draws a picture.
pub(super) fn draw(picture: &MapPicture<'_>) -> Result<Pixmap> {
    let geobox = picture.geobox;
    if picture.values.len() != geobox.cells() || picture.values.is_empty() {
        return Err(invalid(format!(
            "{} values were given for a grid of {} x {} cells",
            picture.values.len(),
            geobox.y.len,
            geobox.x.len
        )));
    }
    if !WIDTHS.contains(&picture.width) {
        return Err(invalid(format!(
            "it would be {} pixels wide: {} to {} are possible",
            picture.width,
            WIDTHS.start(),
            WIDTHS.end()
        )));
    }
    let (crs, bounds) = (&geobox.crs, geobox.bounds());
    let key = picture.classes.as_ref();
    let key = key.map(|classes| Key::new(picture.values, classes));
    let page = match key {
        None => Page::new(crs, bounds, picture.width),
        Some(_) => Page::with(crs, bounds, picture.width, BarPlace::Legend),
    };
    let frame = Frame::new(geobox, page.panel_width, page.panel_height);
    let scale = Scale::new(picture.values, picture.steps, picture.limits);
    let graticule = graticule(&frame, page.em);
    let palette = picture.palette_for(&scale);
    let colours = match &key {
        None => raster::colours(geobox, picture.values, &frame, &scale, palette),
        Some(key) => raster::classes(geobox, picture.values, &frame, key),
    };
    let panel = draw_panel(picture, &page, &frame, colours, &graticule)?;
    let label = picture.bar_label(&scale);
    let legend = key
        .as_ref()
        .map(|key| Legend::new(key, &picture.label, &page));

    let top = Heading::new(picture, &page);
    let (left, upper) = (page.left(), top.height.round());
    let (width, height) = (
        page.width(),
        upper + page.panel_height as f64 + legend.as_ref().map_or(page.bottom(), Legend::height),
    );
    let mut pixmap = new_pixmap(width as usize, height as usize)?;
    pixmap.fill(Color::WHITE);
    let paint = PixmapPaint::default();
    pixmap.draw_pixmap(
        left as i32,
        upper as i32,
        panel.as_ref(),
        &paint,
        Transform::identity(),
        None,
    );

    let mut svg = Svg::new(width as u32, height as u32);
    top.draw(left, &mut svg);
    draw_axes(&page, &graticule, (left, upper), &mut svg);
    match &legend {
        Some(legend) => {
            let corner = (left, upper + page.panel_height as f64);
            legend.draw(corner, page.em, &mut svg);
        }
        None => colorbar::draw(
            &page,
            (left, upper),
            &scale,
            palette,
            &label,
            &mut pixmap,
            &mut svg,
        ),
    }
    lettered(&svg, &mut pixmap)?;
    Ok(pixmap)
}

/// Draws lettering over a picture.
pub(super) fn lettered(svg: &Svg, pixmap: &mut Pixmap) -> Result<()> {
    let options = usvg::Options {
        fontdb: font::database(),
        font_family: font::FAMILY.into(),
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_str(&svg.document(), &options)
        .map_err(|error| invalid(error.to_string()))?;
    resvg::render(&tree, Transform::identity(), &mut pixmap.as_mut());
    Ok(())
}

pub(super) fn invalid(reason: String) -> Error {
    Error::Product {
        reason: format!("the picture: {reason}"),
    }
}

pub(super) fn new_pixmap(width: usize, height: usize) -> Result<Pixmap> {
    Pixmap::new(width as u32, height as u32)
        .ok_or_else(|| invalid(format!("{width} x {height} pixels are too many")))
}

/// The map with its coast, graticule and area box.
fn draw_panel(
    picture: &MapPicture<'_>,
    page: &Page,
    frame: &Frame,
    colours: Vec<Option<Rgb>>,
    graticule: &Graticule,
) -> Result<Pixmap> {
    let coastline = Coastline::of(Detail::for_pixel(frame.pixel_degrees()));
    let coast: Vec<Line> = coastline
        .lines()
        .iter()
        .flat_map(|line| frame.trace(line))
        .collect();
    let land = Land::new(coastline, frame.region);
    let filled = raster::fill_missing(colours, frame, &land, &coast);
    let mut panel = new_pixmap(frame.width, frame.height)?;
    for (out, [r, g, b]) in panel.data_mut().chunks_exact_mut(4).zip(filled) {
        out.copy_from_slice(&[r, g, b, 255]);
    }
    let em = page.em as f32;
    stroke(&mut panel, &graticule.lines, 0.045 * em, [0, 0, 0, 60]);
    stroke(&mut panel, &coast, 0.055 * em, [40, 40, 40, 255]);
    if let Some(area) = picture.area {
        let outline = frame.trace(&area_outline(area));
        stroke(&mut panel, &outline, 0.16 * em, [222, 26, 26, 255]);
    }
    Ok(panel)
}

/// The outline of a longitude/latitude box, with points close enough for any projection.
fn area_outline([west, south, east, north]: [f64; 4]) -> Vec<(f64, f64)> {
    let east = if east < west { east + 360.0 } else { east };
    let corners = [
        (west, south),
        (east, south),
        (east, north),
        (west, north),
        (west, south),
    ];
    const PARTS: usize = 60;
    let mut outline = Vec::new();
    for pair in corners.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        for i in 0..=PARTS {
            let share = i as f64 / PARTS as f64;
            outline.push((
                from.0 + share * (to.0 - from.0),
                from.1 + share * (to.1 - from.1),
            ));
        }
    }
    outline
}

fn stroke(panel: &mut Pixmap, lines: &[Line], width: f32, [r, g, b, a]: [u8; 4]) {
    // Points closer than this to the one before are not seen.
    const CLOSE: f32 = 0.35;
    let mut path = PathBuilder::new();
    for line in lines {
        let mut drawn: Option<(f32, f32)> = None;
        for (i, &(x, y)) in line.iter().enumerate() {
            match drawn {
                None => path.move_to(x, y),
                Some((x0, y0)) => {
                    let last = i + 1 == line.len();
                    if !last && (x - x0).abs() < CLOSE && (y - y0).abs() < CLOSE {
                        continue;
                    }
                    path.line_to(x, y);
                }
            }
            drawn = Some((x, y));
        }
    }
    let Some(path) = path.finish() else {
        return;
    };
    let mut paint = Paint::default();
    paint.set_color(Color::from_rgba8(r, g, b, a));
    let stroke = Stroke {
        width: width.max(0.6),
        line_cap: LineCap::Butt,
        line_join: LineJoin::Round,
        ..Stroke::default()
    };
    panel.stroke_path(&path, &paint, &stroke, Transform::identity(), None);
}

/// Title and subtitles, broken into lines that fit.
struct Heading {
    /// Text, size in pixels, baseline.
    lines: Vec<(String, f64, f64)>,
    height: f64,
}

impl Heading {
    fn new(picture: &MapPicture<'_>, page: &Page) -> Self {
        let em = page.em;
        let room = page.width() - page.left() - 0.8 * em;
        let mut lines = Vec::new();
        let mut y = 0.8 * em;
        let title_size = 1.45 * em;
        if !picture.title.is_empty() {
            for line in wrapped(&picture.title, title_size, room, 2) {
                y += 1.25 * title_size;
                lines.push((line, title_size, y));
            }
        }
        for subtitle in &picture.subtitles {
            y += 1.5 * em;
            lines.push((fitted(subtitle, em, room), em, y));
        }
        Heading {
            lines,
            height: y + em,
        }
    }

    fn draw(&self, left: f64, svg: &mut Svg) {
        for (text, size, y) in &self.lines {
            svg.text((left, *y), *size, Anchor::Start, text);
        }
    }
}

/// Words on at most `most` lines; what does not fit is cut.
fn wrapped(text: &str, size: f64, room: f64, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let full = lines.len() == most;
        match lines.last_mut() {
            Some(line) if font::width(&format!("{line} {word}"), size) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            Some(line) if full => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| fitted(line, size, room)).collect()
}

/// Frame, ticks and names of meridians and parallels.
fn draw_axes(page: &Page, graticule: &Graticule, (left, upper): (f64, f64), svg: &mut Svg) {
    let em = page.em;
    let (w, h) = (page.panel_width as f64, page.panel_height as f64);
    let thin = 0.06 * em;
    let corners = [
        (left, upper),
        (left + w, upper),
        (left + w, upper + h),
        (left, upper + h),
    ];
    svg.outline(&corners, 1.2 * thin, None);
    for label in &graticule.labels {
        let (x, y) = (left + label.x, upper + label.y);
        match label.side {
            Side::Bottom => {
                svg.line((x, y), (x, y + 0.4 * em), thin);
                svg.text((x, y + 1.5 * em), em, Anchor::Middle, &label.text);
            }
            Side::Left => {
                svg.line((x - 0.4 * em, y), (x, y), thin);
                svg.text((x - 0.6 * em, y + 0.36 * em), em, Anchor::End, &label.text);
            }
            Side::Edge => {
                svg.text((x - 0.4 * em, y + 0.36 * em), em, Anchor::End, &label.text);
            }
            Side::Inside => svg.rimmed_text((x, y + 0.36 * em), 0.9 * em, &label.text),
        }
    }
}

impl MapPicture<'_> {
    /// `chlor_a (mg m⁻³)`, `column (10¹⁵ cm⁻²)`.
    fn bar_label(&self, scale: &Scale) -> String {
        let mut units = ticks::units(&self.units);
        let power = ticks::power(scale);
        if power != 0 {
            units = format!("{} {units}", ticks::power_text(power));
        }
        match (self.label.is_empty(), units.trim()) {
            (true, units) => units.to_owned(),
            (false, "") => self.label.clone(),
            (false, units) => format!("{} ({units})", self.label),
        }
    }
}
