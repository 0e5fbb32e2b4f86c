//! The map of a run that other processes carry out: what their tasks gave, put together.
//!
//! It is a picture of what is there so far. The product has the exact numbers, and takes its place.

use super::recorder::Sampled;
use std::collections::BTreeSet;
use swathe_io::product::Statistic;

/// What tasks gave to squares.
#[derive(Debug)]
pub struct Gathered {
    statistic: Statistic,
    /// Cells to the side of a square, rows and columns of the grid.
    stride: usize,
    shape: (usize, usize),
    /// First granules of the tasks that are in it: one that was done again is told again.
    tasks: BTreeSet<u32>,
    /// Of every square that somebody gave to: value, observations, granules.
    squares: Vec<Square>,
}

#[derive(Debug, Clone, Copy)]
struct Square {
    value: f64,
    count: f64,
    granules: f64,
}

impl Gathered {
    /// Nothing yet, of this statistic.
    pub fn new(statistic: Statistic, stride: usize, shape: (usize, usize)) -> Self {
        let nothing = Square {
            value: f64::NAN,
            count: 0.0,
            granules: 0.0,
        };
        let count = shape.0.div_ceil(stride) * shape.1.div_ceil(stride);
        Gathered {
            statistic,
            stride,
            shape,
            tasks: BTreeSet::new(),
            squares: vec![nothing; count],
        }
    }

    /// What is shown of a square.
    pub fn statistic(&self) -> Statistic {
        self.statistic
    }

    /// Takes what a task gave; whether it was new and of this grid.
    pub fn add(&mut self, sampled: &Sampled) -> bool {
        let fits = (sampled.stride, sampled.shape) == (self.stride, self.shape);
        if !fits || !self.tasks.insert(sampled.first) {
            return false;
        }
        let mut at = 0_usize;
        for (step, value, count, granules) in &sampled.squares {
            at = at.saturating_add(*step as usize);
            let Some(square) = self.squares.get_mut(at) else {
                return true;
            };
            let (value, count) = (f64::from(*value), f64::from(*count));
            square.value = match (square.value.is_nan(), value.is_nan()) {
                (true, _) => value,
                (_, true) => square.value,
                _ => match self.statistic {
                    Statistic::Minimum => square.value.min(value),
                    Statistic::Maximum => square.value.max(value),
                    Statistic::Sum => square.value + value,
                    _ => (square.value * square.count + value * count) / (square.count + count),
                },
            };
            square.count += count;
            square.granules += f64::from(*granules);
        }
        true
    }

    /// What the square of a cell shows: the value (layer 0), observations, granules.
    pub fn value(&self, layer: usize, row: usize, column: usize) -> f64 {
        let across = self.shape.1.div_ceil(self.stride);
        let at = row / self.stride * across + column / self.stride;
        let square = self.squares.get(at);
        square.map_or(f64::NAN, |square| match layer {
            0 => square.value,
            1 => square.count,
            _ => square.granules,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(first: u32, squares: Vec<(u32, f32, f32, f32)>) -> Sampled {
        Sampled {
            first,
            stride: 4,
            shape: (8, 9),
            squares,
        }
    }

    #[test]
    fn tasks_are_put_together_once_in_any_order() {
        // Two rows of three squares.
        let one = task(0, vec![(1, 2.0, 3.0, 1.0), (4, 7.0, 1.0, 1.0)]);
        let other = task(2, vec![(0, 5.0, 2.0, 1.0), (1, 6.0, 1.0, 2.0)]);
        for (statistic, expected) in [
            (Statistic::Mean, 3.0),
            (Statistic::Minimum, 2.0),
            (Statistic::Maximum, 6.0),
            (Statistic::Sum, 8.0),
        ] {
            for order in [[&one, &other], [&other, &one]] {
                let mut gathered = Gathered::new(statistic, 4, (8, 9));
                assert!(order.iter().all(|task| gathered.add(task)));
                // Done again, because a worker was lost.
                assert!(!gathered.add(&one));
                let at = |layer| gathered.value(layer, 3, 5);
                assert_eq!([at(0), at(1), at(2)], [expected, 4.0, 3.0]);
                assert_eq!(gathered.value(0, 0, 0), 5.0);
                assert_eq!(gathered.value(0, 7, 8), 7.0);
                assert!(gathered.value(0, 4, 0).is_nan());
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let mut gathered = Gathered::new(Statistic::Mean, 4, (8, 9));
        let other = Sampled {
            stride: 8,
            ..task(0, vec![(0, 1.0, 1.0, 1.0)])
        };
        assert!(!gathered.add(&other));
        // Beyond the grid.
        let beyond = vec![(u32::MAX, 1.0, 1.0, 1.0), (u32::MAX, 1.0, 1.0, 1.0)];
        gathered.add(&task(5, beyond));
        assert_eq!(gathered.value(1, 0, 0), 0.0);
    }
}
