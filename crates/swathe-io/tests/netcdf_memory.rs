//! What writing netCDF-4 and Zarr holds in memory: the pieces in flight, not the file. One test in one
//! process, because memory is counted for the whole of it.

use std::io::{self, Cursor, Seek, SeekFrom, Write};
use std::path::Path;

use peak_alloc::PeakAlloc;
use swathe_core::crs::Crs;
use swathe_core::geobox::{Axis, GeoBox};
use swathe_core::reduce::Tiling;
use swathe_io::dataset::DataType;
use swathe_io::error::Result;
use swathe_io::netcdf4::{
    FileDescription, NetCdf4Writer, Storage, VariableDescription, encode_chunk, grid,
};
use swathe_io::product::{
    Layer, LayerData, Product, Provenance, Statistic, TileOrder, TileSink, TimeStep, Times, feed,
    netcdf, zarr,
};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const MIB: usize = 1 << 20;

/// Counts bytes.
#[derive(Default)]
struct Nowhere(u64);

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Nowhere {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Ok(0)
    }
}

/// Most memory taken above what there was before.
fn peak_of(work: impl FnOnce()) -> usize {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    work();
    MEMORY.peak_usage() - before
}

#[test]
fn memory_is_bounded_and_bytes_do_not_depend_on_threads() {
    let streamed = peak_of(|| stream(256).unwrap());
    assert!(streamed < 6 * MIB, "{streamed} bytes for a file of 256 MiB");

    let product = in_memory(2048, 4096);
    let pool = |threads| {
        let built = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        built.unwrap()
    };
    for threads in [1, 2] {
        let pool = pool(threads);
        let peak = peak_of(|| {
            let mut sink = Nowhere::default();
            pool.install(|| netcdf::write(&product, &mut sink)).unwrap();
            assert!(sink.0 as usize > 8 * MIB);
        });
        // Of 96 MiB of layers.
        assert!(peak < (16 * threads + 8) * MIB, "{peak} bytes on {threads}");
    }
    let written = |threads| {
        let mut sink = Cursor::new(Vec::new());
        let done = pool(threads).install(|| netcdf::write(&product, &mut sink));
        done.unwrap();
        sink.into_inner()
    };
    assert!(written(1) == written(5));

    let store = |threads| {
        let folder = tempfile::tempdir().unwrap();
        let write = || zarr::write(&product, folder.path()).unwrap();
        let peak = peak_of(|| pool(threads).install(write));
        assert!(peak < (16 * threads + 8) * MIB, "{peak} bytes on {threads}");
        ["x", "x_std", "x_count"].map(|name| {
            // One shard of 2048 x 4096 cells.
            let shard = folder.path().join(name).join("c/0/0");
            std::fs::read(shard).unwrap()
        })
    };
    assert!(store(1) == store(5));

    // The planet at 4 km, 427 MiB of layers.
    let planet = Tiling::new(4320, 8640).unwrap();
    for threads in [1, 2] {
        let folder = tempfile::tempdir().unwrap();
        let peak = peak_of(|| {
            pool(threads)
                .install(|| by_tiles(planet, 4 * threads, folder.path()))
                .unwrap()
        });
        assert!(peak < (3 * threads + 3) * MIB, "{peak} bytes on {threads}");
    }
}

/// Writes a product in both formats, of which only the tiles of one batch are in memory.
fn by_tiles(tiling: Tiling, batch: usize, folder: &Path) -> Result<()> {
    let layers = [DataType::F32, DataType::F32, DataType::I32].map(LayerData::Tiled);
    let product = product(tiling.shape(), layers);
    let mut sinks: [Box<dyn TileSink>; 2] = [
        Box::new(netcdf::Tiles::create(&product, Nowhere::default())?),
        Box::new(zarr::Tiles::create(&product, folder)?),
    ];
    let mut order = TileOrder::new(&product)?;
    loop {
        let values = |(layer, step, tile)| {
            let cells = 0..tiling.tile_cells(tile);
            let values = match layer {
                2 => LayerData::I32(cells.map(|i| i as i32 % 7).collect()),
                _ => LayerData::F32(cells.map(|i| noise(i + tile)).collect()),
            };
            (layer, step, tile, values)
        };
        let batch: Vec<_> = order.by_ref().take(batch).map(values).collect();
        if batch.is_empty() {
            break;
        }
        feed(&mut sinks, batch)?;
    }
    for sink in sinks {
        sink.finish()?;
    }
    Ok(())
}

/// A file of so many chunks of one MiB.
fn stream(chunks: usize) -> Result<()> {
    let shape = vec![chunks * 64, 4096];
    let chunk = vec![64, 4096];
    let description = FileDescription {
        dimensions: vec![("y".into(), shape[0]), ("x".into(), shape[1])],
        attributes: vec![],
        variables: vec![VariableDescription {
            name: "v".into(),
            dims: vec![0, 1],
            dtype: DataType::F32,
            attributes: vec![],
            fill: None,
            storage: Storage::Chunked {
                shape: chunk.clone(),
                shuffle: true,
                deflate: Some(1),
            },
        }],
        ..FileDescription::default()
    };
    let mut file = NetCdf4Writer::create(Nowhere::default(), description)?;
    for number in 0..grid(&shape, &chunk).iter().product() {
        let values = vec![number as u8; MIB];
        let encoded = encode_chunk(values, 4, true, Some(1))?;
        file.write_chunk(0, number, &encoded)?;
    }
    file.finish()?;
    Ok(())
}

/// Multiplicative noise in all bits of the mantissa.
fn noise(i: usize) -> f32 {
    ((i as u32).wrapping_mul(2_654_435_761) >> 8) as f32 / 65_536.0
}

fn in_memory(rows: usize, columns: usize) -> Product {
    let values: Vec<f32> = (0..rows * columns).map(noise).collect();
    let counts = (0..rows * columns).map(|i| i as i32 % 7).collect();
    let layers = [
        LayerData::F32(values.clone()),
        LayerData::F32(values),
        LayerData::I32(counts),
    ];
    product((rows, columns), layers)
}

fn product((rows, columns): (usize, usize), layers: [LayerData; 3]) -> Product {
    let axis = |numerator, len| Axis {
        origin: 0.0,
        numerator,
        denominator: 1000.0,
        first: 0,
        len,
    };
    let [mean, spread, count] = layers;
    Product {
        geobox: GeoBox {
            crs: Crs::lonlat(),
            x: axis(1.0, columns),
            y: axis(-1.0, rows),
        },
        windows: Vec::new(),
        times: Times::Window(TimeStep {
            time: 0.0,
            start: -1.0,
            end: 1.0,
            granule: None,
        }),
        layers: vec![
            Statistic::Mean.layer("x", &vec![], mean, true),
            Statistic::StandardDeviation.layer("x", &vec![], spread, true),
            Layer {
                name: "x_count".into(),
                ..Statistic::Count.layer("x", &vec![], count, true)
            },
        ],
        granules: vec![],
        flags: vec![],
        provenance: Provenance {
            options: "swathe average".into(),
            digest: "00".into(),
            version: "0.1.0".into(),
            newest_input: None,
        },
        attributes: vec![],
    }
}
