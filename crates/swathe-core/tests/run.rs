//! A run over granules in memory: whatever the blocks, threads and areas, the same states.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
use std::ops::Range;
use std::sync::Mutex;
use swathe_core::build_geobox::Resolution;
use swathe_core::crs::Crs;
use swathe_core::geobox::GeoBox;
use swathe_core::mask::{FlagMask, FlagSelection, FlagTable};
use swathe_core::reduce::{
    Blank, Composite, Reduction, Statistic, Summation, TilePart, Tiling, Weight,
};
use swathe_core::resample::{Grid, Method};
use swathe_core::run::{FieldRecipe, Recipe, TileRegions, Turn, lines_near};
use swathe_core::source::{
    Coordinates, Field, GeolocationArray, LineExtent, SourceError, SwathSource, Values,
};

const LAND: u32 = 2;

/// A slanted swath of regular pixels, 0.01 degrees apart, that notes which lines are read.
struct Memory {
    lines: usize,
    pixels: usize,
    /// Lines of a storage chunk, of variables whose names start with b, and of the others.
    blocks: [usize; 2],
    extents: bool,
    read: Mutex<Vec<(String, Range<usize>)>>,
}

impl Memory {
    fn new(lines: usize, pixels: usize, block: usize, extents: bool) -> Self {
        Memory {
            lines,
            pixels,
            blocks: [block; 2],
            extents,
            read: Mutex::default(),
        }
    }

    fn note(&self, what: &str, lines: &Range<usize>) {
        let mut read = self.read.lock().unwrap();
        read.push((what.to_owned(), lines.clone()));
    }

    fn position(&self, line: usize, pixel: usize) -> (f64, f64) {
        let (y, x) = (line as f64 * 0.01, pixel as f64 * 0.01);
        // Off the edges of cells, so that rounding decides nothing.
        (-75.0037 + x - 0.2 * y, 36.0019 + y + 0.2 * x)
    }

    fn value(&self, line: usize, pixel: usize, band: usize) -> f32 {
        let i = line * self.pixels + pixel;
        if i % (11 + band) == 3 {
            return f32::NAN;
        }
        ((i * 2_654_435_761) % 1000) as f32 / 100.0 + 0.01 + band as f32
    }
}

impl SwathSource for Memory {
    fn name(&self) -> &str {
        "memory"
    }

    fn shape(&self) -> (usize, usize) {
        (self.lines, self.pixels)
    }

    fn line_extents(&self) -> Result<Option<Vec<LineExtent>>, SourceError> {
        let at = |line, pixel| {
            let (lon, lat) = self.position(line, pixel);
            (lon as f32, lat as f32)
        };
        Ok(self.extents.then(|| {
            (0..self.lines)
                .map(|line| LineExtent {
                    start: at(line, 0),
                    centre: at(line, self.pixels / 2),
                    end: at(line, self.pixels - 1),
                })
                .collect()
        }))
    }

    fn stored_lines(&self, field: Option<&Field>) -> usize {
        let first = field.is_some_and(|field| field.variable.starts_with('b'));
        self.blocks[usize::from(!first)]
    }

    fn geolocation(&self, lines: Range<usize>) -> Result<GeolocationArray, SourceError> {
        let all = lines
            .clone()
            .flat_map(|l| (0..self.pixels).map(move |p| (l, p)));
        let (lon, lat) = all.map(|(l, p)| self.position(l, p)).unzip();
        Ok(GeolocationArray {
            lines,
            pixels: self.pixels,
            latitude: Coordinates::F64(lat),
            longitude: Coordinates::F64(lon),
        })
    }

    fn values(&self, fields: &[&Field], lines: Range<usize>) -> Result<Vec<Values>, SourceError> {
        self.note(&fields[0].variable, &lines);
        assert!(fields.iter().all(|f| f.variable == fields[0].variable));
        let all = lines.flat_map(|l| (0..self.pixels).map(move |p| (l, p)));
        let values = fields.iter().map(|field| {
            if field.variable == "broken" {
                return Err("the chunk is damaged".into());
            }
            let band = field.band.unwrap_or(0);
            let values = all.clone().map(|(l, p)| self.value(l, p, band));
            Ok(Values::F32(values.collect()))
        });
        values.collect()
    }

    fn flags(&self, lines: Range<usize>) -> Result<Vec<u32>, SourceError> {
        self.note("flags", &lines);
        let all = lines.flat_map(|l| (0..self.pixels).map(move |p| l * self.pixels + p));
        Ok(all.map(|i| if i % 5 == 0 { LAND } else { 1 }).collect())
    }
}

fn field(variable: &str, band: Option<usize>, method: Method) -> FieldRecipe {
    FieldRecipe {
        field: Field {
            name: format!("{variable}_{}", band.unwrap_or(0)),
            variable: variable.into(),
            band,
            valid_range: None,
            exact: false,
        },
        reduction: Reduction {
            statistics: vec![Statistic::Mean, Statistic::Std, Statistic::Coverage],
            weight: Weight::Observation,
            shares: method == Method::Footprint,
            summation: Summation::for_range(Some((0.0, 20.0))),
            blank: Blank::default(),
            scheme: Default::default(),
        },
        criterion: None,
        uncertainty: None,
    }
}

fn land() -> FlagMask {
    let table = FlagTable::new([("LAND".to_owned(), LAND)]);
    "LAND"
        .parse::<FlagSelection>()
        .unwrap()
        .resolve(&table)
        .unwrap()
}

fn grid(bbox: (f64, f64, f64, f64), resolution: f64) -> (Grid, Tiling) {
    let geobox = GeoBox::from_bbox(Crs::lonlat(), bbox, Resolution::Units(resolution)).unwrap();
    let (rows, columns) = geobox.shape();
    (Grid::new(geobox), Tiling::new(rows, columns).unwrap())
}

/// All of a grid at once.
fn recipe<'a>(
    grid: &'a Grid,
    tiling: Tiling,
    method: Method,
    fields: &'a [FieldRecipe],
    mask: &'a FlagMask,
) -> Recipe<'a> {
    Recipe {
        grid,
        tiling,
        method,
        fields,
        mask,
        joint: false,
        turn: None,
    }
}

const AREA: (f64, f64, f64, f64) = (-74.7, 36.4, -74.3, 36.8);

/// Layers of all fields, as bits.
fn layers(source: &Memory, fields: &[FieldRecipe], method: Method, threads: usize) -> Vec<u64> {
    let (grid, tiling) = grid(AREA, 0.013);
    let mask = land();
    let recipe = recipe(&grid, tiling, method, fields, &mask);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    let applied = pool.install(|| recipe.apply(source)).unwrap().unwrap();
    assert!(applied.touched && applied.found);
    let mut bits = Vec::new();
    for (field, parts) in fields.iter().zip(&applied.parts) {
        let mut composite = Composite::new(tiling, field.reduction.clone());
        combine(&mut composite, parts);
        bits.extend(composite.counts());
        for statistic in [Statistic::Mean, Statistic::Std, Statistic::Coverage] {
            let values = composite.values(statistic).unwrap();
            bits.extend(values.into_iter().map(f64::to_bits));
        }
    }
    for report in applied.flags {
        bits.extend([report.valid(), report.removed()]);
    }
    bits
}

fn combine(composite: &mut Composite, parts: &[(usize, TilePart)]) {
    for (tile, part) in parts {
        composite.combine(*tile, part, 0).unwrap();
    }
}

#[test]
fn blocks_threads_and_extents_do_not_show() {
    for method in Method::ALL {
        let fields = [field("chl", None, method)];
        let expected = layers(&Memory::new(150, 130, 150, false), &fields, method, 1);
        assert!(expected.iter().any(|bits| *bits != 0));
        for (block, extents, threads) in
            [(1, false, 2), (7, true, 1), (32, true, 3), (64, false, 2)]
        {
            let source = Memory::new(150, 130, block, extents);
            assert_eq!(
                layers(&source, &fields, method, threads),
                expected,
                "{method:?}"
            );
        }
    }
}

#[test]
fn nothing_is_decoded_twice_whatever_the_chunks() {
    for method in Method::ALL {
        let mut fields: Vec<FieldRecipe> = (0..5)
            .map(|band| field("bands", Some(band), method))
            .collect();
        fields.push(field("chl", None, method));
        let expected = layers(&Memory::new(150, 130, 150, false), &fields, method, 1);
        for blocks in [[4, 32], [32, 4], [6, 10], [1, 1], [49, 50], [7, 64]] {
            let source = Memory {
                blocks,
                ..Memory::new(150, 130, 1, true)
            };
            assert_eq!(layers(&source, &fields, method, 3), expected, "{method:?}");
            let read = source.read.lock().unwrap();
            for (what, chunk) in [
                ("bands", blocks[0]),
                ("chl", blocks[1]),
                ("flags", blocks[1]),
            ] {
                let reads = read.iter().filter(|(variable, _)| variable == what);
                let mut chunks: Vec<usize> = reads
                    .flat_map(|(_, lines)| lines.start / chunk..lines.end.div_ceil(chunk))
                    .collect();
                let count = chunks.len();
                chunks.sort_unstable();
                chunks.dedup();
                assert!(count > 0);
                assert_eq!(chunks.len(), count, "{method:?} {blocks:?} {what}");
            }
        }
    }
}

#[test]
fn a_cell_holds_what_brute_force_finds() {
    let source = Memory::new(150, 130, 16, true);
    let fields = [field("chl", None, Method::Bin)];
    let (grid, tiling) = grid(AREA, 0.05);
    let mask = land();
    let recipe = recipe(&grid, tiling, Method::Bin, &fields, &mask);
    let applied = recipe.apply(&source).unwrap().unwrap();
    let mut composite = Composite::new(tiling, fields[0].reduction.clone());
    combine(&mut composite, &applied.parts[0]);
    let geobox = grid.target().geobox().unwrap();
    let (rows, columns) = geobox.shape();
    let (mut sums, mut counts) = (vec![0.0; rows * columns], vec![0u64; rows * columns]);
    let (mut valid, mut removed) = (0, 0);
    for line in 0..150 {
        for pixel in 0..130 {
            let (lon, lat) = source.position(line, pixel);
            let (x, y) = (
                geobox.x.position(lon).floor(),
                geobox.y.position(lat).floor(),
            );
            if x < 0.0 || y < 0.0 || x >= columns as f64 || y >= rows as f64 {
                continue;
            }
            let value = source.value(line, pixel, 0);
            if value.is_nan() {
                continue;
            }
            valid += 1;
            if (line * 130 + pixel) % 5 == 0 {
                removed += 1;
                continue;
            }
            sums[y as usize * columns + x as usize] += f64::from(value);
            counts[y as usize * columns + x as usize] += 1;
        }
    }
    assert_eq!(composite.counts(), counts);
    assert_eq!(
        (applied.flags[0].valid(), applied.flags[0].removed()),
        (valid, removed)
    );
    for (mean, (sum, count)) in composite
        .values(Statistic::Mean)
        .unwrap()
        .into_iter()
        .zip(sums.into_iter().zip(counts))
    {
        let expected: f64 = sum / count as f64;
        assert!(
            mean.is_nan() && count == 0 || (mean - expected).abs() < 1e-12,
            "{mean} {expected}"
        );
    }
}

#[test]
fn bands_of_a_variable_share_one_mask_and_variables_do_not() {
    let source = Memory::new(150, 130, 16, true);
    let counts = |fields: &[FieldRecipe]| -> Vec<Vec<u64>> {
        let (grid, tiling) = grid(AREA, 0.05);
        let mask = FlagMask::default();
        let recipe = recipe(&grid, tiling, Method::Bin, fields, &mask);
        let parts = recipe.apply(&source).unwrap().unwrap().parts;
        let fields = fields.iter().zip(&parts);
        fields
            .map(|(field, parts)| {
                let mut composite = Composite::new(tiling, field.reduction.clone());
                combine(&mut composite, parts);
                composite.counts()
            })
            .collect()
    };
    let bin = |variable, band| field(variable, band, Method::Bin);
    let apart = counts(&[bin("a", Some(0)), bin("b", Some(1))]);
    assert_ne!(apart[0], apart[1]);
    let together = counts(&[bin("a", Some(0)), bin("a", Some(1))]);
    assert_eq!(together[0], together[1]);
    assert!(together[0].iter().zip(&apart[0]).all(|(t, a)| t <= a));
    assert_ne!(together[0], apart[0]);
}

#[test]
fn only_lines_near_the_area_are_read() {
    let source = Memory::new(2000, 130, 50, true);
    let (grid, _) = grid(AREA, 0.01);
    let near = lines_near(&source, &grid.region()).unwrap().unwrap();
    let meets = |line: usize| {
        (0..130).any(|pixel| {
            let (lon, lat) = source.position(line, pixel);
            grid.region().contains(lon, lat)
        })
    };
    let first = (0..2000).find(|&l| meets(l)).unwrap();
    let last = (0..2000).rev().find(|&l| meets(l)).unwrap();
    assert!(
        near.start <= first && near.end > last,
        "{near:?} {first} {last}"
    );
    assert!(
        near.start + 60 > first && near.end < last + 60,
        "{near:?} {first} {last}"
    );
    layers(
        &source,
        &[field("chl", None, Method::Nearest)],
        Method::Nearest,
        2,
    );
    for (_, lines) in source.read.lock().unwrap().iter() {
        assert!(
            lines.start / 50 + 1 >= first / 50 && lines.end <= last + 52,
            "{lines:?}"
        );
    }
}

#[test]
fn far_away_nothing_is_read() {
    let source = Memory::new(150, 130, 16, true);
    let (grid, tiling) = grid((10.0, 10.0, 11.0, 11.0), 0.1);
    assert_eq!(lines_near(&source, &grid.region()).unwrap(), None);
    let fields = [field("chl", None, Method::Footprint)];
    let mask = FlagMask::default();
    let recipe = recipe(&grid, tiling, Method::Footprint, &fields, &mask);
    assert!(recipe.apply(&source).unwrap().is_none());
    assert!(source.read.lock().unwrap().is_empty());
    for (lines, pixels) in [(0, 130), (10, 0)] {
        assert!(
            recipe
                .apply(&Memory::new(lines, pixels, 1, false))
                .unwrap()
                .is_none()
        );
    }
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let source = Memory::new(150, 130, 16, false);
    let (grid, tiling) = grid(AREA, 0.05);
    let fields = [field("broken", None, Method::Bin)];
    let mask = FlagMask::default();
    let recipe = recipe(&grid, tiling, Method::Bin, &fields, &mask);
    let error = recipe.apply(&source).unwrap_err();
    assert_eq!(error.to_string(), "the chunk is damaged");
}

/// All that a granule gives to is among the tiles that were foretold, and few others are.
#[test]
fn tiles_are_foretold_from_extents() {
    let source = Memory::new(150, 130, 16, true);
    let area = (-76.5, 35.5, -73.0, 38.5);
    let (grid, tiling) = grid(area, 0.001);
    let regions = TileRegions::new(grid.target(), &tiling);
    let near = regions.near(&source).unwrap();
    assert!(
        near.is_sorted() && near.len() < tiling.tiles() / 2,
        "{near:?}"
    );
    let mask = FlagMask::default();
    for method in Method::ALL {
        let fields = [field("b", None, method)];
        let recipe = recipe(&grid, tiling, method, &fields, &mask);
        let applied = recipe.apply(&source).unwrap().unwrap();
        let given: Vec<usize> = applied.parts[0].iter().map(|(tile, _)| *tile).collect();
        assert!(given.len() > 20);
        assert!(given.iter().all(|tile| near.contains(tile)), "{given:?}");
    }
    // By brute force: a tile that is foretold has a pixel within 0.2 degrees: ten pixels and what the search adds.
    let geobox = grid.target().geobox().unwrap();
    for tile in near {
        let (rows, columns) = tiling.extent(tile);
        let (west, east) = (
            geobox.x.at(columns.start as f64),
            geobox.x.at(columns.end as f64),
        );
        let (north, south) = (geobox.y.at(rows.start as f64), geobox.y.at(rows.end as f64));
        let close = (0..150)
            .flat_map(|l| (0..130).map(move |p| (l, p)))
            .any(|(l, p)| {
                let (lon, lat) = source.position(l, p);
                lon > west - 0.2 && lon < east + 0.2 && lat > south - 0.2 && lat < north + 0.2
            });
        assert!(close, "{tile}");
    }
    // Nothing is known without extents; nothing is there without pixels.
    let silent = Memory::new(150, 130, 16, false);
    assert_eq!(regions.near(&silent).unwrap().len(), tiling.tiles());
    assert!(
        regions
            .near(&Memory::new(0, 130, 16, true))
            .unwrap()
            .is_empty()
    );
    assert!(
        source
            .read
            .lock()
            .unwrap()
            .iter()
            .all(|(what, _)| what == "b")
    );
}

#[test]
fn turns_over_all_tiles_give_the_same_as_at_once() {
    // Blocks have 128 lines at least: an area that needs several of them.
    let (grid, tiling) = grid((-75.6, 36.4, -74.6, 40.4), 0.0025);
    let tiles = tiling.tiles();
    assert!(tiles >= 14);
    let mask = land();
    for method in Method::ALL {
        for (extents, block) in [(true, 16), (false, 16), (true, 600)] {
            let source = Memory::new(600, 130, block, extents);
            let fields = [field("chl", None, method)];
            let recipe = recipe(&grid, tiling, method, &fields, &mask);
            let at_once = recipe.apply(&source).unwrap().unwrap();
            let regions = TileRegions::new(grid.target(), &tiling);
            let near = regions.lines_near(&source).unwrap();
            let sorted = |parts: Vec<(usize, TilePart)>| -> Vec<(usize, TilePart)> {
                let parts = parts.into_iter();
                let mut parts: Vec<_> = parts.map(|(t, part)| (t, part.sorted())).collect();
                parts.sort_by_key(|(tile, _)| *tile);
                parts
            };
            let expected = sorted(at_once.parts[0].clone());
            let mut given = Vec::new();
            for (number, first) in (0..tiles).step_by(3).enumerate() {
                let tiles = first..(first + 3).min(tiles);
                let lines = near.iter().filter(|(tile, _)| tiles.contains(tile));
                let lines = lines.map(|(_, lines)| lines.clone());
                let hull = lines.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
                let turn = Turn {
                    tiles: tiles.clone(),
                    lines: hull.unwrap_or(0..0),
                    tells: number == 0,
                };
                let turned = Recipe {
                    turn: Some(&turn),
                    ..recipe
                };
                let applied = turned.apply(&source).unwrap().unwrap();
                assert!(
                    applied.parts[0]
                        .iter()
                        .all(|(tile, _)| tiles.contains(tile))
                );
                if number == 0 {
                    assert_eq!(applied.flags[0].removed(), at_once.flags[0].removed());
                    assert_eq!(applied.flags[0].valid(), at_once.flags[0].valid());
                    assert_eq!(applied.geometry, at_once.geometry);
                    assert!(applied.found);
                }
                given.extend(applied.parts.into_iter().next().unwrap());
            }
            assert_eq!(sorted(given), expected, "{method:?} {extents} {block}");
        }
    }
}
