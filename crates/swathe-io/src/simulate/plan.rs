//! Which granules there are: five-minute pieces of the day side of orbits that touch an area.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use swathe_core::region::Region;
use swathe_core::sphere::{EARTH_RADIUS_KM, dot, lonlat, unit_vector};

use super::orbit::{EPOCH_UNIX_SECONDS, sidereal_degrees, state, sun};
use super::scan::{ScanGeometry, first_line_from, geometry, line_time};
use super::{Defect, Scanner, SimulatedGranule, Suite, Version};
use crate::error::{Error, Result};
use crate::granule::time_text;

/// Length of a granule, s.
const GRANULE_SECONDS: f64 = 300.0;

/// Cosine of the highest solar zenith angle (at the middle of a granule, below the platform) at which
/// the instrument observes: 140 granules a day.
const DAY_SIDE: f64 = 0.052;

/// No pixel is farther from the track than this, km: half the swath, and what the tilt adds.
const FARTHEST: f64 = 2600.0;

/// Options of a simulation. The default is a week over the Chesapeake Bay.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// West, south, east, north in degrees; west > east reaches across 180. `None` is the whole Earth.
    pub area: Option<[f64; 4]>,
    /// First day, UTC.
    pub start: Date,
    /// Number of days.
    pub days: u32,
    /// At most so many granules, the first.
    pub count: Option<usize>,
    /// Seed of noise, clouds and rare flags; the truth and the geometry do not depend on it.
    pub seed: u64,
    /// What the granules hold.
    pub suite: Suite,
    /// Processing version.
    pub version: Version,
    /// Whether the granules are near-real-time ones.
    pub near_real_time: bool,
    /// At most so many lines a granule, its first: small files for tests.
    pub lines: Option<usize>,
    /// Number of wavelengths of spectral products, 1 to 172.
    pub wavelengths: usize,
    /// Share of pixels that the flag set `l3` leaves, on average of orbits, where land and geometry leave
    /// so many; rare flags take another 1 %.
    pub clear: f64,
    /// How the instrument sweeps the ground.
    pub scanner: Scanner,
    /// Odd lines.
    pub defects: Vec<Defect>,
}

impl Default for Simulation {
    fn default() -> Self {
        Simulation {
            area: Some([-77.0, 36.0, -73.0, 41.0]),
            start: date(2024, 8, 1),
            days: 7,
            count: None,
            seed: 0,
            suite: Suite::default(),
            version: Version::default(),
            near_real_time: false,
            lines: None,
            wavelengths: 172,
            clear: 0.24,
            scanner: Scanner::default(),
            defects: Vec::new(),
        }
    }
}

/// One granule to be simulated.
#[derive(Debug, Clone, PartialEq)]
pub struct GranuleSpec {
    options: Simulation,
    /// Numbers of its lines since the epoch, in the order of the file: defects included.
    lines: Vec<i64>,
}

impl Simulation {
    /// The granules, in order of time.
    ///
    /// # Errors
    /// [`Error::Request`] when an option is out of range.
    pub fn granules(&self) -> Result<Vec<GranuleSpec>> {
        let region = self.check()?;
        let mut granules = Vec::new();
        let first_slot = self.first_slot();
        let last_slot = self.slot_from(self.start_seconds() + 86_400 * i64::from(self.days));
        for slot in first_slot..last_slot {
            if self.count.is_some_and(|count| granules.len() >= count) {
                break;
            }
            if let Some(granule) = self.granule(slot, region.as_ref()) {
                granules.push(granule);
            }
        }
        Ok(granules)
    }

    fn check(&self) -> Result<Option<Region>> {
        let refuse = |reason: String| Error::Request {
            path: "simulation".into(),
            reason,
        };
        if self.lines == Some(0) {
            return Err(refuse("a granule needs at least one line".into()));
        }
        if !(1..=172).contains(&self.wavelengths) {
            return Err(refuse(format!(
                "{} wavelengths were asked for, there are 1 to 172",
                self.wavelengths
            )));
        }
        if !(0.0..=1.0).contains(&self.clear) {
            return Err(refuse(format!(
                "the clear share is {}, it must be 0 to 1",
                self.clear
            )));
        }
        let Some([west, south, east, north]) = self.area else {
            return Ok(None);
        };
        let fits = [west, east].iter().all(|x| (-360.0..=360.0).contains(x))
            && -90.0 <= south
            && south < north
            && north <= 90.0
            && west != east;
        if !fits {
            return Err(refuse(format!(
                "the area {west},{south},{east},{north} is none: west, south, east, north in degrees"
            )));
        }
        let mut width = east - west;
        while width < 0.0 {
            width += 360.0;
        }
        Ok(Some(Region {
            west,
            width: width.min(360.0),
            south,
            north,
        }))
    }

    fn start_seconds(&self) -> i64 {
        // Dates of the calendar are moments in UTC: the zone cannot fail.
        TimeZone::UTC
            .to_timestamp(self.start.at(0, 0, 0, 0))
            .map_or(0, |timestamp| timestamp.as_second())
    }

    fn first_slot(&self) -> i64 {
        self.slot_from(self.start_seconds())
    }

    /// The first granule that begins at or after a moment, in Unix seconds.
    fn slot_from(&self, unix: i64) -> i64 {
        let length = GRANULE_SECONDS as i64;
        (unix - EPOCH_UNIX_SECONDS + length - 1).div_euclid(length)
    }

    fn granule(&self, slot: i64, region: Option<&Region>) -> Option<GranuleSpec> {
        let start = slot as f64 * GRANULE_SECONDS;
        let middle = start + GRANULE_SECONDS / 2.0;
        let below = state(middle).up;
        if dot(below, sun(middle)) < DAY_SIDE {
            return None;
        }
        if let Some(region) = region
            && !may_touch(region, middle)
        {
            return None;
        }
        let (first, end) = (
            first_line_from(start),
            first_line_from(start + GRANULE_SECONDS),
        );
        let mut lines: Vec<i64> = (first..end).collect();
        lines.truncate(self.lines.unwrap_or(usize::MAX));
        if let Some(region) = region
            && !touches(region, self.scanner, &lines)
        {
            return None;
        }
        for defect in &self.defects {
            match *defect {
                Defect::Repeated { first, count } => {
                    if let Some(&before) = first.checked_sub(1).and_then(|i| lines.get(i)) {
                        lines
                            .iter_mut()
                            .skip(first)
                            .take(count)
                            .for_each(|l| *l = before);
                    }
                }
                Defect::Reversed { first, count } => {
                    let end = first.saturating_add(count).min(lines.len());
                    if let Some(part) = lines.get_mut(first..end) {
                        part.reverse();
                    }
                }
                Defect::NoGeolocation { .. } => {}
            }
        }
        Some(GranuleSpec {
            options: self.clone(),
            lines,
        })
    }
}

/// Whether the track comes near enough to a region.
fn may_touch(region: &Region, middle: f64) -> bool {
    let (lon, lat) = lonlat(state(middle).up);
    let lon = lon - sidereal_degrees(middle);
    // Half a granule's length ahead and back, besides the swath's half width.
    let reach = (FARTHEST / EARTH_RADIUS_KM).to_degrees();
    if lat > region.north + reach || lat < region.south - reach {
        return false;
    }
    if region.width >= 360.0 || region.north > 90.0 - reach || region.south < reach - 90.0 {
        return true;
    }
    let here = unit_vector(lon, lat);
    let limit = libm::cos((FARTHEST / EARTH_RADIUS_KM).min(3.0));
    // The nearest of points 5 degrees apart along and across the region, less than 4 degrees from any
    // other of it: FARTHEST has that margin.
    let steps = |extent: f64| (extent / 5.0).ceil().max(1.0) as usize;
    let (columns, rows) = (steps(region.width), steps(region.north - region.south));
    (0..=columns).any(|i| {
        let lon = region.west + region.width * i as f64 / columns as f64;
        (0..=rows).any(|j| {
            let lat = region.south + (region.north - region.south) * j as f64 / rows as f64;
            dot(here, unit_vector(lon, lat)) > limit
        })
    })
}

/// Whether the centre of a pixel lies in a region.
fn touches(region: &Region, scanner: Scanner, lines: &[i64]) -> bool {
    const STEP: usize = 8;
    /// Between nodes there are at most 8 pixels of 7 km and, while the tilt changes, 8 lines of 9 km; km.
    const MARGIN: f64 = 100.0;
    let holds = |region: &Region, longitude: &[f64], latitude: &[f64]| {
        let mut places = longitude.iter().zip(latitude);
        // As the file has them, in single precision.
        places.any(|(&lon, &lat)| region.contains(f64::from(lon as f32), f64::from(lat as f32)))
    };
    let nodes: Vec<i64> = lines.iter().copied().step_by(STEP).collect();
    let coarse = geometry(scanner, &nodes, STEP);
    if holds(region, &coarse.longitude, &coarse.latitude) {
        return true;
    }
    let near = region.widened((MARGIN / EARTH_RADIUS_KM).to_degrees());
    let rows = coarse.longitude.chunks(coarse.pixels);
    let some: Vec<i64> = rows
        .zip(coarse.latitude.chunks(coarse.pixels))
        .enumerate()
        .filter(|(_, (longitude, latitude))| holds(&near, longitude, latitude))
        .flat_map(|(row, _)| {
            let around = (row * STEP).saturating_sub(STEP)..(row + 1) * STEP;
            &lines[around.start..around.end.min(lines.len())]
        })
        .copied()
        .collect();
    let fine = geometry(scanner, &some, 1);
    holds(region, &fine.longitude, &fine.latitude)
}

impl GranuleSpec {
    /// The options it was planned with.
    pub fn options(&self) -> &Simulation {
        &self.options
    }

    /// Numbers of its lines since the epoch, in the order of the file.
    pub(super) fn line_numbers(&self) -> &[i64] {
        &self.lines
    }

    /// Number of lines and of pixels of a line.
    pub fn shape(&self) -> (usize, usize) {
        (self.lines.len(), super::PIXELS)
    }

    /// Time of the first line's middle in ms since 1970.
    pub fn start_milliseconds(&self) -> i64 {
        self.milliseconds(self.lines.iter().min())
    }

    /// Time of the last line's middle in ms since 1970.
    pub fn end_milliseconds(&self) -> i64 {
        self.milliseconds(self.lines.iter().max())
    }

    fn milliseconds(&self, line: Option<&i64>) -> i64 {
        let seconds = line.map_or(0.0, |&line| line_time(line));
        EPOCH_UNIX_SECONDS * 1000 + (seconds * 1000.0).round() as i64
    }

    /// Name of its file: `PACE_OCI.20240801T165513.L2.OC_BGC.V3_2.nc`.
    pub fn file_name(&self) -> String {
        let compact: String = time_text(self.start_milliseconds())
            .chars()
            .filter(|c| c.is_ascii_alphanumeric())
            .take(15)
            .collect();
        format!(
            "PACE_OCI.{compact}.L2.{}.{}{}.nc",
            self.options.suite.name(),
            self.options.version.in_file_name(),
            if self.options.near_real_time {
                ".NRT"
            } else {
                ""
            },
        )
    }

    /// Where its pixels lie, in double precision and without missing lines.
    pub fn geometry(&self) -> ScanGeometry {
        geometry(self.options.scanner, &self.lines, 1)
    }

    /// Its pixels with their values and flags.
    pub fn simulate(&self) -> SimulatedGranule {
        SimulatedGranule::new(self)
    }

    /// Bytes of memory that making its file takes: about three times what the file holds uncompressed.
    pub fn memory_bytes(&self) -> usize {
        let pixel = match self.options.suite {
            Suite::Biogeochemical => 30,
            Suite::ApparentOptical => 22 + 4 * self.options.wavelengths,
        };
        let geometry = 70;
        self.lines.len() * super::PIXELS * (3 * pixel + geometry)
    }

    /// Its file as bytes of netCDF-4.
    ///
    /// # Errors
    /// When it cannot be expressed as netCDF-4.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        super::writer::write(self, self.simulate())
    }

    /// Makes its file in a folder, under a temporary name until it is complete, and gives the path.
    ///
    /// # Errors
    /// As [`GranuleSpec::bytes`]; when the file exists already and `overwrite` is false; when the system refuses.
    pub fn write(&self, folder: &Path, overwrite: Overwrite) -> Result<PathBuf> {
        let path = folder.join(self.file_name());
        let refused = |source: io::Error| Error::Io {
            path: path.display().to_string(),
            source,
        };
        if overwrite == Overwrite::Refuse && path.exists() {
            return Err(refused(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "the file exists already",
            )));
        }
        let bytes = self.bytes()?;
        let temporary = folder.join(format!(".{}.partial", self.file_name()));
        let written = File::create(&temporary)
            .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&temporary, &path));
        if let Err(error) = written {
            // What is left of it is of no use; that it cannot be removed adds nothing to the reason.
            let _ = fs::remove_file(&temporary);
            return Err(refused(error));
        }
        Ok(path)
    }
}

/// What to do about a file that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// Leave it and fail.
    Refuse,
    /// Replace it.
    Replace,
}
