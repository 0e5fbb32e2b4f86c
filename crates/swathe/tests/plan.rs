//! What a plan foretells, against what a run does.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
mod simulated;

use simulated::granules;
use std::ops::ControlFlow;
use std::path::PathBuf;
use swathe::job::{
    self, Event, GridRequest, Job, JobError, JournalFile, Keeping, Plan, Purpose, gather,
};
use swathe_core::build_geobox::Resolution;
use swathe_core::resample::Method;
use swathe_io::picture::NodeKind;
use swathe_io::simulate::Simulation;

fn plan(paths: &[PathBuf], method: Method, grid: GridRequest, purpose: Purpose) -> Plan {
    let job = Job {
        variables: vec!["chlor_a".into()],
        method: Some(method),
        grid,
        ..Job::default()
    };
    Plan::new(gather(paths, job.on_error).unwrap(), job, purpose).unwrap()
}

fn around(bbox: (f64, f64, f64, f64), resolution: Resolution, crs: Option<&str>) -> GridRequest {
    GridRequest::Box {
        bbox,
        resolution,
        crs: crs.map(str::to_owned),
    }
}

#[test]
fn a_journal_takes_no_more_than_foretold() {
    let (folder, paths) = granules(Simulation {
        area: Some([-80.0, 30.0, -60.0, 45.0]),
        count: Some(3),
        lines: Some(60),
        ..Simulation::default()
    });
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .build()
        .unwrap();
    for method in Method::ALL {
        let grid = around((-80.0, 30.0, -60.0, 45.0), Resolution::Degrees(0.02), None);
        let plan = plan(&paths, method, grid, Purpose::Average);
        let estimate = plan.estimate().unwrap();
        let path = folder.path().join("journal");
        let keeping = Keeping {
            journal: Some(JournalFile {
                path: path.clone(),
                resume: false,
                granules: false,
            }),
            ..Keeping::default()
        };
        // Broken off when all is kept: the journal stays.
        let outcome = job::run(&plan, &pool, &keeping, &mut |event| match event {
            Event::Granule { done, total, .. } if done == total => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        });
        assert!(matches!(outcome, Err(JobError::Interrupted)));
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(
            size > 10_000 && size <= estimate.journal_bytes,
            "{method:?}: {size}, {estimate:?}"
        );
    }
}

#[test]
fn granules_across_180_and_at_the_pole_meet_their_tiles_alone() {
    let (_folder, paths) = granules(Simulation {
        area: Some([170.0, 60.0, -170.0, 90.0]),
        count: Some(4),
        lines: Some(40),
        ..Simulation::default()
    });
    let boxes = [
        around((-180.0, -90.0, 180.0, 90.0), Resolution::Degrees(0.1), None),
        around((160.0, 50.0, -160.0, 90.0), Resolution::Degrees(0.05), None),
        around(
            (-180.0, 45.0, 180.0, 90.0),
            Resolution::Metres(8000.0),
            Some("EPSG:3413"),
        ),
    ];
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .build()
        .unwrap();
    for grid in boxes {
        let plan = plan(&paths, Method::Bin, grid, Purpose::Cube);
        let estimate = plan.estimate().unwrap();
        let (tiles, _) = plan.tiles();
        let product = job::run(&plan, &pool, &Keeping::default(), &mut |_| {
            ControlFlow::Continue(())
        })
        .unwrap()
        .product()
        .unwrap();
        let (rows, columns) = plan.geobox().shape();
        let tiling = swathe_core::reduce::Tiling::new(rows, columns).unwrap();
        let swathe_io::product::LayerData::F32(values) = &product.layers[0].data else {
            panic!("a cube of chlor_a is in single precision")
        };
        let mut met = 0;
        for (layer, granule) in values.chunks(rows * columns).zip(&estimate.granules) {
            assert!(granule.tiles.len() < tiles, "{granule:?}");
            for tile in 0..tiles {
                let (tile_rows, tile_columns) = tiling.extent(tile);
                let valued = tile_rows
                    .flat_map(|row| {
                        tile_columns
                            .clone()
                            .map(move |column| row * columns + column)
                    })
                    .any(|cell| layer[cell].is_finite());
                met += usize::from(valued);
                assert!(
                    !valued || granule.tiles.contains(&tile),
                    "{tile}: {granule:?}"
                );
            }
        }
        assert!(met > 0);
    }
}

#[test]
fn many_granules_are_drawn_as_few() {
    let (_folder, paths) = granules(Simulation {
        area: None,
        count: Some(20),
        lines: Some(4),
        ..Simulation::default()
    });
    let grid = || around((-180.0, -90.0, 180.0, 90.0), Resolution::Degrees(1.0), None);
    for purpose in [Purpose::Average, Purpose::Cube] {
        let plan = plan(&paths, Method::Bin, grid(), purpose);
        let graph = plan.graph(&plan.estimate().unwrap(), &["a.nc".into(), "b.nc".into()]);
        let said = |text: &str| {
            let nodes = graph.nodes.iter();
            nodes.filter(|node| node.lines[0].contains(text)).count()
        };
        assert_eq!((said("PACE_OCI"), said("... 14 more")), (6, 1));
        assert_eq!((said("apply bin"), said(".nc")), (7, 6 + 2));
        let combined = if purpose == Purpose::Average { 6 } else { 0 };
        assert_eq!(said("combine"), combined);
        assert_eq!(said("finish"), if combined > 0 { 1 } else { 7 });
        // Every node but the outputs leads to another, to the right of it.
        for (i, node) in graph.nodes.iter().enumerate() {
            let to: Vec<usize> = graph
                .edges
                .iter()
                .filter(|e| e.0 == i)
                .map(|e| e.1)
                .collect();
            assert_eq!(to.is_empty(), node.column + 1 == graph.headings.len());
            assert!(to.iter().all(|to| graph.nodes[*to].column > node.column));
            assert!(node.row >= 0.0);
        }
        let drawn = graph.nodes.iter().filter(|n| n.kind == NodeKind::Omitted);
        assert_eq!(drawn.count(), if combined > 0 { 2 } else { 3 });
    }
}
