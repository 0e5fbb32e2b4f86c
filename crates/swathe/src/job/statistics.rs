//! Which statistics suit which variables: means of numbers, modes and shares of classes.

use super::JobError;
use std::fmt;
use std::str::FromStr;
use swathe_core::expression::Expression;
use swathe_core::mask::FlagTable;
use swathe_core::reduce::{Class, Statistic, Weight};
use swathe_core::resample::Method;
use swathe_io::granule::FlagKind;

/// The observation that stands for a cell: where something is smallest or largest.
#[derive(Debug, Clone, PartialEq)]
pub struct Best {
    /// Whether it is the largest that is best.
    pub largest: bool,
    /// What is compared: of every pixel.
    pub criterion: Expression,
}

impl Best {
    /// The statistic that it is.
    pub fn statistic(&self) -> Statistic {
        match self.largest {
            true => Statistic::AtLargest,
            false => Statistic::AtSmallest,
        }
    }
}

impl fmt::Display for Best {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let which = if self.largest { "largest" } else { "smallest" };
        write!(f, "{which}:{}", self.criterion)
    }
}

impl FromStr for Best {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (which, criterion) = text.split_once(':').unwrap_or((text, ""));
        let largest = match which.trim() {
            "largest" => true,
            "smallest" => false,
            _ => {
                let hint = match text.trim() {
                    "latest" | "last" | "newest" => "; for the latest observation --stat last",
                    "first" | "earliest" => "; for the earliest observation --stat first",
                    _ => "",
                };
                return Err(format!(
                    "{text:?} does not say which is best: write smallest:NAME or largest:NAME, as in \
                     smallest:view_angle{hint}"
                ));
            }
        };
        let criterion = Expression::number(criterion.trim()).map_err(|e| e.to_string())?;
        Ok(Best { largest, criterion })
    }
}

/// What a variable holds, as far as statistics are concerned.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Holds {
    /// Measurements.
    Numbers,
    /// Whole numbers.
    Integers,
    /// Flags or classes with names.
    Classes(Vec<(String, Class)>),
}

impl Holds {
    /// What flags are declared; `integers`: whether values are stored as whole numbers.
    pub fn of(flags: Option<FlagKind>, integers: bool) -> Self {
        match flags {
            Some(FlagKind::Bits(bits)) => {
                let known = bits.into_iter().filter_map(|(name, mask)| {
                    let mask = u32::try_from(mask).ok()?;
                    Some((name, mask))
                });
                // Without bits that mean nothing.
                let table = FlagTable::new(known);
                let class = |name: &str| Some((name.to_owned(), Class::of_mask(table.bits(name)?)));
                Holds::Classes(table.names().filter_map(class).collect())
            }
            Some(FlagKind::Classes(classes)) => {
                let class = |(name, value)| (name, Class::of_value(value));
                Holds::Classes(classes.into_iter().map(class).collect())
            }
            None if integers => Holds::Integers,
            None => Holds::Numbers,
        }
    }

    /// Whether values are names for something, whose mean means nothing.
    pub fn is_flags(&self) -> bool {
        matches!(self, Holds::Classes(_))
    }

    /// The statistics of a variable that holds this, of those that are asked for: the share of each class.
    pub fn statistics(&self, asked: &[Statistic]) -> Vec<Statistic> {
        let mut all: Vec<Statistic> = Vec::new();
        for statistic in asked {
            match (statistic, self) {
                (Statistic::Share(_), Holds::Classes(classes)) => {
                    all.extend(classes.iter().map(|(_, class)| Statistic::Share(*class)));
                }
                _ => all.push(*statistic),
            }
        }
        all
    }
}

/// Refuses statistics that a variable has not.
pub(super) fn check(name: &str, holds: &Holds, asked: &[Statistic]) -> Result<(), JobError> {
    use Statistic::{
        AtLargest, AtSmallest, Count, Coverage, First, Granules, Last, Mode, ModeShare, Share,
    };
    for statistic in asked {
        let of_any = matches!(
            statistic,
            First | Last | AtSmallest | AtLargest | Count | Granules | Coverage
        );
        match (statistic, holds) {
            _ if of_any => {}
            (Share(_), Holds::Integers | Holds::Numbers) => {
                return Err(JobError::plan_hint(
                    format!("{name} declares no classes, whose shares could be told"),
                    match holds {
                        Holds::Integers => "use --stat mode, which comes with the mode's share",
                        _ => "share is for variables with flag_meanings",
                    },
                ));
            }
            (Mode | ModeShare, Holds::Numbers) => {
                return Err(JobError::plan_hint(
                    format!(
                        "{name} holds measurements: which value is the most frequent means nothing"
                    ),
                    "use --stat median, or mode of a variable of whole numbers",
                ));
            }
            (Mode | ModeShare | Share(_), _) | (_, Holds::Numbers | Holds::Integers) => {}
            (other, Holds::Classes(_)) => {
                return Err(JobError::plan_hint(
                    format!("{name} holds flags or classes: their {other} means nothing"),
                    "use --stat mode, share, first or last, or put them on a grid with `swathe grid`",
                ));
            }
        }
    }
    Ok(())
}

/// Refuses statistics that are of observations where granules are weighted instead.
pub(super) fn check_weight(
    asked: &[Statistic],
    weight: Weight,
    method: Method,
) -> Result<(), JobError> {
    use Statistic::{
        AtLargest, AtSmallest, IndependentUncertainty, Mode, ModeShare, Share, Uncertainty,
    };
    let one_each = matches!(method, Method::Nearest | Method::Bilinear);
    if weight == Weight::Observation || weight == Weight::Granule && one_each {
        return Ok(());
    }
    let of_observations = asked.iter().find(|statistic| {
        matches!(
            statistic,
            AtSmallest
                | AtLargest
                | Mode
                | ModeShare
                | Share(_)
                | Uncertainty
                | IndependentUncertainty
        )
    });
    match of_observations {
        Some(statistic) => Err(JobError::plan_hint(
            format!(
                "{} is of observations, and does not go with --weight {weight}, which is over the means of \
                 granules",
                match statistic {
                    AtSmallest | AtLargest => "--best".to_owned(),
                    other => other.to_string(),
                }
            ),
            match weight {
                Weight::Granule => {
                    "use --weight observation, or -m nearest, by which each granule gives one pixel to a cell"
                }
                _ => "use --weight observation",
            },
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn best_is_read_back() {
        for text in ["smallest:view_angle", "largest:(chlor_a + 1)"] {
            let best: Best = text.parse().unwrap();
            assert_eq!(best.to_string().parse(), Ok(best));
        }
        for wrong in [
            "view_angle",
            "smallest",
            "smallest:",
            "least:x",
            "largest:1 +",
        ] {
            assert!(wrong.parse::<Best>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_asked_of_which() {
        let classes = Holds::Classes(vec![
            ("land".into(), Class::of_value(0)),
            ("water".into(), Class::of_value(1)),
        ]);
        let share = Statistic::Share(Class::ANY);
        let of = |holds: &Holds, statistic| check("x", holds, &[statistic]).is_ok();
        for (statistic, numbers, integers, named) in [
            (Statistic::Mean, true, true, false),
            (Statistic::Uncertainty, true, true, false),
            (Statistic::Mode, false, true, true),
            (share, false, false, true),
            (Statistic::First, true, true, true),
            (Statistic::Count, true, true, true),
            (Statistic::MEDIAN, true, true, false),
        ] {
            assert_eq!(of(&Holds::Numbers, statistic), numbers, "{statistic}");
            assert_eq!(of(&Holds::Integers, statistic), integers, "{statistic}");
            assert_eq!(of(&classes, statistic), named, "{statistic}");
        }
        assert_eq!(classes.statistics(&[Statistic::Mode, share]).len(), 3);
    }
}
