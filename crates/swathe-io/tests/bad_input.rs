//! Bad files (PACE-like and real): a clear error or a right result; never a panic, nor more memory than
//! twice the decoded size. The long form is `examples/mutate.rs`.

#![allow(clippy::unwrap_used, reason = "a test may end there")]

mod mutation;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use mutation::{Original, memory_bound, read_all};
use netcdf_writer::{NcAttrValue, NcFileBuilder, NcWriteFormat, NcWriteOptions};
use peak_alloc::PeakAlloc;
use swathe_core::source::{Field, SwathSource, Values};
use swathe_io::bytes::MemorySource;
use swathe_io::dataset::Dataset;
use swathe_io::granule::{Description, Granule, describe};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Tests that measure memory run one at a time.
static MEASURED: Mutex<()> = Mutex::new(());

const MUTANTS: u64 = 150;
const NETCDF4: NcWriteOptions = NcWriteOptions {
    format: NcWriteFormat::Nc4,
};

/// Reads a file, every cut of it and some mutants; the number that opened.
fn survive(name: &str, bytes: Vec<u8>) {
    let original = Original::new(bytes.clone());
    let good = read_all(bytes.into());
    assert!(good.declared > 0, "{name}: {:?}", good.errors);
    let cuts = (0..100).map(|percent| (original.truncated(percent), format!("cut at {percent} %")));
    let mutants = (0..MUTANTS).map(|seed| {
        let (bytes, done) = original.mutant(seed);
        (bytes, format!("mutant {seed}: {done}"))
    });
    for (bytes, what) in cuts.chain(mutants) {
        let bytes: Arc<[u8]> = bytes.into();
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let reading = read_all(bytes);
        let used = MEMORY.peak_usage().saturating_sub(before) as u64;
        let bound = memory_bound(good.declared, reading.declared);
        assert!(
            used <= bound,
            "{name}, {what}: {used} bytes, {bound} allowed"
        );
        if what.starts_with("cut") {
            assert!(!reading.errors.is_empty(), "{name}, {what}: no error");
        }
    }
}

/// A small granule of PACE's layout.
struct Small {
    lines: u64,
    pixels: u64,
    latitude: Vec<f32>,
    longitude: Vec<f32>,
}

impl Small {
    fn new(lines: u64, pixels: u64) -> Small {
        let each = |value: fn(u64, u64) -> f32| {
            (0..lines)
                .flat_map(|line| (0..pixels).map(move |pixel| value(line, pixel)))
                .collect()
        };
        Small {
            lines,
            pixels,
            latitude: each(|line, _| 36.0 + line as f32 * 0.01),
            longitude: each(|_, pixel| -76.0 + pixel as f32 * 0.01),
        }
    }

    fn builder(&self, longitude_pixels: u64) -> NcFileBuilder {
        let mut file = NcFileBuilder::new();
        let line = file.add_dimension("number_of_lines", self.lines).unwrap();
        let pixel = file.add_dimension("pixels_per_line", self.pixels).unwrap();
        let other = match longitude_pixels == self.pixels {
            true => pixel,
            false => file.add_dimension("other", longitude_pixels).unwrap(),
        };
        for (path, units, values, last) in [
            (
                "navigation_data/latitude",
                "degrees_north",
                &self.latitude,
                pixel,
            ),
            (
                "navigation_data/longitude",
                "degrees_east",
                &self.longitude,
                other,
            ),
        ] {
            let id = file.add_variable_path::<f32>(path, &[line, last]).unwrap();
            let len = match last == pixel {
                true => values.len(),
                false => (self.lines * longitude_pixels) as usize,
            };
            let mut values = values.clone();
            values.resize(len, 0.0);
            file.set_variable_fill_value(id, -32767.0f32).unwrap();
            file.write_variable(id, &values).unwrap();
            let units = NcAttrValue::Chars(units.into());
            file.add_variable_attribute(id, "units", units).unwrap();
            if self.lines > 0 {
                file.set_variable_chunking(id, [(self.lines / 3).max(1), self.pixels.max(1)])
                    .unwrap();
                file.set_variable_deflate(id, Some(4), true).unwrap();
            }
        }
        file.add_attribute(
            "time_coverage_start",
            NcAttrValue::Chars("2024-08-01T16:20:13.000Z".into()),
        )
        .unwrap();
        let count = (self.lines * self.pixels) as usize;
        let chlor_a = file
            .add_variable_path::<f32>("geophysical_data/chlor_a", &[line, pixel])
            .unwrap();
        let values: Vec<f32> = (0..count).map(|i| i as f32).collect();
        file.write_variable(chlor_a, &values).unwrap();
        if self.lines > 0 {
            file.set_variable_chunking(chlor_a, [self.lines.min(4), self.pixels])
                .unwrap();
            file.set_variable_deflate(chlor_a, Some(4), true).unwrap();
        }
        file
    }

    fn bytes(&self) -> Vec<u8> {
        self.builder(self.pixels).to_vec(NETCDF4).unwrap().1
    }

    fn granule(&self) -> Granule {
        open(self.bytes()).unwrap()
    }
}

fn open(bytes: Vec<u8>) -> swathe_io::error::Result<Granule> {
    Dataset::from_source(Arc::new(MemorySource::new("small.nc", bytes)))
        .and_then(Granule::from_dataset)
}

fn chlor_a(granule: &Granule) -> Vec<f32> {
    let field = Field {
        name: "chlor_a".into(),
        variable: "chlor_a".into(),
        band: None,
        valid_range: None,
        exact: false,
    };
    match granule
        .values(&[&field], 0..granule.shape().0)
        .unwrap()
        .remove(0)
    {
        Values::F32(values) => values,
        Values::F64(_) => panic!("single precision was stored"),
    }
}

#[test]
fn damaged_copies_of_a_small_granule() {
    let _alone = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
    survive("small.nc", Small::new(20, 30).bytes());
}

#[test]
fn damaged_copies_of_a_classic_file() {
    let _alone = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
    let mut file = NcFileBuilder::new();
    let line = file.add_unlimited_dimension("line").unwrap();
    let pixel = file.add_dimension("pixel", 9).unwrap();
    for (name, units) in [
        ("lat", "degrees_north"),
        ("lon", "degrees_east"),
        ("sst", "K"),
    ] {
        let id = file.add_variable::<f32>(name, &[line, pixel]).unwrap();
        let values: Vec<f32> = (0..90).map(|i| i as f32 / 10.0).collect();
        file.write_variable(id, &values).unwrap();
        file.add_variable_attribute(id, "units", NcAttrValue::Chars(units.into()))
            .unwrap();
    }
    survive(
        "classic.nc",
        file.to_vec(NcWriteOptions::classic()).unwrap().1,
    );
}

/// Five real files, where they are beside the project: groups and old headers, new headers with
/// checksums, plain HDF5, classic netCDF, a leading time dimension.
#[test]
fn damaged_copies_of_real_files() {
    let _alone = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    for name in [
        "pace/PACE_OCI.20250305T160933.L2.OC_AOP.V3_1.crop10x10.nc",
        "gpm/2A-RW-BRS.GPM.Ku.V6-20160118.20141206-S095002-E095137.004383.V04A.HDF5",
        "modis/MOD05_L2.A2019336.2325.061.2019337072403_stare.nc",
        "ascat/ascat_20150702_084200_metopa_45145_eps_o_250_2300_ovw.l2.nc",
        "tropomi/s5p_co_20190913_2x215.nc",
    ] {
        if let Ok(bytes) = std::fs::read(data.join(name)) {
            survive(name, bytes);
        }
    }
}

#[test]
fn one_line_one_pixel_and_none() {
    for (lines, pixels) in [(1, 5), (5, 1), (1, 1)] {
        let granule = Small::new(lines, pixels).granule();
        assert_eq!(granule.shape(), (lines as usize, pixels as usize));
        let expected: Vec<f32> = (0..lines * pixels).map(|i| i as f32).collect();
        assert_eq!(chlor_a(&granule), expected);
        assert!(granule.info().unwrap().extent.is_some());
    }
}

#[test]
fn latitude_and_longitude_of_different_shapes() {
    let small = Small::new(6, 5);
    let bytes = small.builder(4).to_vec(NETCDF4).unwrap().1;
    let message = open(bytes).unwrap_err().to_string();
    assert!(
        message.contains("latitude") && message.contains("(6, 5)") && message.contains("(6, 4)"),
        "{message}"
    );
}

#[test]
fn missing_geolocation_is_missing_and_the_rest_stays() {
    let mut small = Small::new(6, 5);
    small.latitude[10..15].fill(-32767.0);
    small.longitude[20] = f32::NAN;
    let granule = small.granule();
    let geolocation = granule.geolocation(0..6).unwrap();
    for i in 0..30 {
        assert_eq!(geolocation.latitude.get(i).is_nan(), (10..15).contains(&i));
        assert_eq!(geolocation.longitude.get(i).is_nan(), i == 20);
    }
    let extent = granule.info().unwrap().extent.unwrap();
    assert_eq!((extent.south, extent.north), (36.0, 36.049_999));

    small.latitude.fill(-32767.0);
    let info = small.granule().info().unwrap();
    assert!(info.extent.is_none());
    assert!(
        info.warnings
            .iter()
            .any(|w| w.contains("no pixel has a position"))
    );
}

#[test]
fn a_missing_variable_is_named_and_a_near_one_offered() {
    let granule = Small::new(6, 5).granule();
    let field = Field {
        name: "chlor".into(),
        variable: "chlor".into(),
        band: None,
        valid_range: None,
        exact: false,
    };
    let message = granule.values(&[&field], 0..1).unwrap_err().to_string();
    assert!(message.contains("chlor_a"), "{message}");
    // No geolocation group at all.
    let mut file = NcFileBuilder::new();
    let x = file.add_dimension("x", 3).unwrap();
    let id = file.add_variable::<f32>("v", &[x]).unwrap();
    file.write_variable(id, &[1.0f32, 2.0, 3.0]).unwrap();
    let bytes = file.to_vec(NETCDF4).unwrap().1;
    let message = open(bytes).unwrap_err().to_string();
    assert!(message.contains("latitude"), "{message}");
}

#[test]
fn files_that_are_no_data_are_named_for_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let page = write(
        "granule.nc",
        b"<!DOCTYPE html><html><body>Earthdata Login</body></html>",
    );
    let results = write("results.nc", b"{\"feed\": {\"entry\": []}}");
    let empty = write("empty.nc", b"");
    for (path, expected) in [
        (page.as_path(), "HTML page"),
        (&results, "JSON"),
        (&empty, "empty"),
        (folder.path(), "directory"),
        (&folder.path().join("missing.nc"), "No such file"),
    ] {
        let message = describe(path).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains('\n'), "{message}");
    }
    let small = write("small.nc", &Small::new(6, 5).bytes());
    assert!(matches!(describe(&small), Ok(Description::Swath(_))));
}
