//! The products of a suite: names, units, limits, packing, as the real files have them.

/// A variable of `geophysical_data`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Description {
    pub name: &'static str,
    pub long_name: &'static str,
    pub units: Option<&'static str>,
    pub standard_name: Option<&'static str>,
    /// Limits of the stored numbers.
    pub valid: (f32, f32),
    /// Scale and offset of variables stored as 16-bit integers; the others are 32-bit floats.
    pub packing: Option<(f32, f32)>,
    /// Whether it has a dimension of wavelengths.
    pub spectral: bool,
}

/// Missing value of all products.
pub(super) const FILL: i16 = -32_767;

impl Description {
    /// The stored integer nearest to a value, within the limits.
    pub(super) fn pack(&self, value: f64) -> i16 {
        let (scale, offset) = self.packing.unwrap_or((1.0, 0.0));
        let stored = ((value - f64::from(offset)) / f64::from(scale)).round_ties_even();
        stored.clamp(f64::from(self.valid.0), f64::from(self.valid.1)) as i16
    }

    /// A value within the limits.
    pub(super) fn limit(&self, value: f64) -> f32 {
        (value as f32).clamp(self.valid.0, self.valid.1)
    }
}

const MASS: Option<&str> = Some("mg m^-3");
const PLAIN: Description = Description {
    name: "",
    long_name: "",
    units: None,
    standard_name: None,
    valid: (0.0, 0.0),
    packing: None,
    spectral: false,
};

pub(super) const CHLOR_A: Description = Description {
    name: "chlor_a",
    long_name: "Chlorophyll Concentration, OCI Algorithm",
    units: MASS,
    standard_name: Some("mass_concentration_of_chlorophyll_in_sea_water"),
    valid: (0.001, 100.0),
    ..PLAIN
};

pub(super) const CHLOR_A_UNC: Description = Description {
    name: "chlor_a_unc",
    long_name: "Uncertainty in chlorophyll a concentration",
    units: MASS,
    valid: (0.0, 100.0),
    ..PLAIN
};

pub(super) const CARBON_PHYTO: Description = Description {
    name: "carbon_phyto",
    long_name: "Phytoplankton Carbon",
    units: MASS,
    standard_name: Some("mass_concentration_of_phytoplankton_expressed_as_carbon_in_sea_water"),
    valid: (0.0, 1000.0),
    ..PLAIN
};

pub(super) const CARBON_PHYTO_UNC: Description = Description {
    name: "carbon_phyto_unc",
    long_name: "Uncertainty in phytoplankton carbon",
    units: MASS,
    valid: (0.0, 1000.0),
    ..PLAIN
};

pub(super) const POC: Description = Description {
    name: "poc",
    long_name: "Particulate Organic Carbon",
    units: MASS,
    standard_name: Some(
        "mass_concentration_of_particulate_organic_matter_expressed_as_carbon_in_sea_water",
    ),
    valid: (-32_000.0, -27_000.0),
    packing: Some((0.2, 6400.0)),
    ..PLAIN
};

pub(super) const RRS: Description = Description {
    name: "Rrs",
    long_name: "Remote sensing reflectance",
    units: Some("sr^-1"),
    standard_name: Some(
        "surface_ratio_of_upwelling_radiance_emerging_from_sea_water_to_downwelling_radiative_flux_in_air",
    ),
    valid: (-30_000.0, 25_000.0),
    packing: Some((2e-6, 0.05)),
    spectral: true,
};

pub(super) const RRS_UNC: Description = Description {
    name: "Rrs_unc",
    long_name: "Uncertainty in remote sensing reflectance",
    units: Some("sr^-1"),
    valid: (-30_000.0, 30_000.0),
    packing: Some((5e-8, 0.0015)),
    spectral: true,
    ..PLAIN
};

pub(super) const AOT_865: Description = Description {
    name: "aot_865",
    long_name: "Aerosol optical thickness at 865 nm",
    standard_name: Some("atmosphere_optical_thickness_due_to_ambient_aerosol"),
    valid: (0.0, 30_000.0),
    packing: Some((1e-4, 0.0)),
    ..PLAIN
};

pub(super) const ANGSTROM: Description = Description {
    name: "angstrom",
    long_name: "Aerosol Angstrom exponent, 443 to 865 nm",
    standard_name: Some("aerosol_angstrom_exponent"),
    valid: (-30_000.0, 5000.0),
    packing: Some((1e-4, 2.5)),
    ..PLAIN
};

pub(super) const AVW: Description = Description {
    name: "avw",
    long_name: "Apparent Visible Wavelength",
    units: Some("nm"),
    valid: (400.0, 700.0),
    ..PLAIN
};

pub(super) const NFLH: Description = Description {
    name: "nflh",
    long_name: "Normalized Fluorescence Line Height",
    units: Some("W m^-2 um^-1 sr^-1"),
    valid: (-26_471.0, 32_353.0),
    packing: Some((8.5e-5, 2.25)),
    ..PLAIN
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_is_the_nearest_number_within_limits() {
        let unpack = |d: &Description, stored: i16| {
            let (scale, offset) = d.packing.unwrap();
            f64::from(stored) * f64::from(scale) + f64::from(offset)
        };
        for value in [0.0001, 0.004, 0.0123] {
            assert!((unpack(&RRS, RRS.pack(value)) - value).abs() <= 1.01e-6);
        }
        assert_eq!(RRS.pack(1.0), 25_000);
        assert_eq!(POC.pack(0.0), -32_000);
        assert!((unpack(&POC, POC.pack(310.0)) - 310.0).abs() <= 0.11);
        assert_eq!(CHLOR_A.limit(1e-9), 0.001);
    }
}
