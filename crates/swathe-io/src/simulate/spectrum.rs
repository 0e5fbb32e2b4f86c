//! Remote-sensing reflectance of water with a given chlorophyll, and the instrument's bands.

/// Nominal wavelengths of the 172 bands of spectral products, nm: detectors are 2.5 nm apart, and read at
/// half of that between 640 and 714 nm.
pub(super) const PRODUCT_WAVELENGTHS: [i32; 172] = [
    346, 348, 351, 353, 356, 358, 361, 363, 366, 368, 371, 373, 375, 378, 380, 383, 385, 388, 390,
    393, 395, 398, 400, 403, 405, 408, 410, 413, 415, 418, 420, 422, 425, 427, 430, 432, 435, 437,
    440, 442, 445, 447, 450, 452, 455, 457, 460, 462, 465, 467, 470, 472, 475, 477, 480, 482, 485,
    487, 490, 492, 495, 497, 500, 502, 505, 507, 510, 512, 515, 517, 520, 522, 525, 527, 530, 532,
    535, 537, 540, 542, 545, 547, 550, 553, 555, 558, 560, 563, 565, 568, 570, 573, 575, 578, 580,
    583, 586, 588, 613, 615, 618, 620, 623, 625, 627, 630, 632, 635, 637, 640, 641, 642, 643, 645,
    646, 647, 648, 650, 651, 652, 653, 655, 656, 657, 658, 660, 661, 662, 663, 665, 666, 667, 668,
    670, 671, 672, 673, 675, 676, 677, 678, 679, 681, 682, 683, 684, 686, 687, 688, 689, 691, 692,
    693, 694, 696, 697, 698, 699, 701, 702, 703, 704, 706, 707, 708, 709, 711, 712, 713, 714, 717,
    719,
];

/// A nominal wavelength as the later layout has it, with a fraction: 346.0 to 719.3 nm.
pub(super) fn exact_wavelength(nominal: i32) -> f32 {
    nominal as f32 + 0.3 * (nominal - 346) as f32 / 373.0
}

/// Nominal wavelengths of all 286 bands, nm.
pub(super) fn instrument_wavelengths() -> Vec<i32> {
    let mut bands: Vec<i32> = (0..119)
        .map(|i| 315 + (2.45 * f64::from(i)) as i32)
        .collect();
    bands.extend((0..158).map(|i| 600 + (1.873 * f64::from(i)) as i32));
    bands.extend([940, 1038, 1250, 1250, 1378, 1615, 1615, 2130, 2258]);
    bands
}

/// Absorption of pure water, 1/m, at 340, 360, ... 740 nm (after Pope and Fry, 1997, rounded).
const WATER: [f64; 21] = [
    0.020, 0.014, 0.011, 0.0066, 0.0047, 0.0063, 0.0098, 0.0127, 0.0204, 0.0409, 0.0474, 0.0619,
    0.0896, 0.2224, 0.2755, 0.3108, 0.41, 0.465, 0.624, 1.231, 2.6,
];

/// Absorption by phytoplankton at the same wavelengths, relative to that at 440 nm.
const PIGMENTS: [f64; 21] = [
    0.55, 0.6, 0.68, 0.8, 0.93, 1.0, 0.92, 0.75, 0.55, 0.36, 0.25, 0.19, 0.15, 0.13, 0.15, 0.18,
    0.27, 0.4, 0.12, 0.03, 0.01,
];

fn interpolate(table: &[f64; 21], wavelength: f64) -> f64 {
    let at = ((wavelength - 340.0) / 20.0).clamp(0.0, 20.0);
    let index = (at as usize).min(19);
    table[index] + (table[index + 1] - table[index]) * (at - index as f64)
}

/// Reflectance in 1/sr at a wavelength in nm over water with `chlorophyll` mg m-3: the case-1 model of
/// Morel and Maritorena (2001) in outline, with the quasi-single-scattering formula of Gordon et al. (1988)
/// and the crossing of the surface of Lee et al. (2002).
pub(super) fn reflectance(wavelength: f64, chlorophyll: f64) -> f64 {
    let blue = 0.06 * libm::pow(chlorophyll, 0.65);
    let dissolved = 0.3 * blue * libm::exp(-0.014 * (wavelength - 440.0));
    let absorbed =
        interpolate(&WATER, wavelength) + blue * interpolate(&PIGMENTS, wavelength) + dissolved;
    let scattered = 0.0011 * libm::pow(500.0 / wavelength, 4.32)
        + 0.0025 * libm::pow(chlorophyll, 0.6) * 550.0 / wavelength;
    let u = scattered / (absorbed + scattered);
    let below = (0.0895 + 0.1247 * u) * u;
    0.52 * below / (1.0 - 1.7 * below)
}

/// [`reflectance`] of some wavelengths, tabulated over chlorophyll.
pub(super) struct Table {
    bands: usize,
    values: Vec<f32>,
}

/// Decades of chlorophyll that the table spans, and nodes of it.
const LOWEST: f64 = -3.0;
const HIGHEST: f64 = 2.0;
const NODES: usize = 501;

impl Table {
    pub(super) fn new(wavelengths: &[f32]) -> Table {
        let mut values = Vec::with_capacity(NODES * wavelengths.len());
        for node in 0..NODES {
            let decade = LOWEST + (HIGHEST - LOWEST) * node as f64 / (NODES - 1) as f64;
            let chlorophyll = libm::exp10(decade);
            values.extend(
                wavelengths
                    .iter()
                    .map(|&w| reflectance(f64::from(w), chlorophyll) as f32),
            );
        }
        Table {
            bands: wavelengths.len(),
            values,
        }
    }

    pub(super) fn bands(&self) -> usize {
        self.bands
    }

    /// The reflectances at a chlorophyll.
    pub(super) fn spectrum(&self, chlorophyll: f64) -> impl Iterator<Item = f32> + '_ {
        let decade = libm::log10(chlorophyll.max(1e-6));
        let at = ((decade - LOWEST) / (HIGHEST - LOWEST)).clamp(0.0, 1.0) * (NODES - 1) as f64;
        let node = (at as usize).min(NODES - 2);
        let part = (at - node as f64) as f32;
        let (low, high) = (
            &self.values[node * self.bands..][..self.bands],
            &self.values[(node + 1) * self.bands..][..self.bands],
        );
        low.iter()
            .zip(high)
            .map(move |(&low, &high)| low + (high - low) * part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_those_of_the_instrument() {
        let bands = PRODUCT_WAVELENGTHS;
        assert_eq!((bands[0], bands[171]), (346, 719));
        assert_eq!(
            (exact_wavelength(346), exact_wavelength(719)),
            (346.0, 719.3)
        );
        assert!(bands.windows(2).all(|pair| pair[1] > pair[0]));
        assert_eq!(instrument_wavelengths().len(), 286);
    }

    #[test]
    fn spectra_are_blue_over_poor_and_green_over_rich_water() {
        assert!(reflectance(443.0, 0.05) > 2.0 * reflectance(555.0, 0.05));
        assert!(reflectance(443.0, 5.0) < reflectance(555.0, 5.0));
        for wavelength in [346.0, 443.0, 555.0, 670.0, 719.0] {
            for chlorophyll in [0.01, 0.3, 10.0] {
                assert!((0.0..0.05).contains(&reflectance(wavelength, chlorophyll)));
            }
        }
    }

    #[test]
    fn the_table_agrees_with_the_formula() {
        let wavelengths = [346.0, 443.0, 555.0, 719.0];
        let table = Table::new(&wavelengths);
        for i in 0..500 {
            let chlorophyll = libm::exp10(-2.9 + 0.0097 * f64::from(i));
            for (value, &w) in table.spectrum(chlorophyll).zip(&wavelengths) {
                let exact = reflectance(f64::from(w), chlorophyll);
                assert!((f64::from(value) / exact - 1.0).abs() < 1e-4);
            }
        }
    }
}
