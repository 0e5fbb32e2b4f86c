//! What comes beside a value: where it is from, by what it is chosen, how sure it is.

use super::Observation;

/// What comes beside an observation.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Beside {
    /// Number of its pixel in the granule, line by line.
    pub pixel: u32,
    /// By which the best observation is chosen; NaN where it is missing.
    pub criterion: f64,
    /// Standard uncertainty of the value; NaN where it is missing.
    pub uncertainty: f64,
}

impl Beside {
    /// Nothing is known.
    pub const NOTHING: Beside = Beside {
        pixel: 0,
        criterion: f64::NAN,
        uncertainty: f64::NAN,
    };
}

/// An observation, with or without what comes beside it: without, nothing is spent on it.
pub trait Observed: Copy {
    /// Whether there is something beside it.
    const ACCOMPANIED: bool;

    /// The observation.
    fn observation(&self) -> Observation;

    /// What comes beside it.
    fn beside(&self) -> Beside;
}

impl Observed for Observation {
    const ACCOMPANIED: bool = false;

    #[inline]
    fn observation(&self) -> Observation {
        *self
    }

    #[inline]
    fn beside(&self) -> Beside {
        Beside::NOTHING
    }
}

impl Observed for (Observation, Beside) {
    const ACCOMPANIED: bool = true;

    #[inline]
    fn observation(&self) -> Observation {
        self.0
    }

    #[inline]
    fn beside(&self) -> Beside {
        self.1
    }
}
