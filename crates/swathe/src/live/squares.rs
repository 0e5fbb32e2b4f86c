//! Squares of cells put together: what is drawn where cells are smaller than pixels.

/// Sums and numbers of the values in squares of cells, in rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Squares {
    pub height: usize,
    pub width: usize,
    sums: Vec<f64>,
    counts: Vec<u32>,
}

impl Squares {
    /// So many squares without a value.
    pub fn empty(height: usize, width: usize) -> Self {
        Squares {
            height,
            width,
            sums: vec![0.0; height * width],
            counts: vec![0; height * width],
        }
    }

    /// Adds rows of cells, of which the first is row `first` of those that the squares stand for; `columns`
    /// cells each, `side` cells to the side of a square. NaN and infinities are no values.
    pub fn add_rows(
        &mut self,
        first: usize,
        columns: usize,
        side: usize,
        values: impl IntoIterator<Item = f64>,
    ) {
        let (columns, side) = (columns.max(1), side.max(1));
        for (i, value) in values.into_iter().enumerate() {
            let (row, column) = ((first + i / columns) / side, i % columns / side);
            if value.is_finite() && row < self.height && column < self.width {
                let at = row * self.width + column;
                self.sums[at] += value;
                self.counts[at] += 1;
            }
        }
    }

    /// Adds squares of half the side, of which the first is at `row`, `column` of these in halves.
    pub fn add_halves(&mut self, row: usize, column: usize, halves: &Squares) {
        for i in 0..halves.height {
            for j in 0..halves.width {
                let (to_row, to_column) = ((row + i) / 2, (column + j) / 2);
                if to_row < self.height && to_column < self.width {
                    let (from, to) = (i * halves.width + j, to_row * self.width + to_column);
                    self.sums[to] += halves.sums[from];
                    self.counts[to] += halves.counts[from];
                }
            }
        }
    }

    /// The mean of each; NaN without a value.
    pub fn means(&self) -> impl Iterator<Item = f32> {
        let pairs = self.sums.iter().zip(&self.counts);
        pairs.map(|(sum, count)| match count {
            0 => f32::NAN,
            count => (sum / f64::from(*count)) as f32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean of a square by its definition.
    fn brute(values: &[f64], shape: (usize, usize), side: usize) -> Vec<f32> {
        let (rows, columns) = shape;
        let mut out = Vec::new();
        for row in (0..rows).step_by(side) {
            for column in (0..columns).step_by(side) {
                let cells = (row..rows.min(row + side))
                    .flat_map(|r| (column..columns.min(column + side)).map(move |c| (r, c)));
                let some: Vec<f64> = cells
                    .map(|(r, c)| values[r * columns + c])
                    .filter(|v| v.is_finite())
                    .collect();
                out.push((some.iter().sum::<f64>() / some.len() as f64) as f32);
            }
        }
        out
    }

    fn same(a: &[f32], b: &[f32]) -> bool {
        a.len() == b.len()
            && a.iter()
                .zip(b)
                .all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
    }

    #[test]
    fn squares_are_means_of_the_values_that_are_there() {
        let (rows, columns) = (13, 22);
        let value = |i: usize| match i % 7 {
            0 => f64::NAN,
            3 => f64::INFINITY,
            _ => (i * i % 64) as f64,
        };
        let mut values: Vec<f64> = (0..rows * columns).map(value).collect();
        values[..4].fill(f64::NAN);
        values[columns..columns + 4].fill(f64::NAN);
        for side in [1, 2, 4, 8] {
            let mut squares = Squares::empty(rows.div_ceil(side), columns.div_ceil(side));
            // In two parts.
            let (head, tail) = values.split_at(5 * columns);
            squares.add_rows(0, columns, side, head.iter().copied());
            squares.add_rows(5, columns, side, tail.iter().copied());
            let means: Vec<f32> = squares.means().collect();
            assert!(
                same(&means, &brute(&values, (rows, columns), side)),
                "{side}"
            );
            let side = 2 * side;
            let mut twice = Squares::empty(rows.div_ceil(side), columns.div_ceil(side));
            twice.add_halves(0, 0, &squares);
            let means: Vec<f32> = twice.means().collect();
            assert!(
                same(&means, &brute(&values, (rows, columns), side)),
                "{side}"
            );
        }
    }
}
