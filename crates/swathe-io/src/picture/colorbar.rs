//! The colour bar: colours, pointed ends where values lie beyond, numbers, label.

use super::font;
use super::page::{BarPlace, Page};
use super::palette::Palette;
use super::scale::Scale;
use super::svg::{Anchor, Svg, fitted};
use super::ticks::ticks;
use resvg::tiny_skia::{Color, Paint, Pixmap, Rect, Transform};

/// Draws the bar beside the panel, whose upper left corner is given.
pub(super) fn draw(
    page: &Page,
    corner: (f64, f64),
    scale: &Scale,
    palette: Palette,
    label: &str,
    pixmap: &mut Pixmap,
    svg: &mut Svg,
) {
    let em = page.em;
    let (w, h) = (page.panel_width as f64, page.panel_height as f64);
    // The bar runs along an axis from its low end; `at` maps (along, across) to the page.
    let (length, thick) = match page.bar {
        BarPlace::Right => ((0.86 * h).round(), 1.25 * em),
        BarPlace::Below | BarPlace::Legend => ((0.66 * w).round(), 1.1 * em),
    };
    let origin = match page.bar {
        BarPlace::Right => (corner.0 + w + 1.5 * em, corner.1 + 0.5 * (h + length)),
        BarPlace::Below | BarPlace::Legend => {
            (corner.0 + 0.5 * (w - length), corner.1 + h + 2.9 * em)
        }
    };
    let at = |along: f64, across: f64| match page.bar {
        BarPlace::Right => (origin.0 + across, origin.1 - along),
        BarPlace::Below | BarPlace::Legend => (origin.0 + along, origin.1 + across),
    };
    let mut strip = |from: f64, to: f64, colour: [u8; 3]| {
        let (a, b) = (at(from, 0.0), at(to, thick));
        let edges = Rect::from_ltrb(
            a.0.min(b.0) as f32,
            a.1.min(b.1) as f32,
            a.0.max(b.0) as f32,
            a.1.max(b.1) as f32,
        );
        let mut paint = Paint {
            anti_alias: false,
            ..Paint::default()
        };
        paint.set_color(Color::from_rgba8(colour[0], colour[1], colour[2], 255));
        if let Some(rect) = edges {
            pixmap.fill_rect(rect, &paint, Transform::identity(), None);
        }
    };
    for i in 0..length as usize {
        let colour = palette.colour((i as f64 + 0.5) / length);
        strip(i as f64, i as f64 + 1.0, colour);
    }
    let rim = 0.06 * em;
    let point = 1.2 * em;
    let mut outline = vec![at(0.0, 0.0)];
    if scale.beyond.0 {
        let tip = [at(0.0, 0.0), at(-point, 0.5 * thick), at(0.0, thick)];
        svg.outline(&tip, 0.01, Some(palette.colour(0.0)));
        outline.push(tip[1]);
    }
    outline.extend([at(0.0, thick), at(length, thick)]);
    if scale.beyond.1 {
        let tip = [
            at(length, thick),
            at(length + point, 0.5 * thick),
            at(length, 0.0),
        ];
        svg.outline(&tip, 0.01, Some(palette.colour(1.0)));
        outline.push(tip[1]);
    }
    outline.push(at(length, 0.0));
    svg.outline(&outline, rim, None);

    let wanted = match page.bar {
        BarPlace::Right => (length / (3.2 * em)).clamp(2.0, 8.0),
        BarPlace::Below | BarPlace::Legend => (length / (5.0 * em)).clamp(2.0, 8.0),
    };
    let mut widest: f64 = 0.0;
    for tick in ticks(scale, wanted as usize) {
        let along = scale.place(tick.value) * length;
        let long = if tick.label.is_empty() { 0.22 } else { 0.4 } * em;
        svg.line(at(along, thick), at(along, thick + long), rim);
        let (x, y) = at(along, thick + 0.65 * em);
        match page.bar {
            BarPlace::Right => svg.text((x, y + 0.36 * em), em, Anchor::Start, &tick.label),
            BarPlace::Below | BarPlace::Legend => {
                svg.text((x, y + 0.8 * em), em, Anchor::Middle, &tick.label);
            }
        }
        widest = widest.max(font::width(&tick.label, em));
    }
    match page.bar {
        BarPlace::Right => {
            let x = (origin.0 + thick + 0.65 * em + widest + 1.5 * em).min(corner.0 + w + 8.6 * em);
            let text = fitted(label, 1.05 * em, h + 2.0 * em);
            svg.upward_text((x, corner.1 + 0.5 * h), 1.05 * em, &text);
        }
        BarPlace::Below | BarPlace::Legend => {
            let text = fitted(label, 1.05 * em, w + 4.0 * em);
            let y = origin.1 + thick + 3.0 * em;
            svg.text(
                (origin.0 + 0.5 * length, y),
                1.05 * em,
                Anchor::Middle,
                &text,
            );
        }
    }
}
