//! Whole granules: geometry, flags, truth, files.

use std::sync::{Arc, OnceLock};

use jiff::civil::date;
use swathe_core::mask::{FlagSelection, FlagTable};
use swathe_core::region::Region;
use swathe_core::source::{Coordinates, SwathSource, Values};
use swathe_core::sphere::{EARTH_RADIUS_KM, chord2, unit_vector};

use super::flags as flag;
use super::orbit::mean_motion;
use super::scan::{LINE_SECONDS, line_time, tilt};
use super::*;
use crate::bytes::MemorySource;
use crate::dataset::Dataset;
use crate::granule::Granule;

/// The first granule over the Chesapeake Bay: three quarters of it are sea, the tilt is +20 degrees.
fn whole() -> &'static (GranuleSpec, SimulatedGranule) {
    static WHOLE: OnceLock<(GranuleSpec, SimulatedGranule)> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let spec = first(&Simulation::default());
        let granule = spec.simulate();
        (spec, granule)
    })
}

fn first(options: &Simulation) -> GranuleSpec {
    let count = Some(1);
    let options = Simulation {
        count,
        ..options.clone()
    };
    options.granules().unwrap().remove(0)
}

fn short(lines: usize) -> Simulation {
    Simulation {
        lines: Some(lines),
        ..Simulation::default()
    }
}

fn open(spec: &GranuleSpec) -> Granule {
    let source = MemorySource::new(spec.file_name(), spec.bytes().unwrap());
    Granule::from_dataset(Dataset::from_source(Arc::new(source)).unwrap()).unwrap()
}

/// Kilometres between two pixels, on a sphere: half a percent from those on the ellipsoid.
fn distance(geometry: &ScanGeometry, one: (usize, usize), other: (usize, usize)) -> f64 {
    let place = |(line, pixel): (usize, usize)| {
        let at = line * geometry.pixels + pixel;
        unit_vector(geometry.longitude[at], geometry.latitude[at])
    };
    let half = chord2(place(one), place(other)).sqrt() / 2.0;
    2.0 * half.asin() * EARTH_RADIUS_KM
}

fn l3() -> u32 {
    let (masks, _) = flag::attributes();
    let names = flag::NAMES.into_iter().map(str::to_owned);
    let table = FlagTable::new(names.zip(masks.into_iter().map(|mask| mask as u32)));
    let selection = FlagSelection::default_for(Some("OC_BGC"));
    selection.resolve(&table).unwrap().bits()
}

#[test]
fn pixels_and_swath_have_the_published_sizes() {
    // Near the equator, where the platform is as high above the ellipsoid as above its circle.
    let spec = first(&Simulation {
        area: Some([-40.0, -6.0, -30.0, 0.0]),
        ..Simulation::default()
    });
    let geometry = spec.geometry();
    assert!(geometry.tilt.iter().all(|tilt| *tilt == -20.0));
    let (lines, pixels) = spec.shape();
    assert!((1709..=1710).contains(&lines) && pixels == 1272);
    let middle = lines / 2;
    let near = |value: f64, expected: f64, part: f64| {
        assert!((value / expected - 1.0).abs() < part, "{value} {expected}");
    };
    near(
        distance(&geometry, (middle, 635), (middle, 636)),
        1.13,
        0.01,
    );
    near(distance(&geometry, (middle, 0), (middle, 1)), 7.0, 0.02);
    near(
        distance(&geometry, (middle, 1270), (middle, 1271)),
        7.0,
        0.02,
    );
    near(
        distance(&geometry, (middle, 0), (middle, 1271)),
        2663.0,
        0.01,
    );
    // The Earth turns against the flight there: 1 % more than on average.
    near(
        distance(&geometry, (0, 636), (lines - 1, 636)),
        2040.0,
        0.02,
    );
    // A path along the middle has no gap: the platform flies 6.79 km a second over the ground.
    let along = distance(&geometry, (middle, 636), (middle + 1, 636));
    let flown = mean_motion() * LINE_SECONDS * EARTH_RADIUS_KM;
    near(along, flown, 0.02);
}

#[test]
fn consecutive_granules_continue_each_other() {
    let options = Simulation {
        area: None,
        days: 1,
        count: Some(3),
        ..Simulation::default()
    };
    let granules = options.granules().unwrap();
    for pair in granules.windows(2) {
        let (a, b) = (pair[0].line_numbers(), pair[1].line_numbers());
        assert_eq!(a[a.len() - 1] + 1, b[0]);
        assert!(pair[0].end_milliseconds() < pair[1].start_milliseconds());
    }
}

#[test]
fn a_day_has_as_many_granules_as_the_real_ones_have() {
    for (year, month, day) in [(2024, 3, 20), (2024, 6, 21), (2024, 9, 22), (2025, 12, 21)] {
        let options = Simulation {
            area: None,
            start: date(year, month, day),
            days: 1,
            ..Simulation::default()
        };
        let granules = options.granules().unwrap();
        assert!((131..=146).contains(&granules.len()), "{}", granules.len());
        let day = format!("PACE_OCI.{year}{month:02}{day:02}T");
        assert!(granules.iter().all(|g| g.file_name().starts_with(&day)));
    }
}

#[test]
fn the_tilt_changes_once_on_the_day_side_of_an_orbit_and_leaves_a_gap() {
    let options = Simulation {
        area: None,
        days: 1,
        ..Simulation::default()
    };
    let slews = |spec: &GranuleSpec| {
        let at = |line: i64| tilt(line_time(line)).abs() < 20.0;
        spec.line_numbers().iter().any(|&line| at(line))
    };
    let granules = options.granules().unwrap();
    let slewing: Vec<&GranuleSpec> = granules.iter().filter(|spec| slews(spec)).collect();
    // 14.65 orbits a day; a change over a granule's end would count twice.
    assert!((14..=17).contains(&slewing.len()), "{}", slewing.len());
    // Of one that holds all of the change.
    let ends = |spec: &GranuleSpec| {
        let numbers = spec.line_numbers();
        [numbers[0], numbers[numbers.len() - 1]].map(|line| tilt(line_time(line)))
    };
    let whole = slewing.iter().find(|spec| ends(spec) == [-20.0, 20.0]);
    let geometry = whole.unwrap().geometry();
    let middle = |line| distance(&geometry, (line, 636), (line + 1, 636));
    let mut steps: Vec<f64> = (0..geometry.time.len() - 1).map(middle).collect();
    let jumped = steps.iter().filter(|step| **step > 3.0 * 1.19).count();
    assert!((70..=76).contains(&jumped), "{jumped}");
    steps.sort_by(f64::total_cmp);
    assert!((steps[steps.len() / 2] - 1.19).abs() < 0.03);
}

#[test]
fn the_granules_of_an_area_are_those_with_a_pixel_in_it() {
    let day = Simulation {
        area: None,
        days: 1,
        ..short(60)
    };
    let all = day.granules().unwrap();
    for area in [
        [-77.0, 36.0, -73.0, 41.0],
        [-30.0, -10.0, -29.7, -9.6],
        [170.0, -20.0, -160.0, 10.0],
        [0.0, 84.0, 40.0, 90.0],
        [100.0, -70.0, 101.0, -60.0],
    ] {
        let region = Region {
            west: area[0],
            width: (area[2] - area[0] + 360.0) % 360.0,
            south: area[1],
            north: area[3],
        };
        let expected: Vec<String> = all
            .iter()
            .filter(|spec| {
                let geometry = spec.geometry();
                let mut places = geometry.longitude.iter().zip(&geometry.latitude);
                places.any(|(&lon, &lat)| {
                    region.contains(f64::from(lon as f32), f64::from(lat as f32))
                })
            })
            .map(GranuleSpec::file_name)
            .collect();
        let options = Simulation {
            area: Some(area),
            ..day.clone()
        };
        let found: Vec<String> = options
            .granules()
            .unwrap()
            .iter()
            .map(GranuleSpec::file_name)
            .collect();
        assert_eq!(found, expected, "{area:?}");
    }
}

#[test]
fn the_wanted_share_is_left_by_l3_and_tells_the_truth() {
    let (_, granule) = whole();
    let SimulatedValues::F32(chlorophyll) = &granule.products[0].values else {
        panic!("chlor_a is not packed");
    };
    let l3 = l3();
    let (mut valid, mut ratio, mut worst) = (0.0, 0.0, 1.0_f64);
    let (mut stray, mut stray_ratio) = (0.0, 0.0);
    for (at, &value) in chlorophyll.iter().enumerate() {
        let flags = granule.flags[at] as u32;
        let nothing = flags & (flag::LAND | flag::CLDICE | flag::ATMFAIL | flag::CHLFAIL) != 0;
        assert_eq!(value == -32_767.0, nothing || flags & flag::HILT != 0);
        assert_eq!(flags & flag::PRODFAIL != 0, value == -32_767.0);
        if value == -32_767.0 {
            continue;
        }
        let (lon, lat) = (granule.longitude[at], granule.latitude[at]);
        let part = f64::from(value) / truth_chlorophyll(f64::from(lon), f64::from(lat));
        if flags & l3 == 0 {
            valid += 1.0;
            ratio += part;
            worst = worst.max(part.max(1.0 / part));
        } else if flags & l3 == flag::STRAYLIGHT {
            stray += 1.0;
            stray_ratio += part;
        }
    }
    let share = valid / chlorophyll.len() as f64;
    assert!((0.20..0.30).contains(&share), "{share}");
    assert!((ratio / valid - 1.0).abs() < 0.005, "{}", ratio / valid);
    assert!(worst < 2.0, "{worst}");
    assert!((stray_ratio / stray / 1.4 - 1.0).abs() < 0.02);
}

#[test]
fn flags_are_raised_where_they_belong() {
    let (spec, granule) = whole();
    let geometry = spec.geometry();
    let share = |bits: u32| {
        let raised = granule.flags.iter().filter(|f| **f as u32 & bits != 0);
        raised.count() as f64 / granule.flags.len() as f64
    };
    // A real granule with this tilt has 14.4 %.
    assert!((share(flag::HISATZEN) - 0.144).abs() < 0.003);
    assert!(share(flag::STRAYLIGHT) > 0.02 && share(flag::CLDICE) > 0.3);
    assert!(share(flag::COASTZ) > 0.001 && share(flag::LAND) > 0.1);
    let mut clouds = 0;
    for line in (3..granule.lines - 3).step_by(17) {
        for pixel in (3..granule.pixels - 3).step_by(13) {
            let flags = granule.flags[line * granule.pixels + pixel] as u32;
            if flags & flag::STRAYLIGHT != 0 {
                let near = |flag: u32| {
                    (line - 3..=line + 3).any(|l| {
                        let row = &granule.flags[l * granule.pixels..][pixel - 3..=pixel + 3];
                        row.iter().any(|f| *f as u32 & flag != 0)
                    })
                };
                assert!(near(flag::CLDICE));
                clouds += 1;
            }
            let oblique = geometry.cos_sensor_zenith[line * granule.pixels + pixel] < 0.5;
            assert_eq!(flags & flag::HISATZEN != 0, oblique);
        }
    }
    assert!(clouds > 20);
}

#[test]
fn glint_and_low_sun_are_flagged_on_their_orbits_parts() {
    let options = Simulation {
        area: None,
        days: 1,
        ..short(40)
    };
    let (mut glint, mut low_sun) = (0, 0);
    for spec in options.granules().unwrap().iter().take(40) {
        let granule = spec.simulate();
        let count = |bits: u32| {
            granule
                .flags
                .iter()
                .filter(|f| **f as u32 & bits != 0)
                .count()
        };
        glint += count(flag::HIGLINT);
        low_sun += count(flag::HISOLZEN);
        assert!(count(flag::HIGLINT) <= count(flag::MODGLINT));
        // The Sun is behind or beside the view where it is low.
        assert_eq!(
            granule
                .flags
                .iter()
                .filter(|f| **f as u32 & (flag::HIGLINT | flag::HISOLZEN)
                    == flag::HIGLINT | flag::HISOLZEN)
                .count(),
            0
        );
    }
    assert!(glint > 1000 && low_sun > 10_000, "{glint} {low_sun}");
}

#[test]
fn the_same_options_give_the_same_bytes_whatever_else_is_made() {
    let options = short(70);
    let spec = first(&options);
    let bytes = spec.bytes().unwrap();
    let alone = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    assert!(alone.install(|| spec.bytes().unwrap()) == bytes);
    // The same granule among others, for another area.
    let wider = Simulation {
        area: Some([-100.0, 20.0, -50.0, 60.0]),
        days: 1,
        ..options.clone()
    };
    let among = wider.granules().unwrap();
    assert!(among.len() > 3);
    let same = among.iter().find(|g| g.file_name() == spec.file_name());
    assert!(same.unwrap().bytes().unwrap() == bytes);
    let other = first(&Simulation { seed: 1, ..options });
    let (a, b) = (spec.simulate(), other.simulate());
    assert_eq!(a.latitude, b.latitude);
    assert!(a.flags != b.flags && a.products != b.products);
}

#[test]
fn the_reader_gives_back_what_was_simulated() {
    let spec = first(&Simulation {
        near_real_time: true,
        ..short(300)
    });
    let simulated = spec.simulate();
    let granule = open(&spec);
    assert_eq!(granule.shape(), (300, 1272));
    assert!(spec.file_name().ends_with(".L2.OC_BGC.V3_2.NRT.nc"));
    let identity = granule.identity();
    assert_eq!(identity.suite.as_deref(), Some("OC_BGC"));
    assert_eq!(identity.processing_version.as_deref(), Some("3.2"));
    assert_eq!(identity.instrument.as_deref(), Some("OCI"));
    assert!(identity.near_real_time);
    assert_eq!(granule.time().start, Some(spec.start_milliseconds()));
    assert_eq!(granule.time().end, Some(spec.end_milliseconds()));
    assert!(granule.warnings().is_empty() && granule.refused().is_empty());

    let places = granule.geolocation(0..300).unwrap();
    assert!(places.latitude == Coordinates::F32(simulated.latitude.clone()));
    assert!(places.longitude == Coordinates::F32(simulated.longitude.clone()));
    let flags: Vec<u32> = simulated.flags.iter().map(|f| *f as u32).collect();
    assert!(granule.flags(0..300).unwrap() == flags);
    let extents = granule.line_extents().unwrap().unwrap();
    assert_eq!(
        extents[7].end,
        (
            simulated.longitude[8 * 1272 - 1],
            simulated.latitude[8 * 1272 - 1]
        )
    );

    for product in &simulated.products {
        let field = granule.select(product.name).unwrap().remove(0).field;
        let read: Vec<f64> = match granule.values(&[&field], 0..300).unwrap().remove(0) {
            Values::F32(values) => values.into_iter().map(f64::from).collect(),
            Values::F64(values) => values,
        };
        let stored: Vec<f64> = match &product.values {
            SimulatedValues::F32(values) => values.iter().copied().map(f64::from).collect(),
            SimulatedValues::I16(values) => values
                .iter()
                .map(|&v| {
                    if v == -32_767 {
                        -32_767.0
                    } else {
                        f64::from(v) * 0.2 + 6400.0
                    }
                })
                .collect(),
        };
        let mut values = 0;
        for (read, stored) in read.into_iter().zip(stored) {
            if stored == -32_767.0 {
                assert!(read.is_nan());
            } else {
                values += 1;
                // The offset of packed values is single precision.
                assert!(
                    (read - stored).abs() <= 1e-7 * 6400.0,
                    "{} {read} {stored}",
                    product.name
                );
            }
        }
        assert!(values > 10_000);
    }
}

#[test]
fn spectra_have_wavelengths_in_both_layouts() {
    for version in [Version::V3_1, Version::V3_2] {
        let spec = first(&Simulation {
            suite: Suite::ApparentOptical,
            wavelengths: 7,
            version,
            ..short(40)
        });
        let simulated = spec.simulate();
        let granule = open(&spec);
        assert_eq!(granule.identity().suite.as_deref(), Some("OC_AOP"));
        let variable = granule.variable("Rrs").unwrap();
        let bands = granule.bands(variable).unwrap().unwrap();
        assert_eq!(bands.values.len(), 7);
        assert_eq!((bands.values[0], bands.values[6].round()), (346.0, 719.0));
        let selected = granule.select("Rrs@443").unwrap().remove(0);
        let band = selected.field.band.unwrap();
        let SimulatedValues::I16(stored) = &simulated.products[0].values else {
            panic!("Rrs is packed");
        };
        let read = granule.values(&[&selected.field], 0..40).unwrap();
        let [Values::F32(read)] = read.as_slice() else {
            panic!("Rrs unpacks to single precision");
        };
        let mut values = 0;
        for (read, stored) in read.iter().zip(stored.chunks(7)) {
            if !read.is_nan() {
                values += 1;
                let expected = f64::from(stored[band]) * 2e-6 + 0.05;
                assert!((f64::from(*read) - expected).abs() < 1e-8);
            }
        }
        assert!(values > 1000);
    }
}

#[test]
fn defects_are_where_they_were_asked_for() {
    let options = Simulation {
        defects: vec![
            Defect::Repeated {
                first: 10,
                count: 2,
            },
            Defect::Reversed {
                first: 20,
                count: 5,
            },
            Defect::NoGeolocation {
                first: 38,
                count: 9,
            },
        ],
        ..short(40)
    };
    let (sound, odd) = (first(&short(40)).simulate(), first(&options).simulate());
    let line =
        |granule: &SimulatedGranule, line: usize| granule.latitude[line * 1272..][..1272].to_vec();
    for i in [11, 10] {
        assert_eq!(line(&odd, i), line(&sound, 9));
    }
    for i in 20..25 {
        assert_eq!(line(&odd, i), line(&sound, 44 - i));
    }
    for i in [0, 9, 12, 19, 25, 37] {
        assert_eq!(line(&odd, i), line(&sound, i));
    }
    for i in [38, 39] {
        assert!(line(&odd, i).iter().all(|lat| *lat == -999.0));
        assert!(
            odd.flags[i * 1272..][..1272]
                .iter()
                .all(|f| *f as u32 & flag::NAVFAIL != 0)
        );
    }
    let granule = open(&first(&options));
    let Coordinates::F32(latitude) = granule.geolocation(37..39).unwrap().latitude else {
        panic!("latitude is single precision");
    };
    assert!(!latitude[0].is_nan() && latitude[1272].is_nan());
}

#[test]
fn a_mirror_of_ten_lines_makes_a_bow_tie() {
    let spec = first(&Simulation {
        scanner: Scanner::TenLines,
        ..short(60)
    });
    let geometry = spec.geometry();
    let numbers = spec.line_numbers();
    let scan_start = (0..10).find(|i| numbers[*i] % 10 == 0).unwrap() + 10;
    let height = |pixel| distance(&geometry, (scan_start, pixel), (scan_start + 9, pixel));
    // Nine spacings of 1.19 km below the platform, far more at the edge ...
    assert!(
        (height(636) / (9.0 * 1.19) - 1.0).abs() < 0.03,
        "{}",
        height(636)
    );
    assert!(height(0) > 2.0 * height(636));
    // ... while scans follow each other as fast everywhere: at the edge the next begins behind the last.
    let latitude = |line: usize, pixel: usize| geometry.latitude[line * geometry.pixels + pixel];
    assert!(latitude(scan_start + 10, 636) > latitude(scan_start + 9, 636));
    assert!(latitude(scan_start + 10, 0) < latitude(scan_start + 9, 0));
}

#[test]
fn a_file_appears_whole_and_is_not_replaced_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let spec = first(&short(20));
    let path = spec.write(folder.path(), Overwrite::Refuse).unwrap();
    assert_eq!(path, folder.path().join(spec.file_name()));
    let bytes = std::fs::read(&path).unwrap();
    assert!(bytes == spec.bytes().unwrap());
    let refused = spec.write(folder.path(), Overwrite::Refuse).unwrap_err();
    assert!(refused.to_string().contains("exists already"), "{refused}");
    std::fs::write(&path, b"old").unwrap();
    spec.write(folder.path(), Overwrite::Replace).unwrap();
    assert!(std::fs::read(&path).unwrap() == bytes);
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 1);
    let nowhere = folder.path().join("nowhere");
    assert!(spec.write(&nowhere, Overwrite::Replace).is_err());
}

#[test]
fn options_out_of_range_are_refused_by_name() {
    let refusal = |options: Simulation| options.granules().unwrap_err().to_string();
    let with = Simulation::default;
    assert!(
        refusal(Simulation {
            lines: Some(0),
            ..with()
        })
        .contains("line")
    );
    assert!(
        refusal(Simulation {
            wavelengths: 173,
            ..with()
        })
        .contains("wavelengths")
    );
    assert!(
        refusal(Simulation {
            clear: f64::NAN,
            ..with()
        })
        .contains("clear")
    );
    let area = Some([0.0, 10.0, 1.0, 5.0]);
    assert!(refusal(Simulation { area, ..with() }).contains("area"));
    let none = Simulation { days: 0, ..with() };
    assert!(none.granules().unwrap().is_empty());
}
