//! Geometry against brute force on synthetic swaths: everything is tried, nothing is searched.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
use std::collections::{BTreeMap, BTreeSet};
use swathe_core::build_geobox::Resolution;
use swathe_core::crs::Crs;
use swathe_core::geobox::GeoBox;
use swathe_core::isin::Isin;
use swathe_core::resample::{
    BlockEntries, Cuts, Entries, EntryKind, Gives, Grid, Method, locate, locate_blocks,
};
use swathe_core::source::{Coordinates, GeolocationArray};
use swathe_core::sphere::{Vec3, add, chord2, cross, lonlat, normalize, scale, sub, unit_vector};
use swathe_core::swath::{Block, Quad, Spacing};
use swathe_core::target::Target;

/// A scanner on a great circle: `lines` x `pixels`, pixels growing toward the ends of the line.
fn swath(
    start: (f64, f64),
    heading: f64,
    lines: usize,
    pixels: usize,
    step_km: f64,
) -> GeolocationArray {
    scanner(start, heading, lines, pixels, step_km, 1)
}

/// A scanner of several lines a scan; the scans overlap toward their ends, as MODIS's do.
fn scanner(
    (lon, lat): (f64, f64),
    heading: f64,
    lines: usize,
    pixels: usize,
    step_km: f64,
    lines_per_scan: usize,
) -> GeolocationArray {
    let at = unit_vector(lon, lat);
    let east = normalize([-at[1], at[0], 0.0]);
    let north = normalize(sub([0.0, 0.0, 1.0], scale(at, at[2])));
    let (sine, cosine) = heading.to_radians().sin_cos();
    let along = normalize(add(scale(north, cosine), scale(east, sine)));
    let side = normalize(cross(at, along));
    let step = step_km / 6371.0;
    let (mut latitude, mut longitude) = (Vec::new(), Vec::new());
    for line in 0..lines {
        for pixel in 0..pixels {
            let view = (pixel as f64 / (pixels.max(2) - 1) as f64 - 0.5) * 1.9;
            // Distance across grows faster than the angle, and so does the scan's extent along.
            let across = pixels as f64 * step * (view + 0.5 * view.powi(3)) / 1.9;
            let scan = line / lines_per_scan;
            let inside = (line % lines_per_scan) as f64 - 0.5 * (lines_per_scan - 1) as f64;
            let growth = if lines_per_scan == 1 {
                1.0
            } else {
                1.0 + view * view
            };
            let forward = step * ((scan * lines_per_scan) as f64 + inside * growth);
            let (sf, cf) = forward.sin_cos();
            let under = add(scale(at, cf), scale(along, sf));
            let (sa, ca) = across.sin_cos();
            let (lon, lat) = lonlat(add(scale(under, ca), scale(side, sa)));
            latitude.push(lat);
            longitude.push(lon);
        }
    }
    GeolocationArray {
        lines: 0..lines,
        pixels,
        latitude: Coordinates::F64(latitude),
        longitude: Coordinates::F64(longitude),
    }
}

fn centre(g: &GeolocationArray, i: usize) -> Option<Vec3> {
    let (lon, lat) = (g.longitude.get(i), g.latitude.get(i));
    ((-90.0..=90.0).contains(&lat) && (-180.0..=360.0).contains(&lon))
        .then(|| unit_vector(lon, lat))
}

fn cell_centre(geobox: &GeoBox, cell: usize) -> Option<Vec3> {
    let (row, column) = (cell / geobox.x.len, cell % geobox.x.len);
    let (x, y) = (geobox.x.centre(column), geobox.y.centre(row));
    let (lon, lat) = geobox.crs.inverse(x, y)?;
    let (back_x, back_y) = geobox.crs.forward(lon, lat)?;
    let there =
        (back_x - x).abs() < 1e-3 * geobox.x.step() && (back_y - y).abs() < 1e-3 * geobox.x.step();
    (there && lat.abs() <= 90.0).then(|| unit_vector(lon, lat))
}

/// Compares `nearest` with all pixels and all footprints tried for every cell.
fn check_nearest(g: &GeolocationArray, geobox: GeoBox) -> usize {
    let count = g.latitude.len();
    let centres: Vec<Option<Vec3>> = (0..count).map(|i| centre(g, i)).collect();
    let spacing = Spacing::new(g, 0..g.pixels);
    let block = Block::new(g, &spacing, g.lines.clone(), 0..g.pixels);
    let footprints: Vec<(Vec3, f64, Quad)> = (0..count)
        .filter_map(|i| {
            let quad = Quad::new(block.footprint_corners(i / g.pixels, i % g.pixels)?)?;
            Some((centres[i]?, quad.radius2(centres[i]?), quad))
        })
        .collect();
    let grid = Grid::new(geobox);
    let (entries, _) = locate(g, &grid, Method::Nearest, 16);
    let mut got = vec![None; grid.target().geobox().unwrap().cells()];
    for entry in entries {
        let EntryKind::Contributions(contributions) = entry.kind else {
            panic!("contributions")
        };
        for c in contributions {
            assert!(entry.lines.contains(&(c.pixel as usize / g.pixels)));
            assert!(
                got[c.cell as usize].replace(c.pixel as usize).is_none(),
                "cell twice"
            );
        }
    }
    let mut filled = 0;
    for (cell, got) in got.iter().enumerate() {
        let Some(x) = cell_centre(grid.target().geobox().unwrap(), cell) else {
            assert!(got.is_none());
            continue;
        };
        let covered = footprints
            .iter()
            .any(|(c, r2, quad)| chord2(*c, x) <= r2 * 1.000_001 && quad.contains(x));
        assert_eq!(
            got.is_some(),
            covered,
            "cell {cell} of {:?}",
            grid.target().geobox().unwrap().crs
        );
        if let Some(pixel) = got {
            let best = centres
                .iter()
                .flatten()
                .map(|c| chord2(*c, x))
                .fold(f64::INFINITY, f64::min);
            let mine = chord2(centres[*pixel].unwrap(), x);
            assert!((mine.sqrt() - best.sqrt()).abs() < 1e-9, "cell {cell}");
            filled += 1;
        }
    }
    filled
}

fn lonlat_box(bbox: (f64, f64, f64, f64), degrees: f64) -> GeoBox {
    GeoBox::from_bbox(Crs::lonlat(), bbox, Resolution::Degrees(degrees)).unwrap()
}

#[test]
fn nearest_is_nearest() {
    let g = swath((-76.0, 36.0), -12.0, 90, 70, 4.0);
    assert!(check_nearest(&g, lonlat_box((-79.0, 35.0, -73.0, 40.0), 0.05)) > 3000);
    // Cells larger and smaller than the pixels, a box that cuts the swath.
    assert!(check_nearest(&g, lonlat_box((-79.0, 35.0, -73.0, 40.0), 0.5)) > 20);
    assert!(check_nearest(&g, lonlat_box((-76.3, 37.0, -75.9, 37.3), 0.01)) > 1000);
}

#[test]
fn nearest_across_180_and_in_0_to_360() {
    let mut g = swath((179.5, -20.0), 170.0, 60, 80, 5.0);
    let bbox = (177.0, -23.5, -177.0, -19.0);
    let filled = check_nearest(&g, lonlat_box(bbox, 0.06));
    assert!(filled > 2000);
    if let Coordinates::F64(lon) = &mut g.longitude {
        lon.iter_mut().for_each(|lon| *lon = lon.rem_euclid(360.0));
    }
    assert_eq!(check_nearest(&g, lonlat_box(bbox, 0.06)), filled);
    assert!(check_nearest(&g, lonlat_box((-180.0, -30.0, 180.0, -10.0), 0.5)) > 30);
}

#[test]
fn nearest_at_the_poles() {
    for (lat, heading) in [(88.5, 10.0), (-88.5, 170.0)] {
        let g = swath((40.0, lat), heading, 100, 60, 5.0);
        let (south, north) = if lat > 0.0 {
            (86.0, 90.0)
        } else {
            (-90.0, -86.0)
        };
        assert!(check_nearest(&g, lonlat_box((-180.0, south, 180.0, north), 1.0)) > 100);
        let crs = Crs::parse(if lat > 0.0 { "EPSG:3413" } else { "EPSG:3031" }).unwrap();
        let geobox =
            GeoBox::from_bounds(crs, (-4e5, -4e5, 4e5, 4e5), Resolution::Metres(9_000.0)).unwrap();
        assert!(check_nearest(&g, geobox) > 1000);
    }
}

#[test]
fn nearest_on_projections_with_cuts() {
    let g = swath((179.0, 10.0), 5.0, 50, 60, 12.0);
    for definition in [
        "+proj=sinu",
        "+proj=moll",
        "+proj=aeqd +lat_0=12 +lon_0=178",
        "+proj=laea +lat_0=10 +lon_0=175",
    ] {
        let crs = Crs::parse(definition).unwrap();
        let geobox = GeoBox::from_bounds(
            crs,
            (-2.01e7, -1e6, 2.01e7, 3e6),
            Resolution::Metres(60_000.0),
        )
        .unwrap();
        assert!(check_nearest(&g, geobox) > 40, "{definition}");
    }
}

#[test]
fn nearest_with_bow_tie_gaps_and_jumps() {
    let bow = scanner((10.0, 45.0), 190.0, 80, 60, 4.0, 10);
    assert!(check_nearest(&bow, lonlat_box((6.0, 41.0, 14.0, 46.0), 0.05)) > 2000);
    // Missing lines and pixels, a repeated line, a line out of place, a jump forward.
    let mut g = swath((10.0, 45.0), 190.0, 90, 60, 4.0);
    let pixels = g.pixels;
    if let (Coordinates::F64(lat), Coordinates::F64(lon)) = (&mut g.latitude, &mut g.longitude) {
        lat[20 * pixels..23 * pixels].fill(f64::NAN);
        lon[31 * pixels + 7] = -999.0;
        for values in [&mut *lat, &mut *lon] {
            values.copy_within(40 * pixels..41 * pixels, 41 * pixels);
            values.copy_within(46 * pixels..47 * pixels, 50 * pixels);
        }
        for value in &mut lat[70 * pixels..] {
            *value -= 0.7;
        }
    }
    assert!(check_nearest(&g, lonlat_box((6.0, 40.0, 14.0, 46.0), 0.05)) > 2000);
}

#[test]
fn one_line_and_one_column_have_square_footprints() {
    for (lines, pixels) in [(1, 40), (40, 1), (2, 2)] {
        let g = swath((0.0, 10.0), 0.0, lines, pixels, 10.0);
        let filled = check_nearest(&g, lonlat_box((-6.0, 7.0, 6.0, 16.0), 0.05));
        assert!(filled > 10, "{lines} x {pixels}");
    }
    // A lone pixel has no size: nothing is filled, nothing breaks.
    let g = swath((0.0, 10.0), 0.0, 1, 1, 10.0);
    assert_eq!(
        check_nearest(&g, lonlat_box((-1.0, 9.0, 1.0, 11.0), 0.05)),
        0
    );
}

#[test]
fn an_outcome_does_not_depend_on_threads() {
    let g = scanner((10.0, 45.0), 190.0, 200, 60, 4.0, 10);
    let grid = Grid::new(lonlat_box((6.0, 38.0, 14.0, 46.0), 0.03));
    for method in Method::ALL {
        let run = |threads| {
            rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap()
                .install(|| locate(&g, &grid, method, 64))
        };
        assert_eq!(run(1), run(3), "{method:?}");
    }
}

#[test]
fn an_outcome_does_not_depend_on_cuts() {
    let g = scanner((10.0, 45.0), 190.0, 100, 60, 4.0, 10);
    // Cells so small that lines are worked out one by one.
    for (method, cell) in [
        (Method::Bin, 0.03),
        (Method::Nearest, 0.03),
        (Method::Footprint, 0.03),
        (Method::Footprint, 0.0005),
    ] {
        let half = f64::max(25.0 * cell, 0.25);
        let grid = Grid::new(lonlat_box(
            (9.7 - half, 43.5 - half, 9.7 + half, 43.5 + half),
            cell,
        ));
        let run = |block, entries| {
            let cuts = Cuts { block, entries };
            let all = |block: &mut BlockEntries<'_>| {
                let lines = block.lines();
                let entries: Vec<Entries> = block.rest().collect();
                for one in &entries {
                    assert!(lines.start <= one.lines.start && one.lines.end <= lines.end);
                    let cut = |line: usize| line / cuts.entries;
                    assert_eq!(cut(one.lines.start), cut(one.lines.end - 1));
                }
                Ok::<_, ()>(entries)
            };
            let (blocks, report) = locate_blocks(&g, &grid, method, cuts, all).unwrap();
            let mut contributions = Vec::new();
            for entries in blocks.into_iter().flatten() {
                let EntryKind::Contributions(some) = entries.kind else {
                    panic!("contributions")
                };
                let lines = some.iter().map(|c| c.pixel as usize / g.pixels);
                assert!(lines.clone().min() == Some(entries.lines.start));
                assert!(lines.max() == Some(entries.lines.end - 1));
                contributions.extend(some.into_iter().map(|c| (c.cell, c.pixel, c.weight)));
            }
            contributions.sort_unstable();
            (contributions, report)
        };
        let expected = run(100, 100);
        assert!(expected.0.len() > 100, "{}", expected.0.len());
        for (block, entries) in [(1, 1), (64, 16), (70, 7), (33, 100)] {
            assert!(
                run(block, entries) == expected,
                "{method:?} {block} {entries}"
            );
        }
    }
}

#[test]
fn pixels_that_give_nothing_change_nothing_else() {
    let g = scanner((179.0, 45.0), 190.0, 100, 60, 4.0, 10);
    let gives = |pixel: usize| match (pixel % 7, (pixel / g.pixels) % 40) {
        (3, _) | (_, 31..) => Gives::Value,
        (4 | 5, _) => Gives::Flagged,
        _ => Gives::Nothing,
    };
    // Across 180, the second grid in another turn, and one that the swath overhangs on all sides.
    let mut targets: Vec<Target> = [
        (176.0, 40.0, 182.0, 48.0),
        (-184.0, 40.0, -178.0, 48.0),
        (178.4, 43.0, 178.9, 43.5),
    ]
    .map(|bbox| lonlat_box(bbox, 0.05).into())
    .into();
    targets.push(Isin::new(4320, None).unwrap().into());
    let methods = [Method::Bin, Method::Footprint];
    for (target, method) in targets.iter().flat_map(|t| methods.map(|m| (t, m))) {
        let grid = Grid::new(target.clone());
        let cuts = Cuts {
            block: 64,
            entries: 16,
        };
        let run = |knowing: bool| {
            let all = |block: &mut BlockEntries<'_>| {
                let mut entries = Vec::new();
                while let Some(some) = block.next(&mut |lines| {
                    let pixels = lines.start * g.pixels..lines.end * g.pixels;
                    knowing.then(|| pixels.map(gives).collect())
                }) {
                    entries.push(some);
                }
                Ok::<_, ()>(entries)
            };
            let (blocks, report) = locate_blocks(&g, &grid, method, cuts, all).unwrap();
            let mut contributions = Vec::new();
            for entries in blocks.into_iter().flatten() {
                let EntryKind::Contributions(some) = entries.kind else {
                    panic!("contributions")
                };
                contributions.extend(some.into_iter().map(|c| (c.pixel, c.cell, c.weight)));
            }
            (contributions, report)
        };
        let ((all, all_report), (some, some_report)) = (run(false), run(true));
        assert_eq!(all_report, some_report);
        let of = |list: &[(u32, u32, u64)], kind: Gives| -> Vec<(u32, u32, u64)> {
            let of_kind = list
                .iter()
                .filter(|(pixel, ..)| gives(*pixel as usize) == kind);
            of_kind.copied().collect()
        };
        assert!(!of(&all, Gives::Value).is_empty());
        assert_eq!(of(&all, Gives::Value), of(&some, Gives::Value));
        let cells = |list: &[(u32, u32, u64)], kind| {
            let mut cells: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
            for (pixel, cell, _) in of(list, kind) {
                cells.entry(pixel).or_default().insert(cell);
            }
            cells
        };
        // Each that flags take still gives to some cell, of those that it gave to, and most to one alone.
        let (flagged, left) = (cells(&all, Gives::Flagged), cells(&some, Gives::Flagged));
        assert!(flagged.keys().eq(left.keys()));
        assert!(
            left.iter()
                .all(|(pixel, cells)| cells.is_subset(&flagged[pixel]))
        );
        assert!(left.values().filter(|cells| cells.len() == 1).count() * 10 > left.len() * 9);
        // Of the others a few are left, where lines that are worked out together begin.
        let nothing = |list| cells(list, Gives::Nothing).len();
        assert!(
            nothing(&some) * 10 < nothing(&all),
            "{method:?}: {}",
            nothing(&some)
        );
    }
}

#[test]
fn a_swath_of_nothing_still_reaches_cells() {
    let g = scanner((10.0, 45.0), 190.0, 100, 60, 4.0, 10);
    let targets: [Target; 2] = [
        lonlat_box((9.0, 40.0, 12.0, 46.0), 0.05).into(),
        Isin::new(4320, None).unwrap().into(),
    ];
    let methods = [Method::Bin, Method::Footprint];
    for (target, method) in targets.iter().flat_map(|t| methods.map(|m| (t, m))) {
        let grid = Grid::new(target.clone());
        let cuts = Cuts {
            block: 64,
            entries: 16,
        };
        let any = |block: &mut BlockEntries<'_>| {
            let nothing = &mut |lines: std::ops::Range<usize>| {
                Some(vec![Gives::Nothing; lines.len() * g.pixels])
            };
            Ok::<_, ()>(block.next(nothing).is_some())
        };
        let (blocks, _) = locate_blocks(&g, &grid, method, cuts, any).unwrap();
        assert!(blocks.contains(&true), "{method:?}");
    }
}

#[test]
fn bilinear_reproduces_positions() {
    for (start, heading, bbox) in [
        ((-76.0, 36.0), -12.0, (-79.0, 35.0, -73.0, 40.0)),
        ((179.5, -20.0), 170.0, (177.0, -23.5, -177.0, -19.0)),
        ((40.0, 88.5), 10.0, (-180.0, 86.0, 180.0, 90.0)),
    ] {
        let g = swath(start, heading, 90, 70, 4.0);
        let grid = Grid::new(lonlat_box(bbox, 0.05));
        let (entries, _) = locate(&g, &grid, Method::Bilinear, 16);
        let (mut worst, mut count) = (0.0_f64, 0);
        for entry in &entries {
            let EntryKind::Stencils(stencils) = &entry.kind else {
                panic!("stencils")
            };
            for s in stencils {
                let p = s.pixel as usize;
                let sum = [p, p + 1, p + g.pixels + 1, p + g.pixels]
                    .iter()
                    .zip(s.weights)
                    .fold([0.0; 3], |sum, (i, w)| {
                        add(sum, scale(centre(&g, *i).unwrap(), w))
                    });
                let x = cell_centre(grid.target().geobox().unwrap(), s.cell as usize).unwrap();
                worst = worst.max(chord2(normalize(sum), x).sqrt() * 6371.0);
                count += 1;
            }
        }
        assert!(count > 2000 && worst < 1e-6, "{count} {worst} km");
    }
}

#[test]
fn footprints_conserve_and_cover() {
    let g = swath((-76.0, 36.0), -12.0, 90, 70, 4.0);
    for degrees in [0.01, 0.05, 0.4] {
        let grid = Grid::new(lonlat_box((-82.0, 34.0, -70.0, 42.0), degrees));
        let (entries, report) = locate(&g, &grid, Method::Footprint, 16);
        assert_eq!((report.folded, report.untransformed), (0, 0));
        let mut cover = vec![0u64; grid.target().geobox().unwrap().cells()];
        let mut given = vec![0.0; g.latitude.len()];
        let cell_area = degrees * degrees;
        for entry in &entries {
            let EntryKind::Contributions(contributions) = &entry.kind else {
                panic!("contributions")
            };
            for c in contributions {
                cover[c.cell as usize] += c.weight;
                given[c.pixel as usize] += c.weight as f64 / (1u64 << 32) as f64 * cell_area;
            }
        }
        // The plane area of each footprint, from its own corners: edges this short are straight.
        let spacing = Spacing::new(&g, 0..g.pixels);
        let block = Block::new(&g, &spacing, g.lines.clone(), 0..g.pixels);
        let (mut total, mut expected) = (0.0, 0.0);
        for (i, given) in given.iter().enumerate() {
            let corners = block
                .footprint_corners(i / g.pixels, i % g.pixels)
                .unwrap()
                .map(lonlat);
            let area: f64 = (0..4)
                .map(|k| {
                    let (p, q) = (corners[k], corners[(k + 1) % 4]);
                    0.5 * (p.0 * q.1 - q.0 * p.1)
                })
                .sum();
            let value = ((i * 2_654_435_761) % 1000) as f64;
            total += value * given;
            expected += value * area.abs();
        }
        assert!(
            (total / expected - 1.0).abs() < 1e-6,
            "{degrees}: {total} {expected}"
        );
        // Inside the swath every cell is covered once, whole.
        let inside = cover
            .iter()
            .filter(|c| c.abs_diff(1 << 32) < 1 << 12)
            .count();
        assert!(
            inside as f64 * cell_area > 0.5 * given.iter().sum::<f64>(),
            "{degrees}"
        );
        assert!(cover.iter().all(|c| *c <= (1 << 32) + (1 << 12)));
    }
}
