//! Exact overlap of a polygon with the cells of a grid, by signed areas to the left of its edges.

/// Share of each unit cell that a simple polygon covers. Vertices are (column, row) positions in
/// cells; `visit(row, column, share)` is called for every cell of `rows` x `columns` with a share above
/// zero.
///
/// Each edge adds, to every row it crosses, the area between itself and the right end of the row:
/// a running sum along the row turns these into the polygon's cover (the accumulation buffer of
/// anti-aliased rasterisers, kept exact).
pub(super) fn overlap(
    vertices: &[(f64, f64)],
    rows: usize,
    columns: usize,
    scratch: &mut Vec<f64>,
    mut visit: impl FnMut(usize, usize, f64),
) {
    let fold = |pick: fn(&(f64, f64)) -> f64| {
        vertices
            .iter()
            .map(pick)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
                (low.min(v), high.max(v))
            })
    };
    let ((left, right), (top, bottom)) = (fold(|v| v.0), fold(|v| v.1));
    let (first_row, end_row) = (top.floor().max(0.0), bottom.ceil().min(rows as f64));
    let (first_column, end_column) = (left.floor().max(0.0), right.ceil().min(columns as f64));
    if !(first_row < end_row && first_column < end_column) {
        return;
    }
    let (x0, y0) = vertices[0];
    let twice_area: f64 = vertices
        .windows(2)
        .map(|pair| (pair[0].0 - x0) * (pair[1].1 - y0) - (pair[1].0 - x0) * (pair[0].1 - y0))
        .sum();
    let (height, width) = (
        (end_row - first_row) as usize,
        (end_column - first_column) as usize,
    );
    let whole =
        left >= first_column && right <= end_column && top >= first_row && bottom <= end_row;
    if (height, width) == (1, 1) && whole {
        let share = 0.5 * twice_area.abs();
        if share > 0.0 {
            visit(first_row as usize, first_column as usize, share);
        }
        return;
    }
    scratch.clear();
    // One more column takes what lies to the right of the window.
    scratch.resize(height * (width + 1), 0.0);
    let shifted = |v: (f64, f64)| (v.0 - first_column, v.1 - first_row);
    for (i, &from) in vertices.iter().enumerate() {
        let to = vertices[(i + 1) % vertices.len()];
        let (from, to) = (shifted(from), shifted(to));
        if !(whole && add_short_edge(from, to, height, width, scratch)) {
            add_edge(from, to, height, width, scratch);
        }
    }
    // Edges that run to higher rows add what is to their right: one that goes around by the right takes it.
    let sign = if twice_area > 0.0 { -1.0 } else { 1.0 };
    for (r, row) in scratch.chunks(width + 1).enumerate() {
        let mut cover = 0.0;
        for (c, delta) in row[..width].iter().enumerate() {
            cover += delta;
            let share = (cover * sign).min(1.0);
            if share > 0.0 {
                visit(first_row as usize + r, first_column as usize + c, share);
            }
        }
    }
}

/// Adds an edge of which both ends lie in the window, if they lie in one cell: most edges of small polygons.
#[inline]
fn add_short_edge(
    (x0, y0): (f64, f64),
    (x1, y1): (f64, f64),
    height: usize,
    width: usize,
    buffer: &mut [f64],
) -> bool {
    let (row, column) = (y0 as usize, x0 as usize);
    if (y1 as usize, x1 as usize) != (row, column) || row >= height || column >= width {
        return false;
    }
    let inside = 0.5 * (x0 + x1) - column as f64;
    let dy = y1 - y0;
    let cells = &mut buffer[row * (width + 1) + column..][..2];
    cells[0] += dy * (1.0 - inside);
    cells[1] += dy * inside;
    true
}

fn add_edge(
    (x0, y0): (f64, f64),
    (x1, y1): (f64, f64),
    height: usize,
    width: usize,
    buffer: &mut [f64],
) {
    if y0 == y1 {
        return;
    }
    let (sign, x0, y0, x1, y1) = if y0 < y1 {
        (1.0, x0, y0, x1, y1)
    } else {
        (-1.0, x1, y1, x0, y0)
    };
    let slope = (x1 - x0) / (y1 - y0);
    let x_at = |y: f64| if y == y1 { x1 } else { x0 + (y - y0) * slope };
    let mut y = y0.max(0.0);
    let end = y1.min(height as f64);
    while y < end {
        // Not negative: a cast rounds down, without a call.
        let row = y as usize;
        let next = (row as f64 + 1.0).min(end);
        add_piece(
            x_at(y),
            x_at(next),
            sign * (next - y),
            width,
            &mut buffer[row * (width + 1)..][..width + 1],
        );
        y = next;
    }
}

/// A piece of an edge inside one row, from column position `x0` to `x1`, of signed height `dy`.
fn add_piece(x0: f64, x1: f64, dy: f64, width: usize, row: &mut [f64]) {
    let (x0, x1) = if x0 <= x1 { (x0, x1) } else { (x1, x0) };
    let limit = width as f64;
    let (a, b) = (x0.clamp(0.0, limit), x1.clamp(0.0, limit));
    if a == b || x0 == x1 {
        add_upright(a, dy, row);
        return;
    }
    // Parts cut off at either side act as upright edges at the border.
    let per_column = dy / (x1 - x0);
    if x0 < 0.0 {
        add_upright(0.0, per_column * (a - x0), row);
    }
    if x1 > limit {
        add_upright(limit, per_column * (x1 - b), row);
    }
    let mut x = a;
    while x < b {
        let next = (x as usize as f64 + 1.0).min(b);
        add_upright(0.5 * (x + next), per_column * (next - x), row);
        x = next;
    }
}

/// An upright edge at `x`: covers what is to its right.
#[inline]
fn add_upright(x: f64, dy: f64, row: &mut [f64]) {
    let column = (x as usize).min(row.len() - 1);
    let inside = x - column as f64;
    row[column] += dy * (1.0 - inside);
    if column + 1 < row.len() {
        row[column + 1] += dy * inside;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shares(vertices: &[(f64, f64)], rows: usize, columns: usize) -> Vec<f64> {
        let mut out = vec![0.0; rows * columns];
        overlap(vertices, rows, columns, &mut Vec::new(), |r, c, s| {
            out[r * columns + c] = s
        });
        out
    }

    /// Clips a convex polygon to a cell by half planes, and takes the shoelace area.
    fn clipped_area(vertices: &[(f64, f64)], row: f64, column: f64) -> f64 {
        let mut polygon = vertices.to_vec();
        for (a, b, c) in [
            (1.0, 0.0, -column),
            (-1.0, 0.0, column + 1.0),
            (0.0, 1.0, -row),
            (0.0, -1.0, row + 1.0),
        ] {
            let side = |p: (f64, f64)| a * p.0 + b * p.1 + c;
            let mut kept = Vec::new();
            for (i, &p) in polygon.iter().enumerate() {
                let q = polygon[(i + 1) % polygon.len()];
                if side(p) >= 0.0 {
                    kept.push(p);
                }
                if (side(p) > 0.0 && side(q) < 0.0) || (side(p) < 0.0 && side(q) > 0.0) {
                    let t = side(p) / (side(p) - side(q));
                    kept.push((p.0 + t * (q.0 - p.0), p.1 + t * (q.1 - p.1)));
                }
            }
            polygon = kept;
        }
        let twice: f64 = (0..polygon.len())
            .map(|i| {
                let (p, q) = (polygon[i], polygon[(i + 1) % polygon.len()]);
                p.0 * q.1 - q.0 * p.1
            })
            .sum();
        0.5 * twice.abs()
    }

    #[test]
    fn a_square_over_four_cells() {
        assert_eq!(
            shares(&[(0.5, 0.5), (1.5, 0.5), (1.5, 1.5), (0.5, 1.5)], 2, 2),
            vec![0.25; 4]
        );
        // One cell, either orientation, and a polygon around the whole window.
        assert_eq!(
            shares(&[(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0)], 1, 1),
            vec![1.0]
        );
        assert_eq!(
            shares(&[(-5.0, -5.0), (9.0, -5.0), (9.0, 9.0), (-5.0, 9.0)], 3, 2),
            vec![1.0; 6]
        );
    }

    proptest! {
        #[test]
        fn equals_clipping(points in prop::collection::vec((-3.0..8.0f64, -3.0..8.0f64), 3)) {
            let got = shares(&points, 5, 6);
            for row in 0..5 {
                for column in 0..6 {
                    let expected = clipped_area(&points, row as f64, column as f64);
                    prop_assert!((got[row * 6 + column] - expected).abs() < 1e-12);
                }
            }
        }
    }
}
