//! The pixels of a granule: geolocation, values, flags.

use rayon::prelude::*;

use super::flags as flag;
use super::orbit::orbit_number;
use super::plan::GranuleSpec;
use super::product::{
    ANGSTROM, AOT_865, AVW, CARBON_PHYTO, CARBON_PHYTO_UNC, CHLOR_A, CHLOR_A_UNC, Description,
    FILL, NFLH, POC, RRS, RRS_UNC,
};
use super::random::{Stream, mean_of_exponential};
use super::scan::{ScanGeometry, line_time};
use super::scene::chlorophyll::truth_chlorophyll;
use super::scene::clouds;
use super::scene::land::Land;
use super::scene::texture::add_on_lines;
use super::spectrum::{PRODUCT_WAVELENGTHS, Table, exact_wavelength};
use super::{Defect, Suite};

/// Cosines of the limits of sensor zenith (60 degrees), solar zenith (75), strong and moderate glint (12, 20).
const SENSOR_ZENITH: f32 = 0.5;
const SOLAR_ZENITH: f32 = 0.258_819_04;
const STRONG_GLINT: f32 = 0.978_147_6;
const MODERATE_GLINT: f32 = 0.939_692_6;

/// What stray light, oblique views and glint make of chlorophyll: the reason why they are masked.
const STRAY_BIAS: f64 = 1.4;
const OBLIQUE_BIAS: f64 = 1.15;
const GLINT_BIAS: f64 = 1.3;

/// Standard deviations of the logarithm of white noise, and amplitude of noise that neighbours share.
const NOISE: f64 = 0.10;
const SHARED_NOISE: [(usize, f32); 3] = [(64, 0.05), (24, 0.04), (8, 0.03)];

/// Geolocation of lines that have none.
const NO_PLACE: f32 = -999.0;

/// A simulated granule, arrays row-major: lines, pixels and, of spectral products, wavelengths.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedGranule {
    /// Number of lines.
    pub lines: usize,
    /// Pixels of a line.
    pub pixels: usize,
    /// Latitude of the pixel centres as the file has it, degrees; -999 where missing.
    pub latitude: Vec<f32>,
    /// Longitude of the pixel centres as the file has it, degrees; -999 where missing.
    pub longitude: Vec<f32>,
    /// Quality flags.
    pub flags: Vec<i32>,
    /// Products in the order of the file.
    pub products: Vec<SimulatedProduct>,
    /// Wavelengths of spectral products, nm.
    pub wavelengths: Vec<f32>,
    /// Nominal wavelengths of spectral products, nm.
    pub(super) nominal_wavelengths: Vec<i32>,
    pub(super) tilt: Vec<f32>,
    pub(super) time: Vec<f64>,
    pub(super) centre_solar_zenith: Vec<f32>,
}

/// One product.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedProduct {
    /// Name of the variable.
    pub name: &'static str,
    /// Stored numbers.
    pub values: SimulatedValues,
    pub(super) description: &'static Description,
}

/// Numbers as the file stores them; -32767 is missing.
#[derive(Debug, Clone, PartialEq)]
pub enum SimulatedValues {
    /// Not packed.
    F32(Vec<f32>),
    /// Packed with the product's scale and offset.
    I16(Vec<i16>),
}

/// Labels of independent streams of random numbers.
#[derive(Clone, Copy)]
enum Draw {
    Clouds,
    RareFlags,
    Shared,
    Pixel(u64),
}

impl Draw {
    fn of(self, stream: Stream) -> Stream {
        stream.child(match self {
            Draw::Clouds => 1,
            Draw::RareFlags => 2,
            Draw::Shared => 3,
            Draw::Pixel(product) => 100 + product,
        })
    }
}

impl SimulatedGranule {
    pub(super) fn new(spec: &GranuleSpec) -> SimulatedGranule {
        let numbers = spec.line_numbers();
        let options = spec.options();
        let geometry = spec.geometry();
        let pixels = geometry.pixels;
        let seed = Stream::new(options.seed);
        let missing = missing_lines(&options.defects, numbers.len());

        let mut latitude: Vec<f32> = geometry.latitude.iter().map(|&x| x as f32).collect();
        let mut longitude: Vec<f32> = geometry.longitude.iter().map(|&x| x as f32).collect();
        let mut flags = view_flags(&geometry, &latitude, &longitude);
        // Clouds last for an orbit and change from one to the next.
        let orbit = numbers
            .first()
            .map_or(0, |&line| orbit_number(line_time(line)));
        let sky = Draw::Clouds.of(seed).child(orbit as u64);
        // Some days are brighter: the share varies by up to 15 %.
        let clear = options.clear * (1.0 + 0.15 * f64::from(sky.signed(0)));
        add_clouds(&mut flags, sky, &geometry, numbers, clear);
        add_rare_flags(&mut flags, Draw::RareFlags.of(seed), numbers, pixels);
        for line in (0..numbers.len()).filter(|&line| missing[line]) {
            let of_line = line * pixels..(line + 1) * pixels;
            latitude[of_line.clone()].fill(NO_PLACE);
            longitude[of_line.clone()].fill(NO_PLACE);
            flags[of_line].fill(flag::NAVFAIL);
        }
        let mut granule = SimulatedGranule {
            lines: numbers.len(),
            pixels,
            latitude,
            longitude,
            flags: Vec::new(),
            products: Vec::new(),
            wavelengths: Vec::new(),
            nominal_wavelengths: Vec::new(),
            tilt: geometry.tilt.iter().map(|&x| x as f32).collect(),
            centre_solar_zenith: geometry
                .cos_solar_zenith
                .chunks(pixels)
                .map(|line| libm::acosf(line[pixels / 2]).to_degrees())
                .collect(),
            time: geometry.time,
        };
        granule.retrieve(
            &mut flags,
            seed,
            numbers,
            options.suite,
            options.wavelengths,
        );
        granule.flags = flags.into_iter().map(|flags| flags as i32).collect();
        granule
    }

    /// Adds the products, and the flags that depend on them.
    fn retrieve(
        &mut self,
        flags: &mut [u32],
        seed: Stream,
        numbers: &[i64],
        suite: Suite,
        wavelengths: usize,
    ) {
        let chlorophyll = self.chlorophyll(flags, seed, numbers);
        let pixels = self.pixels;
        flags
            .par_iter_mut()
            .zip(&chlorophyll)
            .for_each(|(flags, &value)| {
                if value.is_nan() {
                    *flags |= flag::PRODFAIL;
                } else if value > 8.0 {
                    *flags |= flag::TURBIDW;
                }
            });
        let maker = Maker {
            chlorophyll: &chlorophyll,
            numbers,
            pixels,
            seed,
        };
        match suite {
            Suite::Biogeochemical => {
                self.products = vec![
                    maker.float(&CHLOR_A, 1, |x, _| x),
                    maker.float(&CARBON_PHYTO, 2, |x, z| {
                        28.0 * libm::pow(x, 0.55) * libm::exp(0.08 * z)
                    }),
                    maker.packed(&POC, 3, |x, z| {
                        310.0 * libm::pow(x, 0.46) * libm::exp(0.08 * z)
                    }),
                    maker.float(&CHLOR_A_UNC, 4, |x, z| coarse(x * (0.25 + 0.02 * z))),
                    maker.float(&CARBON_PHYTO_UNC, 5, |x, z| {
                        coarse(28.0 * libm::pow(x, 0.55) * (0.3 + 0.02 * z))
                    }),
                ];
            }
            Suite::ApparentOptical => {
                // Evenly spread over all, the first and the last included.
                let last = PRODUCT_WAVELENGTHS.len() - 1;
                self.nominal_wavelengths = (0..wavelengths)
                    .map(|i| PRODUCT_WAVELENGTHS[i * last / (wavelengths - 1).max(1)])
                    .collect();
                self.wavelengths = self
                    .nominal_wavelengths
                    .iter()
                    .map(|&nominal| exact_wavelength(nominal))
                    .collect();
                let table = Table::new(&self.wavelengths);
                self.products = vec![
                    maker.spectral(&RRS, 1, &table, |x, z| x * (1.0 + 0.02 * z) + 5e-5 * z),
                    maker.spectral(&RRS_UNC, 2, &table, |x, z| 2e-4 + 0.05 * x + 1e-5 * z),
                    maker.packed(&AOT_865, 3, |x, z| 0.08 + 0.01 * x.min(5.0) + 0.01 * z),
                    maker.packed(&ANGSTROM, 4, |_, z| 1.2 + 0.15 * z),
                    maker.float(&AVW, 5, |x, z| 470.0 + 35.0 * libm::log10(x) + 1.5 * z),
                    maker.packed(&NFLH, 6, |x, z| 0.05 + 0.12 * libm::pow(x, 0.7) + 0.02 * z),
                ];
            }
        }
    }

    /// Retrieved chlorophyll: the truth at the coordinates of the file, times noise of mean 1, times the
    /// bias that flags stand for; NaN where nothing is retrieved.
    fn chlorophyll(&self, flags: &[u32], seed: Stream, numbers: &[i64]) -> Vec<f64> {
        let shared = Draw::Shared.of(seed);
        let white = Draw::Pixel(0).of(seed);
        let mean = mean_of_exponential(NOISE);
        let pixels = self.pixels;
        let mut out = vec![f64::NAN; flags.len()];
        out.par_chunks_mut(pixels)
            .enumerate()
            .for_each(|(line, out)| {
                let mut factor = vec![1.0_f32; pixels];
                for (i, (spacing, amplitude)) in SHARED_NOISE.into_iter().enumerate() {
                    let stream = shared.child(i as u64);
                    add_on_lines(stream, numbers[line], spacing, amplitude, &mut factor);
                }
                for (pixel, value) in out.iter_mut().enumerate() {
                    let at = line * pixels + pixel;
                    let flags = flags[at];
                    if flags & (flag::NO_RETRIEVAL | flag::CHLFAIL) != 0 {
                        continue;
                    }
                    let truth = truth_chlorophyll(
                        f64::from(self.longitude[at]),
                        f64::from(self.latitude[at]),
                    );
                    let noise = libm::exp(NOISE * white.normal(place(numbers[line], pixel))) / mean;
                    let bias = [
                        (flag::STRAYLIGHT, STRAY_BIAS),
                        (flag::HISATZEN, OBLIQUE_BIAS),
                        (flag::HIGLINT, GLINT_BIAS),
                    ]
                    .into_iter()
                    .filter(|(flag, _)| flags & flag != 0)
                    .fold(1.0, |all, (_, bias)| all * bias);
                    *value = truth * noise * f64::from(factor[pixel]) * bias;
                }
            });
        out
    }
}

/// A number with seven significant bits: uncertainties need no more, and files stay at the size of real ones.
fn coarse(value: f64) -> f64 {
    const KEPT: u64 = !((1 << 45) - 1);
    f64::from_bits(value.to_bits() & KEPT)
}

/// Counter of a pixel for random numbers.
fn place(line: i64, pixel: usize) -> u64 {
    (line as u64) << 16 | pixel as u64
}

fn missing_lines(defects: &[Defect], lines: usize) -> Vec<bool> {
    let mut missing = vec![false; lines];
    for defect in defects {
        if let Defect::NoGeolocation { first, count } = *defect {
            missing
                .iter_mut()
                .skip(first)
                .take(count)
                .for_each(|m| *m = true);
        }
    }
    missing
}

/// Flags of place and of the angles of view and Sun.
fn view_flags(geometry: &ScanGeometry, latitude: &[f32], longitude: &[f32]) -> Vec<u32> {
    let land = Land::get();
    let pixels = geometry.pixels;
    let at_rest = |line: usize| geometry.tilt[line].abs() >= 20.0 || geometry.tilt[line] == 0.0;
    (0..latitude.len())
        .into_par_iter()
        .map(|at| {
            let mut flags = 0;
            let mut raise = |when: bool, flag: u32| {
                if when {
                    flags |= flag;
                }
            };
            let (lon, lat) = (f64::from(longitude[at]), f64::from(latitude[at]));
            let share = land.share(lon, lat);
            raise(share >= 0.5, flag::LAND);
            raise(share > 0.0 && share < 0.5, flag::COASTZ);
            raise(
                geometry.cos_sensor_zenith[at] < SENSOR_ZENITH,
                flag::HISATZEN,
            );
            raise(geometry.cos_solar_zenith[at] < SOLAR_ZENITH, flag::HISOLZEN);
            raise(geometry.cos_glint[at] > STRONG_GLINT, flag::HIGLINT);
            raise(geometry.cos_glint[at] > MODERATE_GLINT, flag::MODGLINT);
            raise(!at_rest(at / pixels), flag::NAVWARN);
            raise(
                share < 0.5 && !(-64.0..=74.0).contains(&lat),
                flag::SEAICE | flag::CLDICE,
            );
            flags
        })
        .collect()
}

fn add_clouds(
    flags: &mut [u32],
    sky: Stream,
    geometry: &ScanGeometry,
    numbers: &[i64],
    clear: f64,
) {
    let field = clouds::field(sky, geometry, numbers);
    let near = clouds::within_reach(&field, geometry.pixels);
    let unusable = flag::LAND | flag::HISATZEN | flag::HISOLZEN | flag::HIGLINT | flag::SEAICE;
    let usable: Vec<bool> = flags.iter().map(|flags| flags & unusable == 0).collect();
    // The brightest clouds saturate detectors; the darkest are found only by the processing.
    let threshold = clouds::threshold(&near, &usable, clear);
    flags
        .par_iter_mut()
        .zip(field.par_iter().zip(&near))
        .for_each(|(flags, (&here, &near))| {
            if here >= threshold {
                *flags |= flag::CLDICE;
                if here > threshold + 1.6 {
                    *flags |= flag::HILT;
                }
            } else if near >= threshold && *flags & flag::LAND == 0 {
                *flags |= flag::STRAYLIGHT;
            }
        });
}

/// Share of pixels over clear sea, in 65536ths, that a flag is raised for at random.
const RARE: [(u32, u64); 9] = [
    (flag::ATMFAIL, 60),
    (flag::PRODWARN, 900),
    (flag::COCCOLITH, 25),
    (flag::LOWLW, 30),
    (flag::CHLFAIL, 10),
    (flag::ABSAER, 3),
    (flag::MAXAERITER, 90),
    (flag::ATMWARN, 700),
    (flag::HIPOL, 880),
];

fn add_rare_flags(flags: &mut [u32], stream: Stream, numbers: &[i64], pixels: usize) {
    flags
        .par_chunks_mut(pixels)
        .zip(numbers)
        .for_each(|(flags, &line)| {
            for (pixel, flags) in flags.iter_mut().enumerate() {
                if *flags & (flag::LAND | flag::CLDICE) != 0 {
                    continue;
                }
                let at = place(line, pixel);
                let draws = [
                    stream.bits(at << 2),
                    stream.bits(at << 2 | 1),
                    stream.bits(at << 2 | 2),
                ];
                for (i, (flag, share)) in RARE.into_iter().enumerate() {
                    if (draws[i / 4] >> (16 * (i % 4))) & 0xFFFF < share {
                        *flags |= flag;
                    }
                }
                if *flags & flag::CHLFAIL != 0 {
                    *flags |= flag::CHLWARN;
                }
            }
        });
}

/// Makes products from chlorophyll and a random number of each pixel.
struct Maker<'a> {
    chlorophyll: &'a [f64],
    numbers: &'a [i64],
    pixels: usize,
    seed: Stream,
}

impl Maker<'_> {
    fn each<T: Copy + Send + Sync>(
        &self,
        draw: u64,
        fill: T,
        value: impl Fn(f64, f64) -> T + Sync,
    ) -> Vec<T> {
        let stream = Draw::Pixel(draw).of(self.seed);
        let mut out = vec![fill; self.chlorophyll.len()];
        out.par_chunks_mut(self.pixels)
            .zip(self.chlorophyll.par_chunks(self.pixels))
            .zip(self.numbers)
            .for_each(|((out, chlorophyll), &line)| {
                for (pixel, (out, &x)) in out.iter_mut().zip(chlorophyll).enumerate() {
                    if !x.is_nan() {
                        *out = value(x, stream.normal(place(line, pixel)));
                    }
                }
            });
        out
    }

    fn float(
        &self,
        description: &'static Description,
        draw: u64,
        value: impl Fn(f64, f64) -> f64 + Sync,
    ) -> SimulatedProduct {
        let values = self.each(draw, f32::from(FILL), |x, z| description.limit(value(x, z)));
        SimulatedProduct {
            name: description.name,
            values: SimulatedValues::F32(values),
            description,
        }
    }

    fn packed(
        &self,
        description: &'static Description,
        draw: u64,
        value: impl Fn(f64, f64) -> f64 + Sync,
    ) -> SimulatedProduct {
        let values = self.each(draw, FILL, |x, z| description.pack(value(x, z)));
        SimulatedProduct {
            name: description.name,
            values: SimulatedValues::I16(values),
            description,
        }
    }

    /// Here the value is made from the reflectance and a random number of each band.
    fn spectral(
        &self,
        description: &'static Description,
        draw: u64,
        table: &Table,
        value: impl Fn(f64, f64) -> f64 + Sync,
    ) -> SimulatedProduct {
        let stream = Draw::Pixel(draw).of(self.seed);
        let bands = table.bands();
        let mut out = vec![FILL; self.chlorophyll.len() * bands];
        out.par_chunks_mut(self.pixels * bands)
            .zip(self.chlorophyll.par_chunks(self.pixels))
            .zip(self.numbers)
            .for_each(|((out, chlorophyll), &line)| {
                for (pixel, (out, &x)) in out.chunks_mut(bands).zip(chlorophyll).enumerate() {
                    if x.is_nan() {
                        continue;
                    }
                    let noise = stream.child(place(line, pixel));
                    for (band, (out, r)) in out.iter_mut().zip(table.spectrum(x)).enumerate() {
                        let z = noise.normal(band as u64);
                        *out = description.pack(value(f64::from(r), z));
                    }
                }
            });
        SimulatedProduct {
            name: description.name,
            values: SimulatedValues::I16(out),
            description,
        }
    }
}
