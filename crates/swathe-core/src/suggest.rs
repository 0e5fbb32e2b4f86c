//! "Did you mean": the nearest of the known names, and the error that every list of names shares.

/// A name is not one of those that are known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} {name:?}{}: known are {}", hint(.nearest.as_deref()), .known.join(", "))]
pub struct UnknownName {
    /// What was asked for: `statistic`, `flag`.
    pub what: &'static str,
    /// The name as given.
    pub name: String,
    /// All that could have been given.
    pub known: Vec<String>,
    /// The one that was probably meant.
    pub nearest: Option<String>,
}

impl UnknownName {
    /// Builds the error, with the suggestion.
    pub fn new<S: AsRef<str>>(what: &'static str, name: &str, known: &[S]) -> Self {
        let nearest = nearest(name, known.iter().map(AsRef::as_ref)).map(str::to_owned);
        UnknownName {
            what,
            name: name.to_owned(),
            known: known.iter().map(|k| k.as_ref().to_owned()).collect(),
            nearest,
        }
    }
}

/// The candidate closest to `name`, if any is close enough to be a slip of the fingers: one edit for
/// every three characters, at least one. Case does not count; of equally close ones the first.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = folded(name);
    let allowed = (name.len() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&name, &folded(candidate)), candidate))
        .filter(|(edits, _)| *edits <= allowed)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(" (did you mean {name:?}?)"))
}

fn folded(name: &str) -> Vec<char> {
    // Longer names are no slips, and the table below is quadratic.
    name.chars().take(64).flat_map(char::to_lowercase).collect()
}

/// Optimal string alignment distance: insertions, deletions, substitutions, and swaps of neighbours.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let substituted = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = substituted.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_refuses_strangers() {
        let known = ["mean", "median", "COCCOLITH", "chlor_a", "CLDICE"];
        for (given, meant) in [
            ("maen", Some("mean")),
            ("men", Some("mean")),
            ("Median", Some("median")),
            ("cocolith", Some("COCCOLITH")),
            ("chlora", Some("chlor_a")),
            ("CLOUDICE", Some("CLDICE")),
            ("poc", None),
            ("", None),
        ] {
            assert_eq!(nearest(given, known), meant, "{given}");
        }
    }

    #[test]
    fn distances_match_the_textbook() {
        let of = |a: &str, b: &str| distance(&folded(a), &folded(b));
        assert_eq!(of("kitten", "sitting"), 3);
        assert_eq!(of("ca", "ac"), 1);
        // Optimal string alignment does not edit a swapped pair again.
        assert_eq!(of("ca", "abc"), 3);
        assert_eq!(of("", "abc"), 3);
    }

    #[test]
    fn the_error_says_all() {
        let error = UnknownName::new("statistic", "maen", &["mean", "std"]);
        assert_eq!(
            error.to_string(),
            "unknown statistic \"maen\" (did you mean \"mean\"?): known are mean, std"
        );
    }
}
