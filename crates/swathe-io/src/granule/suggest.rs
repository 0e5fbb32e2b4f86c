//! The name that was probably meant.

/// The candidate nearest to `name`, if it is near enough to be a slip: by edit distance without
/// regard to case, at most a third of its length.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    candidates
        // Names come from files: a distance to a page of text would take its time for nothing.
        .filter(|candidate| candidate.len() <= 256)
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase()),
                candidate,
            )
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| *distance <= name.len().max(candidate.len()).div_ceil(3))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let names = ["chlor_a", "carbon_phyto", "poc"];
        assert_eq!(nearest("chlora", names.into_iter()), Some("chlor_a"));
        assert_eq!(nearest("Chlor_A", names.into_iter()), Some("chlor_a"));
        assert_eq!(nearest("sea_surface_temperature", names.into_iter()), None);
        assert_eq!(nearest("x", std::iter::empty()), None);
    }
}
