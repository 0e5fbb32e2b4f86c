//! The group of the instrument's bands.

use netcdf_writer::{DimensionId, NcFileBuilder, Result as Written};

use super::{CHUNK_1D, NO_NUMBER, add, float, limits, texts, wavelengths};

/// `sensor_band_parameters`.
pub(super) fn bands_group(
    file: &mut NcFileBuilder,
    instrument: &[i32],
    bands: DimensionId,
    reflective: DimensionId,
) -> Written<()> {
    wavelengths(file, "sensor_band_parameters/wavelength", bands, instrument)?;
    let micrometres = |w: i32| f64::from(w) / 1000.0;
    // Planck's curve of the Sun, Rayleigh's scattering and water in outline: plausible, not exact.
    let planck = |w: i32| {
        let x = 2.49 / micrometres(w);
        3.45e4 / (libm::pow(x, -5.0) * 100.0 * (libm::exp(x) - 1.0))
    };
    type Column<'a> = (
        &'a str,
        &'a str,
        Option<&'a str>,
        f32,
        &'a dyn Fn(i32) -> f64,
    );
    let columns: [Column<'_>; 8] = [
        (
            "vcal_gain",
            "Vicarious Calibration Gain",
            None,
            2.0,
            &|_| 1.0,
        ),
        (
            "vcal_offset",
            "Vicarious Calibration Offset",
            Some("mW cm^-2 um^-1 sr^-1"),
            10.0,
            &|_| 0.0,
        ),
        (
            "F0",
            "Mean Solar Flux",
            Some("W m^-2 um^-1"),
            2500.0,
            &planck,
        ),
        (
            "aw",
            "Band-pass averaged absorption coefficient for seawater",
            Some("m^-1"),
            5.0,
            &|w| (0.01 + 3.0 * libm::pow(micrometres(w), 12.0)).min(5.0),
        ),
        (
            "bbw",
            "Band-pass averaged backscattering coefficient for seawater",
            Some("m^-1"),
            1.0,
            &|w| 0.0011 * libm::pow(0.5 / micrometres(w), 4.32),
        ),
        (
            "k_oz",
            "Ozone Absorption cross-sections",
            Some("cm^-1"),
            0.1,
            &|w| {
                let off = (micrometres(w) - 0.6) / 0.06;
                0.12 * libm::exp(-off * off)
            },
        ),
        (
            "k_no2",
            "NO2 Absorption cross-sections",
            Some("cm^2 molecule^-1"),
            0.1,
            &|w| {
                let off = (micrometres(w) - 0.41) / 0.07;
                6e-19 * libm::exp(-off * off)
            },
        ),
        ("Tau_r", "Rayleigh Optical Thickness", None, 0.5, &|w| {
            0.00864 * libm::pow(micrometres(w), -4.0)
        }),
    ];
    for (name, long_name, units, most, value) in columns {
        let values: Vec<f32> = instrument
            .iter()
            .map(|&w| value(w).min(f64::from(most)) as f32)
            .collect();
        let path = format!("sensor_band_parameters/{name}");
        let id = add(
            file,
            &path,
            &[(reflective, values.len())],
            &[CHUNK_1D],
            Some(NO_NUMBER),
            &values,
        )?;
        texts(file, id, &[("long_name", long_name)])?;
        if let Some(units) = units {
            texts(file, id, &[("units", units)])?;
        }
        limits(file, id, float(0.0), float(most))?;
    }
    Ok(())
}
