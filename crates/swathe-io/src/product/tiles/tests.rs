use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use swathe_core::crs::Crs;
use swathe_core::geobox::{Axis, GeoBox};

use super::*;
use crate::product::{
    Layer, Statistic, TimeStep, Times, geotiff, layout::layout, netcdf, provenance, zarr,
};

/// A product of four types. The first layer has gaps, and zeros of both signs.
fn product((rows, columns): (usize, usize), steps: Option<usize>) -> Product {
    let axis = |numerator, len| Axis {
        origin: 0.0,
        numerator,
        denominator: 1000.0,
        first: 0,
        len,
    };
    let step = |i: usize| TimeStep {
        time: i as f64,
        start: i as f64,
        end: i as f64 + 1.0,
        granule: None,
    };
    let cells = rows * columns;
    let all = cells * steps.unwrap_or(1);
    let noise = |i: usize| (i as u32).wrapping_mul(2_654_435_761) >> 8;
    let singles = (0..all).map(|i| match noise(i) % 11 {
        0 => f32::NAN,
        1 => 0.0,
        2 => -0.0,
        _ => noise(i) as f32 / 1024.0,
    });
    let doubles = (0..all).map(|i| match noise(i) % 5 {
        0 => f64::NAN,
        _ => f64::from(noise(i)).sqrt(),
    });
    let layer = |statistic: Statistic, data, timed| statistic.layer("x", &vec![], data, timed);
    Product {
        geobox: GeoBox {
            crs: Crs::lonlat(),
            x: axis(1.0, columns),
            y: axis(-1.0, rows),
        },
        windows: Vec::new(),
        times: match steps {
            Some(steps) => Times::Series((0..steps).map(step).collect()),
            None => Times::Window(step(0)),
        },
        layers: vec![
            layer(Statistic::Mean, LayerData::F32(singles.collect()), true),
            layer(Statistic::Sum, LayerData::F64(doubles.collect()), true),
            // On no time axis, in a series too.
            layer(
                Statistic::Count,
                LayerData::I32((0..cells as i32).collect()),
                false,
            ),
            layer(
                Statistic::Granules,
                LayerData::I64((0..all as i64).map(|i| i << 31).collect()),
                true,
            ),
        ],
        granules: vec![],
        flags: vec![],
        provenance: provenance(),
        attributes: vec![],
    }
}

fn products() -> Vec<Product> {
    vec![
        product((300, 520), None),
        product((300, 520), Some(3)),
        product((20, 30), Some(2)),
        product((256, 512), None),
        // Two shards in a Zarr store.
        product((3, 17_000), None),
        product((0, 7), None),
    ]
}

/// The product without its values.
fn without_values(product: &Product) -> Product {
    let tiled = |layer: &Layer| Layer {
        data: LayerData::Tiled(layer.data.dtype()),
        ..layer.clone()
    };
    Product {
        layers: product.layers.iter().map(tiled).collect(),
        ..product.clone()
    }
}

/// A tile by its definition, cell by cell.
fn tile_of(product: &Product, layer: usize, step: usize, tile: usize) -> LayerData {
    let (height, width) = product.geobox.shape();
    let (rows, columns) = Tiling::new(height, width).unwrap().extent(tile);
    let at = |row: usize| {
        let columns = columns.clone();
        columns.map(move |column| (step * height + row) * width + column)
    };
    let cells: Vec<usize> = rows.flat_map(at).collect();
    match &product.layers[layer].data {
        LayerData::F32(v) => LayerData::F32(cells.into_iter().map(|i| v[i]).collect()),
        LayerData::F64(v) => LayerData::F64(cells.into_iter().map(|i| v[i]).collect()),
        LayerData::I32(v) => LayerData::I32(cells.into_iter().map(|i| v[i]).collect()),
        LayerData::I64(v) => LayerData::I64(cells.into_iter().map(|i| v[i]).collect()),
        LayerData::Tiled(_) => panic!("a product in memory"),
    }
}

fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let below = files(&path).into_iter();
            all.extend(below.map(|(name, bytes)| (path.join(name), bytes)));
        } else {
            all.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    let relative =
        |(path, bytes): (PathBuf, _)| (path.strip_prefix(directory).unwrap().to_owned(), bytes);
    all.into_iter().map(relative).collect()
}

fn written(product: &Product) -> (Vec<u8>, BTreeMap<PathBuf, Vec<u8>>) {
    let folder = tempfile::tempdir().unwrap();
    zarr::write(product, folder.path()).unwrap();
    let mut file = Cursor::new(Vec::new());
    netcdf::write(product, &mut file).unwrap();
    (file.into_inner(), files(folder.path()))
}

/// NaN is equal to itself.
fn same(a: &LayerData, b: &LayerData) -> bool {
    match (a, b) {
        (LayerData::F32(a), LayerData::F32(b)) => a
            .iter()
            .map(|x| x.to_bits())
            .eq(b.iter().map(|x| x.to_bits())),
        (LayerData::F64(a), LayerData::F64(b)) => a
            .iter()
            .map(|x| x.to_bits())
            .eq(b.iter().map(|x| x.to_bits())),
        _ => a == b,
    }
}

#[test]
fn tiles_come_step_by_step_and_layer_by_layer() {
    for product in products() {
        let (rows, columns) = product.geobox.shape();
        let mut expected = Vec::new();
        for step in 0..product.steps().len() {
            for tile in 0..rows.div_ceil(256) * columns.div_ceil(256) {
                for (i, layer) in product.layers.iter().enumerate() {
                    if step < product.maps(layer) {
                        expected.push((i, step, tile));
                    }
                }
            }
        }
        let order: Vec<_> = TileOrder::new(&product).unwrap().collect();
        assert_eq!(order, expected);
    }
}

#[test]
fn a_product_by_tiles_has_the_bytes_of_one_written_at_once() {
    for product in products() {
        let (file, store) = written(&product);
        let order: Vec<_> = TileOrder::new(&product).unwrap().collect();
        for (threads, sizes) in [(1, [1, 1, 1]), (2, [5, 1, 3]), (5, [2, 13, 1000])] {
            let folder = tempfile::tempdir().unwrap();
            let mut fed = Cursor::new(Vec::new());
            let tiled = without_values(&product);
            let mut memory = MemoryTiles::create(&tiled).unwrap();
            let mut sinks: Vec<Box<dyn TileSink + '_>> = vec![
                Box::new(netcdf::Tiles::create(&tiled, &mut fed).unwrap()),
                Box::new(zarr::Tiles::create(&tiled, folder.path()).unwrap()),
                Box::new(&mut memory),
            ];
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let pool = pool.build().unwrap();
            let mut rest = order.as_slice();
            for size in sizes.into_iter().cycle() {
                let (batch, later) = rest.split_at(size.min(rest.len()));
                rest = later;
                let values = |&(layer, step, tile): &(usize, usize, usize)| {
                    (layer, step, tile, tile_of(&product, layer, step, tile))
                };
                let batch = batch.iter().map(values).collect();
                pool.install(|| feed(&mut sinks, batch)).unwrap();
                if rest.is_empty() {
                    break;
                }
            }
            for sink in sinks {
                sink.finish().unwrap();
            }
            assert!(fed.into_inner() == file, "{threads}");
            assert!(files(folder.path()) == store, "{threads}");
            let collected = memory.into_product().unwrap();
            for (ours, theirs) in collected.layers.iter().zip(&product.layers) {
                assert!(same(&ours.data, &theirs.data), "{}", ours.name);
            }
            let strip = |p: &Product| without_values(p);
            assert_eq!(strip(&collected), strip(&product));
        }
    }
}

/// Ranges are folded in the order of putting; encoding may run far ahead, or twice.
#[test]
fn the_order_of_encoding_is_free() {
    let product = product((300, 520), Some(2));
    let (file, _) = written(&product);
    let mut fed = Cursor::new(Vec::new());
    let mut sink = netcdf::Tiles::create(&without_values(&product), &mut fed).unwrap();
    let order: Vec<_> = TileOrder::new(&product).unwrap().collect();
    let mut encoded = Vec::new();
    for &(layer, step, tile) in order.iter().rev().chain(&order[..5]) {
        let values = tile_of(&product, layer, step, tile);
        let bytes = sink.encode(layer, step, tile, &values).unwrap();
        encoded.push(((layer, step, tile), bytes));
    }
    let encoded: BTreeMap<_, _> = encoded.into_iter().collect();
    for key in order {
        sink.put(key.0, key.1, key.2, &encoded[&key]).unwrap();
    }
    Box::new(sink).finish().unwrap();
    assert!(fed.into_inner() == file);
}

#[test]
fn extremes_are_those_of_all_tiles() {
    let product = product((300, 520), Some(2));
    let LayerData::F32(values) = &product.layers[0].data else {
        panic!("single precision")
    };
    let there: Vec<f32> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    let mut sorted = there.clone();
    sorted.sort_by(f32::total_cmp);
    let range = product.layers[0].data.valid_range().unwrap();
    assert_eq!(range.count, there.len());
    assert_eq!(range.smallest.to_bits(), f64::from(sorted[0]).to_bits());
    assert_eq!(range.largest, f64::from(sorted[sorted.len() - 1]));

    let mut fed = Cursor::new(Vec::new());
    netcdf::write(&product, &mut fed).unwrap();
    let path = tempfile::tempdir().unwrap();
    let path = path.path().join("x.nc");
    std::fs::write(&path, fed.into_inner()).unwrap();
    let read = crate::dataset::Dataset::open(&path).unwrap();
    for (name, value) in range_attributes(Some(range)) {
        let found = read.root().attributes.iter().find(|(n, _)| *n == name);
        assert_eq!(found.unwrap().1, value, "{name}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let whole = product((300, 520), Some(2));
    let tiled = without_values(&whole);
    let folder = tempfile::tempdir().unwrap();
    let says = |result: Result<()>, words: &str| {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(words), "{message:?} not {words:?}");
    };
    let mut memory = MemoryTiles::create(&tiled).unwrap();
    let sinks: [Box<dyn TileSink + '_>; 3] = [
        Box::new(netcdf::Tiles::create(&tiled, Cursor::new(Vec::new())).unwrap()),
        Box::new(zarr::Tiles::create(&tiled, folder.path()).unwrap()),
        Box::new(&mut memory),
    ];
    for mut sink in sinks {
        let encode = |layer, step, tile, values: &LayerData| {
            sink.encode(layer, step, tile, values).map(|_| ())
        };
        let first = tile_of(&whole, 0, 0, 0);
        says(encode(9, 0, 0, &first), "no layer 9");
        says(encode(0, 2, 0, &first), "no tile 0 at step 2");
        says(encode(2, 1, 0, &first), "no tile 0 at step 1");
        says(encode(0, 0, 6, &first), "no tile 6");
        says(encode(0, 0, 2, &first), "65536 values for 2048 cells");
        says(encode(1, 0, 0, &first), "of F64, tile 0 has F32");
        says(
            encode(0, 0, 0, &LayerData::Tiled(DataType::F32)),
            "0 values",
        );

        let bytes = sink.encode(0, 0, 0, &first).unwrap();
        says(
            sink.put(1, 0, 0, &bytes),
            "tile 0 of layer 0 at step 0 is next",
        );
        sink.put(0, 0, 0, &bytes).unwrap();
        says(
            sink.put(0, 0, 0, &bytes),
            "tile 0 of layer 1 at step 0 is next",
        );
        says(sink.finish(), "\"x_sum\" at step 0 was not put");
    }
    says(memory.into_product().map(|_| ()), "was not put");

    let words = "\"x\" are not in memory";
    says(netcdf::write(&tiled, &mut Cursor::new(Vec::new())), words);
    says(zarr::write(&tiled, folder.path()), words);
    says(geotiff::write(&tiled, &mut Vec::new()), words);

    let mut text = tiled;
    text.layers[0].data = LayerData::Tiled(DataType::Text);
    says(layout(&text).map(|_| ()), "\"x\" is of type Text");
}

#[test]
fn a_main_tile_that_was_not_encoded_is_refused() {
    let whole = product((20, 30), None);
    let mut sink = netcdf::Tiles::create(&whole, Cursor::new(Vec::new())).unwrap();
    let message = sink.put(0, 0, 0, &[]).unwrap_err().to_string();
    assert!(message.contains("was not encoded"), "{message}");
}

/// Tiles of a product, encoded on their own from the last to the first.
fn encoded(product: &Product, wanted: impl Fn(usize) -> bool) -> zarr::EncodedTiles {
    encoded_as(product, zarr::Missing::Fill, wanted)
}

fn encoded_as(
    product: &Product,
    missing: zarr::Missing,
    wanted: impl Fn(usize) -> bool,
) -> zarr::EncodedTiles {
    let mut encoder = zarr::Encoder::new(product, missing).unwrap();
    let mut sink: Box<dyn TileSink + '_> = Box::new(&mut encoder);
    let mut order: Vec<_> = TileOrder::new(product).unwrap().collect();
    order.reverse();
    for (layer, step, tile) in order.into_iter().filter(|place| wanted(place.2)) {
        let values = tile_of(product, layer, step, tile);
        let bytes = sink.encode(layer, step, tile, &values).unwrap();
        sink.put(layer, step, tile, &bytes).unwrap();
    }
    sink.finish().unwrap();
    encoder.into_tiles()
}

#[test]
fn several_writers_of_a_store_leave_the_bytes_of_one() {
    let shards = product((3, 17_000), Some(2));
    for product in products().into_iter().chain([shards]) {
        let (rows, columns) = product.geobox.shape();
        let tiling = Tiling::new(rows, columns).unwrap();
        let across = columns.div_ceil(256);
        // Files of a map: for each, which of its tiles come from one writer and which from another.
        let (_, width) = zarr::tiles_of_a_file(&tiling);
        assert_eq!(width, if across > 64 { 16 } else { 1 });
        let folder = tempfile::tempdir().unwrap();
        // Left by a writer that was killed.
        std::fs::create_dir(folder.path().join(".writer-dead")).unwrap();
        let mut range = None;
        // A writer may do again what is done.
        for time in 0..2 {
            for file in 0..across.div_ceil(width) {
                let of_file = |tile: usize| tile % across / width == file;
                let parts = [1, 0].map(|odd| encoded(&product, |t| of_file(t) && t % 2 == odd));
                let own = zarr::write_tiles(&product, folder.path(), parts.into()).unwrap();
                if time == 0 {
                    range = ValidRange::join(range, own);
                }
            }
        }
        zarr::complete(&product, folder.path(), range).unwrap();
        let (_, whole) = written(&product);
        assert!(files(folder.path()) == whole);
    }
}

#[test]
fn encoded_tiles_come_back_to_the_bit() {
    let bits = |data: &LayerData| match data {
        LayerData::F32(v) => v.iter().map(|x| u64::from(x.to_bits())).collect(),
        LayerData::F64(v) => v.iter().map(|x| x.to_bits()).collect(),
        LayerData::I32(v) => v.iter().map(|x| *x as u64).collect(),
        LayerData::I64(v) => v.iter().map(|x| *x as u64).collect(),
        LayerData::Tiled(_) => Vec::new(),
    };
    for mut product in products() {
        if let LayerData::F32(v) = &mut product.layers[0].data {
            v.first_mut()
                .into_iter()
                .for_each(|v| *v = f32::from(crate::product::FILL));
        }
        // All alike.
        if let LayerData::I32(v) = &mut product.layers[2].data {
            v.fill(7);
        }
        let (rows, columns) = product.geobox.shape();
        let tiling = Tiling::new(rows, columns).unwrap();
        for missing in [zarr::Missing::Nan, zarr::Missing::Fill] {
            for encoded in encoded_as(&product, missing, |_| true).tiles {
                let (layer, tile) = (encoded.layer as usize, encoded.tile as usize);
                let dtype = product.layers[layer].data.dtype();
                let decode =
                    |bytes: &[u8]| zarr::decode_tile(bytes, &dtype, &tiling, tile, missing);
                let mut values = tile_of(&product, layer, encoded.step as usize, tile);
                // As files have it, the fill value is none.
                if let (zarr::Missing::Fill, LayerData::F32(v)) = (missing, &mut values) {
                    let fill = f32::from(crate::product::FILL);
                    v.iter_mut()
                        .filter(|v| **v == fill)
                        .for_each(|v| *v = f32::NAN);
                }
                let back: Vec<u64> = bits(&decode(&encoded.bytes).unwrap());
                assert_eq!(back, bits(&values));
                assert!(decode(&encoded.bytes[..encoded.bytes.len() - 1]).is_err());
                assert!(decode(&[]).is_err());
            }
        }
    }
}

#[test]
fn what_is_not_all_of_a_store_is_refused() {
    let shards = product((3, 17_000), None);
    let folder = tempfile::tempdir().unwrap();
    let some = encoded(&shards, |tile| tile == 3);
    let lacks = zarr::write_tiles(&shards, folder.path(), vec![some]).unwrap_err();
    assert!(lacks.to_string().contains("lacks 15 chunks"), "{lacks}");

    let (large, small) = (product((300, 520), None), product((300, 200), None));
    let wrong = zarr::write_tiles(&small, folder.path(), vec![encoded(&large, |t| t == 5)]);
    assert!(wrong.unwrap_err().to_string().contains("another product"));
    assert!(files(folder.path()).is_empty());
    let some = encoded(&large, |tile| tile != 3);
    zarr::write_tiles(&large, folder.path(), vec![some]).unwrap();
    let missing = zarr::complete(&large, folder.path(), None)
        .unwrap_err()
        .to_string();
    assert!(missing.contains("c/1/0 was not written"), "{missing}");
}
