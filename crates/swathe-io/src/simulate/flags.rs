//! Quality flags of the simulated granules, with the bits of l2gen's table.

/// Names in order of bits, the lowest first.
pub(super) const NAMES: [&str; 32] = [
    "ATMFAIL",
    "LAND",
    "PRODWARN",
    "HIGLINT",
    "HILT",
    "HISATZEN",
    "COASTZ",
    "SPARE",
    "STRAYLIGHT",
    "CLDICE",
    "COCCOLITH",
    "TURBIDW",
    "HISOLZEN",
    "SPARE",
    "LOWLW",
    "CHLFAIL",
    "NAVWARN",
    "ABSAER",
    "SPARE",
    "MAXAERITER",
    "MODGLINT",
    "CHLWARN",
    "ATMWARN",
    "OPSHAL",
    "SEAICE",
    "NAVFAIL",
    "FILTER",
    "SPARE",
    "BOWTIEDEL",
    "HIPOL",
    "PRODFAIL",
    "SPARE",
];

pub(super) const ATMFAIL: u32 = 1;
pub(super) const LAND: u32 = 1 << 1;
pub(super) const PRODWARN: u32 = 1 << 2;
pub(super) const HIGLINT: u32 = 1 << 3;
pub(super) const HILT: u32 = 1 << 4;
pub(super) const HISATZEN: u32 = 1 << 5;
pub(super) const COASTZ: u32 = 1 << 6;
pub(super) const STRAYLIGHT: u32 = 1 << 8;
pub(super) const CLDICE: u32 = 1 << 9;
pub(super) const COCCOLITH: u32 = 1 << 10;
pub(super) const TURBIDW: u32 = 1 << 11;
pub(super) const HISOLZEN: u32 = 1 << 12;
pub(super) const LOWLW: u32 = 1 << 14;
pub(super) const CHLFAIL: u32 = 1 << 15;
pub(super) const NAVWARN: u32 = 1 << 16;
pub(super) const ABSAER: u32 = 1 << 17;
pub(super) const MAXAERITER: u32 = 1 << 19;
pub(super) const MODGLINT: u32 = 1 << 20;
pub(super) const CHLWARN: u32 = 1 << 21;
pub(super) const ATMWARN: u32 = 1 << 22;
pub(super) const SEAICE: u32 = 1 << 24;
pub(super) const NAVFAIL: u32 = 1 << 25;
pub(super) const HIPOL: u32 = 1 << 29;
pub(super) const PRODFAIL: u32 = 1 << 30;

/// Flags under which the processing retrieves nothing.
pub(super) const NO_RETRIEVAL: u32 = LAND | CLDICE | ATMFAIL | NAVFAIL | HILT;

/// The table as attributes have it: masks, and names separated by blanks.
pub(super) fn attributes() -> (Vec<i32>, String) {
    let masks = (0..32).map(|bit| (1_u32 << bit) as i32).collect();
    (masks, NAMES.join(" "))
}

/// Percentage of pixels that have each flag, names once.
pub(super) fn percentages(flags: &[i32]) -> Vec<(&'static str, f32)> {
    let mut counts = [0_u64; 32];
    for &flags in flags {
        let mut left = flags as u32;
        while left != 0 {
            counts[left.trailing_zeros() as usize] += 1;
            left &= left - 1;
        }
    }
    let mut out: Vec<(&'static str, f32)> = Vec::new();
    for (name, count) in NAMES.into_iter().zip(counts) {
        if !out.iter().any(|(known, _)| *known == name) {
            out.push((
                name,
                (100.0 * count as f64 / flags.len().max(1) as f64) as f32,
            ));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_have_the_bits_of_their_names() {
        for (bit, name) in [
            (ATMFAIL, "ATMFAIL"),
            (LAND, "LAND"),
            (PRODWARN, "PRODWARN"),
            (HIGLINT, "HIGLINT"),
            (HILT, "HILT"),
            (HISATZEN, "HISATZEN"),
            (COASTZ, "COASTZ"),
            (STRAYLIGHT, "STRAYLIGHT"),
            (CLDICE, "CLDICE"),
            (COCCOLITH, "COCCOLITH"),
            (TURBIDW, "TURBIDW"),
            (HISOLZEN, "HISOLZEN"),
            (LOWLW, "LOWLW"),
            (CHLFAIL, "CHLFAIL"),
            (NAVWARN, "NAVWARN"),
            (ABSAER, "ABSAER"),
            (MAXAERITER, "MAXAERITER"),
            (MODGLINT, "MODGLINT"),
            (CHLWARN, "CHLWARN"),
            (ATMWARN, "ATMWARN"),
            (SEAICE, "SEAICE"),
            (NAVFAIL, "NAVFAIL"),
            (HIPOL, "HIPOL"),
            (PRODFAIL, "PRODFAIL"),
        ] {
            assert_eq!(NAMES[bit.trailing_zeros() as usize], name);
        }
    }

    #[test]
    fn percentages_count_pixels() {
        let flags = [LAND, LAND | CLDICE, 0, 1 << 31].map(|f| f as i32);
        let percent = percentages(&flags);
        let of = |name| percent.iter().find(|(n, _)| *n == name).map(|(_, p)| *p);
        assert_eq!(of("LAND"), Some(50.0));
        assert_eq!(of("CLDICE"), Some(25.0));
        assert_eq!(percent.iter().filter(|(n, _)| *n == "SPARE").count(), 1);
    }
}
