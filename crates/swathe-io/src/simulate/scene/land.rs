//! Land and sea, from the raster in `data/land`.

use std::sync::OnceLock;

use libdeflater::Decompressor;

const CELLS_PER_DEGREE: usize = 30;
const COLUMNS: usize = 360 * CELLS_PER_DEGREE;
const ROWS: usize = 180 * CELLS_PER_DEGREE;
const ROW_BYTES: usize = COLUMNS / 8;

/// Side of the boxes of which the share of land is kept, in cells: 0.53 degrees.
const BOX_CELLS: usize = 16;
const BOX_COLUMNS: usize = COLUMNS / BOX_CELLS;
const BOX_ROWS: usize = ROWS.div_ceil(BOX_CELLS);

static STORED: &[u8] = include_bytes!("../../../data/land/land_mask.bin");

/// The land of the world.
pub(in super::super) struct Land {
    /// One bit a cell, rows from the north, columns from 180 W, the lowest bit first.
    bits: Vec<u8>,
    /// Share of land in boxes of cells, rows from the north.
    shares: Vec<f32>,
}

impl Land {
    /// The land, decoded once a process (7 MB).
    pub(in super::super) fn get() -> &'static Land {
        static LAND: OnceLock<Land> = OnceLock::new();
        LAND.get_or_init(Land::decode)
    }

    /// The format is described in data/land/README.md. The data is part of the program: a test
    /// decodes it, so an error here cannot come from input. It would show as sea.
    fn decode() -> Land {
        let (length, stream) = STORED.split_at(4);
        let length = length.iter().rev().fold(0, |n, &b| n << 8 | usize::from(b));
        let mut runs = vec![0; length];
        let decoded = Decompressor::new().zlib_decompress(stream, &mut runs);
        debug_assert_eq!(decoded, Ok(length));
        let mut bits = vec![0_u8; ROWS * ROW_BYTES];
        let (mut cell, mut land) = (0, false);
        let (mut run, mut shift) = (0_usize, 0);
        let mut fill = |from: usize, to: usize| {
            for at in from..to.min(ROWS * COLUMNS) {
                bits[at / 8] |= 1 << (at % 8);
            }
        };
        for byte in runs {
            run |= usize::from(byte & 127) << shift;
            shift += 7;
            if byte < 128 {
                if land {
                    fill(cell, cell + run);
                }
                cell += run;
                land = !land;
                (run, shift) = (0, 0);
            }
        }
        if land {
            fill(cell, ROWS * COLUMNS);
        }
        for at in ROW_BYTES..bits.len() {
            bits[at] ^= bits[at - ROW_BYTES];
        }
        let shares = shares(&bits);
        Land { bits, shares }
    }

    fn cell(&self, row: usize, column: usize) -> f64 {
        let at = row * COLUMNS + column;
        f64::from(self.bits[at / 8] >> (at % 8) & 1)
    }

    /// Share of land at a point, 0..1: cells interpolated bilinearly. Half and more is land, what lies
    /// between 0 and half is sea at a coast.
    pub(in super::super) fn share(&self, lon: f64, lat: f64) -> f64 {
        let per = CELLS_PER_DEGREE as f64;
        let (row, south) = split((90.0 - lat) * per - 0.5);
        let (column, east) = split((lon + 180.0) * per - 0.5);
        let rows = [clamp(row, ROWS), clamp(row + 1, ROWS)];
        let columns = [turn(column, COLUMNS), turn(column + 1, COLUMNS)];
        let at = |i: usize| {
            let (west, other) = (
                self.cell(rows[i], columns[0]),
                self.cell(rows[i], columns[1]),
            );
            west + (other - west) * east
        };
        let (north, other) = (at(0), at(1));
        north + (other - north) * south
    }

    /// Share of land in the surroundings of a point, 0..1, smooth (its gradient is continuous): about
    /// one half at a coast, 0 from 90 km off. Quadratic B-splines over the boxes.
    pub(in super::super) fn surroundings(&self, lon: f64, lat: f64) -> f64 {
        let per = CELLS_PER_DEGREE as f64 / BOX_CELLS as f64;
        let (row, south) = split((90.0 - lat) * per);
        let (column, east) = split((lon + 180.0) * per);
        let (rows, columns) = (spline(south), spline(east));
        let mut sum = 0.0;
        for (i, weight) in rows.into_iter().enumerate() {
            let row = clamp(row + i as i64 - 1, BOX_ROWS);
            for (j, other) in columns.into_iter().enumerate() {
                let column = turn(column + j as i64 - 1, BOX_COLUMNS);
                sum += weight * other * f64::from(self.shares[row * BOX_COLUMNS + column]);
            }
        }
        sum
    }
}

fn shares(bits: &[u8]) -> Vec<f32> {
    let mut shares = Vec::with_capacity(BOX_ROWS * BOX_COLUMNS);
    for first in (0..ROWS).step_by(BOX_CELLS) {
        let rows = first..(first + BOX_CELLS).min(ROWS);
        for byte in (0..ROW_BYTES).step_by(BOX_CELLS / 8) {
            let land: u32 = rows
                .clone()
                .flat_map(|row| &bits[row * ROW_BYTES + byte..][..BOX_CELLS / 8])
                .map(|b| b.count_ones())
                .sum();
            shares.push(land as f32 / (rows.len() * BOX_CELLS) as f32);
        }
    }
    shares
}

/// Whole part and rest.
fn split(x: f64) -> (i64, f64) {
    let whole = x.floor();
    (whole as i64, x - whole)
}

fn clamp(index: i64, length: usize) -> usize {
    index.clamp(0, length as i64 - 1) as usize
}

fn turn(index: i64, length: usize) -> usize {
    index.rem_euclid(length as i64) as usize
}

/// Weights of a quadratic B-spline for the intervals before, at and after the one whose part `t` is
/// the point.
fn spline(t: f64) -> [f64; 3] {
    [
        0.5 * (1.0 - t) * (1.0 - t),
        0.5 + t * (1.0 - t),
        0.5 * t * t,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_places_are_land_or_sea() {
        let land = Land::get();
        for (lon, lat, expected) in [
            (-77.6, 39.4, 1.0),    // Maryland
            (-76.15, 37.5, 0.0),   // Chesapeake Bay
            (-74.0, 37.0, 0.0),    // off Virginia
            (2.35, 48.86, 1.0),    // Paris
            (-30.0, 40.0, 0.0),    // North Atlantic
            (179.9999, 68.5, 1.0), // Chukotka, both sides of 180
            (-179.9999, 68.5, 1.0),
            (0.0, -90.0, 1.0), // South Pole
            (0.0, 90.0, 0.0),  // North Pole
            (0.0, 89.99, 0.0),
        ] {
            assert_eq!(land.share(lon, lat), expected, "{lon} {lat}");
        }
    }

    #[test]
    fn the_earth_is_three_tenths_land() {
        let land = Land::get();
        let (mut sum, mut all) = (0.0, 0.0);
        for row in 0..180 {
            let lat = 89.5 - f64::from(row);
            let area = lat.to_radians().cos();
            for column in 0..360 {
                sum += area * land.share(f64::from(column) - 179.5, lat);
                all += area;
            }
        }
        let share: f64 = sum / all;
        // The polygons cover 0.2879 of the ellipsoid (pyproj); this is a sphere, at every degree.
        assert!((share - 0.2879).abs() < 0.004, "{share}");
    }

    #[test]
    fn surroundings_are_smooth_and_bounded() {
        let land = Land::get();
        let step = 1e-3;
        for i in 0..40_000 {
            let (lon, lat) = (-80.0 + f64::from(i) * step, 38.0 + f64::from(i % 7) * 0.3);
            let (here, there) = (
                land.surroundings(lon, lat),
                land.surroundings(lon + step, lat),
            );
            // A B-spline's slope is at most the difference of neighbours, 1, per box of 0.53 degrees.
            assert!((here - there).abs() <= step / 0.53, "{lon} {lat}");
            assert!((0.0..=1.0 + 1e-12).contains(&here));
        }
        let across = land.surroundings(180.0, 66.0) - land.surroundings(-180.0, 66.0);
        assert_eq!(across, 0.0);
    }
}
