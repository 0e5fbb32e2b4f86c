//! Colour tables, and which one suits a variable.

use swathe_core::suggest::UnknownName;

/// A colour, red green blue.
pub type Rgb = [u8; 3];

/// A table of 256 colours that are even steps to the eye.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    name: &'static str,
    table: &'static [u8; 768],
}

impl std::fmt::Debug for Palette {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Palette({})", self.name)
    }
}

macro_rules! palettes {
    ($($name:literal),*) => {
        /// All tables, by name. From matplotlib: viridis, cividis, inferno, turbo, gray; the others
        /// are cmocean's (Thyng et al. 2016).
        pub const PALETTES: &[Palette] = &[$(Palette {
            name: $name,
            table: include_bytes!(concat!("../../data/palette-", $name, ".rgb")),
        }),*];
    };
}

palettes!(
    "viridis", "cividis", "inferno", "turbo", "gray", "algae", "thermal", "haline", "deep",
    "matter", "speed", "balance"
);

impl Palette {
    /// The table of a name.
    ///
    /// # Errors
    /// An unknown name, with the nearest one and all there are.
    pub fn named(name: &str) -> Result<Palette, UnknownName> {
        let found = PALETTES.iter().find(|p| p.name.eq_ignore_ascii_case(name));
        found.copied().ok_or_else(|| {
            let names: Vec<&str> = PALETTES.iter().map(|p| p.name).collect();
            UnknownName::new("palette", name, &names)
        })
    }

    /// What suits a variable: `thermal` for temperatures, `haline` for salinity, `balance` where
    /// limits lie evenly around zero, `viridis` for chlorophyll and everything else.
    pub fn for_variable(name: &str, standard_name: Option<&str>, (low, high): (f64, f64)) -> Self {
        let name = name.to_lowercase();
        let is =
            |word: &str| name.contains(word) || standard_name.is_some_and(|s| s.contains(word));
        let chosen = if low < 0.0 && (low + high).abs() <= 1e-6 * high {
            "balance"
        } else if is("temperature") || name.starts_with("sst") {
            "thermal"
        } else if is("salinity") || name == "sss" {
            "haline"
        } else {
            "viridis"
        };
        Palette::named(chosen).unwrap_or(PALETTES[0])
    }

    /// The table's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The 256 colours, red green blue each.
    pub fn table(&self) -> &'static [u8] {
        self.table
    }

    /// Colour of a place between the limits, 0 to 1; places beyond have the colour of the end. The
    /// interval is cut into 256 equal parts, as matplotlib does.
    #[inline]
    pub fn colour(&self, place: f64) -> Rgb {
        let i = ((place * 256.0) as usize).min(255) * 3;
        [self.table[i], self.table[i + 1], self.table[i + 2]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_matplotlibs() {
        // matplotlib 3.10: colormaps["viridis"](x, bytes=True)
        let viridis = Palette::named("viridis").unwrap();
        for (place, colour) in [
            (0.0, [68, 1, 84]),
            (0.25, [58, 82, 139]),
            (0.5, [32, 144, 140]),
            (1.0, [253, 231, 36]),
        ] {
            let got = viridis.colour(place);
            assert!(
                (0..3).all(|i| got[i].abs_diff(colour[i]) <= 1),
                "{place}: {got:?} {colour:?}"
            );
        }
        assert_eq!(viridis.colour(-3.0), viridis.colour(0.0));
        assert_eq!(viridis.colour(7.0), viridis.colour(1.0));
    }

    #[test]
    fn variables_have_their_tables() {
        let of = |name, standard, limits| Palette::for_variable(name, standard, limits).name();
        assert_eq!(of("chlor_a", None, (0.01, 20.0)), "viridis");
        assert_eq!(of("sst", None, (0.0, 30.0)), "thermal");
        assert_eq!(
            of("t", Some("sea_surface_temperature"), (0.0, 30.0)),
            "thermal"
        );
        assert_eq!(of("chlor_a_anomaly", None, (-2.0, 2.0)), "balance");
    }

    #[test]
    fn an_unknown_name_gets_a_suggestion() {
        let error = Palette::named("virids").unwrap_err().to_string();
        assert!(error.contains("did you mean \"viridis\""), "{error}");
    }
}
