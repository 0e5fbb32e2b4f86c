//! The map itself: colours of cells, and land where there are none.

use super::coastline::Land;
use super::frame::{Frame, Line};
use super::legend::Key;
use super::palette::{Palette, Rgb};
use super::scale::Scale;
use rayon::prelude::*;
use swathe_core::geobox::GeoBox;

/// Where nothing was observed.
pub(super) const MISSING: Rgb = [255, 255, 255];
/// Land where nothing was observed.
pub(super) const LAND: Rgb = [214, 213, 209];
/// Beyond the edge of the projected Earth.
const NOWHERE: Rgb = [241, 241, 241];

/// Colours of the panel's pixels, `None` where nothing was observed. A pixel shows the cell that its
/// centre lies in; where cells are smaller than pixels, the mean place on the colour bar of the cells
/// that are there.
pub(super) fn colours(
    geobox: &GeoBox,
    values: &[f32],
    frame: &Frame,
    scale: &Scale,
    palette: Palette,
) -> Vec<Option<Rgb>> {
    let columns: Vec<(usize, usize)> = (0..frame.width)
        .map(|i| cells_of(i, frame.width, geobox.x.len))
        .collect();
    let mut colours = vec![None; frame.width * frame.height];
    let rows = colours.par_chunks_mut(frame.width).enumerate();
    rows.for_each(|(i, pixels)| {
        let (top, bottom) = cells_of(i, frame.height, geobox.y.len);
        for (pixel, &(left, right)) in pixels.iter_mut().zip(&columns) {
            let (mut sum, mut count) = (0.0, 0u32);
            for row in top..bottom {
                let start = row * geobox.x.len;
                let cells = values.get(start + left..start + right).unwrap_or_default();
                for value in cells.iter().filter(|v| v.is_finite()) {
                    sum += scale.place(f64::from(*value)).clamp(0.0, 1.0);
                    count += 1;
                }
            }
            if count > 0 {
                *pixel = Some(palette.colour(sum / f64::from(count)));
            }
        }
    });
    colours
}

/// The same of a map of classes: where cells are smaller than pixels, the most frequent class.
pub(super) fn classes(
    geobox: &GeoBox,
    values: &[f32],
    frame: &Frame,
    key: &Key,
) -> Vec<Option<Rgb>> {
    let mut colours = vec![None; frame.width * frame.height];
    let rows = colours.par_chunks_mut(frame.width).enumerate();
    rows.for_each(|(i, pixels)| {
        let (top, bottom) = cells_of(i, frame.height, geobox.y.len);
        for (j, pixel) in pixels.iter_mut().enumerate() {
            let (left, right) = cells_of(j, frame.width, geobox.x.len);
            let rows = (top..bottom).map(|row| row * geobox.x.len);
            let cells = rows.flat_map(|start| values.get(start + left..start + right));
            *pixel = key.colour(cells.flatten());
        }
    });
    colours
}

/// The cells along an axis that pixel `i` shows: those it holds, else the one at its centre.
fn cells_of(i: usize, pixels: usize, cells: usize) -> (usize, usize) {
    if cells > pixels {
        (i * cells / pixels, (i + 1) * cells / pixels)
    } else {
        let cell = (2 * i + 1) * cells / (2 * pixels);
        (cell, cell + 1)
    }
}

/// Fills the pixels without a colour. Between pixels that a coast passes, a row is all land or all
/// sea: one question answers for a run of pixels.
pub(super) fn fill_missing(
    colours: Vec<Option<Rgb>>,
    frame: &Frame,
    land: &Land,
    coast: &[Line],
) -> Vec<Rgb> {
    let touched = touched_pixels(frame, coast);
    let mut filled = vec![MISSING; colours.len()];
    let width = frame.width;
    let rows = filled
        .par_chunks_mut(width)
        .zip(colours.par_chunks(width))
        .zip(touched.par_chunks(width))
        .enumerate();
    rows.for_each(|(row, ((out, colours), touched))| {
        let background = |column: usize| {
            let place = frame.lonlat(column as f64 + 0.5, row as f64 + 0.5);
            match place {
                None => NOWHERE,
                Some((lon, lat)) if land.contains(lon, lat) => LAND,
                Some(_) => MISSING,
            }
        };
        let on_earth = on_earth(frame, row);
        let mut run: Option<Rgb> = None;
        for column in 0..colours.len() {
            // The edge of a projected Earth is no coast: around it every pixel is asked.
            let alone = touched[column] || !on_earth[column / BLOCK];
            if alone {
                run = None;
            }
            out[column] = match colours[column] {
                Some(colour) => colour,
                None if alone => background(column),
                None => *run.get_or_insert_with(|| background(column)),
            };
        }
    });
    filled
}

/// Columns that are on Earth together.
const BLOCK: usize = 16;

/// Whether all pixels of each block of columns have a place on Earth. The projected Earth has no
/// notches narrower than a block: its two ends tell.
fn on_earth(frame: &Frame, row: usize) -> Vec<bool> {
    let blocks = frame.width.div_ceil(BLOCK);
    if frame.all_on_earth {
        return vec![true; blocks];
    }
    let at = |column: usize| frame.lonlat(column as f64, row as f64 + 0.5).is_some();
    let ends: Vec<bool> = (0..=blocks).map(|i| at(i * BLOCK)).collect();
    ends.windows(2).map(|pair| pair[0] && pair[1]).collect()
}

/// The pixels that a line passes through, and their neighbours to the left and right.
fn touched_pixels(frame: &Frame, lines: &[Line]) -> Vec<bool> {
    let (width, height) = (frame.width, frame.height);
    let mut touched = vec![false; width * height];
    let mut mark_row = |row: f32, from: f32, to: f32| {
        if row < 0.0 || row >= height as f32 {
            return;
        }
        let (from, to) = (from.min(to).floor() - 1.0, from.max(to).floor() + 2.0);
        let from = from.clamp(0.0, width as f32) as usize;
        let to = to.clamp(0.0, width as f32) as usize;
        touched[row as usize * width..][from..to].fill(true);
    };
    for line in lines {
        for pair in line.windows(2) {
            let (a, b) = if pair[0].1 <= pair[1].1 {
                (pair[0], pair[1])
            } else {
                (pair[1], pair[0])
            };
            let slope = (b.0 - a.0) / (b.1 - a.1);
            let (first, last) = (a.1.max(0.0).floor(), b.1.min(height as f32).floor());
            let mut row = first;
            while row <= last {
                let at = |y: f32| {
                    if b.1 > a.1 {
                        a.0 + (y.clamp(a.1, b.1) - a.1) * slope
                    } else {
                        f32::NAN
                    }
                };
                let (from, to) = (at(row), at(row + 1.0));
                if from.is_nan() {
                    mark_row(row, a.0, b.0);
                } else {
                    mark_row(row, from, to);
                }
                row += 1.0;
            }
        }
    }
    touched
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_share_out_cells() {
        // More cells than pixels: every cell once.
        let shared: Vec<_> = (0..3).map(|i| cells_of(i, 3, 8)).collect();
        assert_eq!(shared, [(0, 2), (2, 5), (5, 8)]);
        // Fewer: the cell at the pixel's centre.
        let shared: Vec<_> = (0..5).map(|i| cells_of(i, 5, 2).0).collect();
        assert_eq!(shared, [0, 0, 1, 1, 1]);
    }
}
