//! Clouds: where a correlated field exceeds a threshold that leaves the wanted share of pixels clear.

use rayon::prelude::*;
use swathe_core::sphere::unit_vector;

use super::super::random::Stream;
use super::super::scan::ScanGeometry;
use super::texture::{add_on_lines, on_ground};

/// Pixels over which stray light reaches from a cloud.
const REACH: usize = 3;

/// Every so many lines and pixels the field of large clouds is worked out, between them interpolated.
const NODE: usize = 8;

/// Lattice spacings on the ground, km, and amplitudes: weather systems to cloud bands.
const ON_GROUND: [(f64, f32); 5] = [
    (1600.0, 0.55),
    (800.0, 0.55),
    (400.0, 0.5),
    (200.0, 0.42),
    (100.0, 0.32),
];

/// Lattice spacings in pixels and amplitudes: the texture of clouds.
const ON_LINES: [(usize, f32); 4] = [(32, 0.28), (16, 0.2), (8, 0.13), (4, 0.08)];

/// A field whose high values are clouds. `lines` are numbers since the epoch; the large scales are fixed to
/// the ground, so that consecutive granules continue each other.
pub(in super::super) fn field(stream: Stream, geometry: &ScanGeometry, lines: &[i64]) -> Vec<f32> {
    let pixels = geometry.pixels;
    let node_columns: Vec<usize> = nodes(pixels);
    let node_lines: Vec<usize> = nodes(lines.len());
    let large: Vec<f32> = node_lines
        .par_iter()
        .flat_map_iter(|&line| {
            node_columns.iter().map(move |&column| {
                let at = line * pixels + column;
                let place = unit_vector(geometry.longitude[at], geometry.latitude[at]);
                ON_GROUND
                    .iter()
                    .enumerate()
                    .map(|(i, &(spacing, amplitude))| {
                        let cells = swathe_core::sphere::EARTH_RADIUS_KM / spacing;
                        amplitude * on_ground(stream.child(i as u64), place, cells)
                    })
                    .sum()
            })
        })
        .collect();
    let mut field = vec![0.0; lines.len() * pixels];
    field
        .par_chunks_mut(pixels.max(1))
        .enumerate()
        .for_each(|(line, out)| {
            let row = line / NODE;
            let down = (line % NODE) as f32 / NODE as f32;
            let width = node_columns.len();
            let node = |column: usize| {
                let above = large[row * width + column];
                let below = large[(row + 1).min(node_lines.len() - 1) * width + column];
                above + (below - above) * down
            };
            for (cell, values) in out.chunks_mut(NODE).enumerate() {
                let (left, right) = (node(cell), node((cell + 1).min(width - 1)));
                for (i, value) in values.iter_mut().enumerate() {
                    *value = left + (right - left) * (i as f32 / NODE as f32);
                }
            }
            for (i, &(spacing, amplitude)) in ON_LINES.iter().enumerate() {
                add_on_lines(
                    stream.child(100 + i as u64),
                    lines[line],
                    spacing,
                    amplitude,
                    out,
                );
            }
        });
    field
}

fn nodes(length: usize) -> Vec<usize> {
    // The last cell is interpolated towards the last element.
    let mut nodes: Vec<usize> = (0..length).step_by(NODE).collect();
    if let Some(last) = length.checked_sub(1)
        && !last.is_multiple_of(NODE)
    {
        nodes.push(last);
    }
    nodes
}

/// The highest value within the reach of stray light, for each pixel: a pixel is free of clouds and of
/// their stray light if this is below the threshold.
pub(in super::super) fn within_reach(field: &[f32], pixels: usize) -> Vec<f32> {
    let lines = field.len().checked_div(pixels).unwrap_or(0);
    let highest = |a: f32, b: f32| if b > a { b } else { a };
    let mut along = vec![0.0; field.len()];
    along
        .par_chunks_mut(pixels.max(1))
        .zip(field.par_chunks(pixels.max(1)))
        .for_each(|(out, line)| {
            out.copy_from_slice(line);
            for shift in 1..=REACH.min(pixels - 1) {
                for (o, &v) in out.iter_mut().zip(&line[shift..]) {
                    *o = highest(*o, v);
                }
                for (o, &v) in out[shift..].iter_mut().zip(line) {
                    *o = highest(*o, v);
                }
            }
        });
    let mut both = vec![0.0; field.len()];
    both.par_chunks_mut(pixels.max(1))
        .enumerate()
        .for_each(|(line, out)| {
            let near = line.saturating_sub(REACH)..(line + REACH + 1).min(lines);
            out.copy_from_slice(&along[line * pixels..][..pixels]);
            for other in near {
                for (o, &v) in out.iter_mut().zip(&along[other * pixels..][..pixels]) {
                    *o = highest(*o, v);
                }
            }
        });
    both
}

/// The threshold below which `clear` of all pixels lie, counting only those that are usable otherwise;
/// at most nine tenths of these.
pub(in super::super) fn threshold(near: &[f32], usable: &[bool], clear: f64) -> f32 {
    let mut values: Vec<f32> = near
        .iter()
        .zip(usable)
        .filter(|(_, usable)| **usable)
        .map(|(&value, _)| value)
        .collect();
    if values.is_empty() {
        return 0.0;
    }
    let wanted = (clear * near.len() as f64).min(0.9 * values.len() as f64);
    let rank = (wanted as usize).min(values.len() - 1);
    *values.select_nth_unstable_by(rank, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reach_is_the_maximum_of_a_square() {
        let (lines, pixels) = (12, 15);
        let stream = Stream::new(3);
        let field: Vec<f32> = (0..lines * pixels)
            .map(|i| stream.signed(i as u64))
            .collect();
        let near = within_reach(&field, pixels);
        for line in 0..lines {
            for pixel in 0..pixels {
                let mut highest = f32::NEG_INFINITY;
                for l in line.saturating_sub(REACH)..(line + REACH + 1).min(lines) {
                    for p in pixel.saturating_sub(REACH)..(pixel + REACH + 1).min(pixels) {
                        highest = highest.max(field[l * pixels + p]);
                    }
                }
                assert_eq!(near[line * pixels + pixel], highest);
            }
        }
    }

    #[test]
    fn threshold_leaves_the_wanted_share() {
        let near: Vec<f32> = (0..1000).map(|i| (i * 7 % 1000) as f32).collect();
        let usable: Vec<bool> = (0..1000).map(|i| i % 2 == 0).collect();
        let count = |limit: f32| {
            let clear = near.iter().zip(&usable).filter(|(v, u)| **u && **v < limit);
            clear.count()
        };
        assert_eq!(count(threshold(&near, &usable, 0.25)), 250);
        assert_eq!(count(threshold(&near, &usable, 0.8)), 450);
        assert_eq!(threshold(&near, &[false; 1000], 0.5), 0.0);
    }
}
