//! Layers that are made later, each by itself, are those of the cube that is made at once.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
mod simulated;

use simulated::granules;
use std::path::PathBuf;
use swathe::job::{
    self, GridRequest, Job, JobError, Keeping, LazyCube, Plan, Purpose, gather, layers,
};
use swathe_core::resample::Method;
use swathe_io::product::{LayerData, Product};
use swathe_io::simulate::Simulation;

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap()
}

/// Four granules of which some are beside the area, and a job on two variables of them.
fn cube(method: Method) -> (tempfile::TempDir, Vec<PathBuf>, Job) {
    let (folder, paths) = granules(Simulation {
        area: Some([-80.0, 30.0, -60.0, 45.0]),
        days: 7,
        count: Some(4),
        lines: Some(60),
        ..Simulation::default()
    });
    let job = Job {
        variables: vec!["chlor_a".into(), "poc".into()],
        grid: GridRequest::Box {
            bbox: (-78.0, 31.0, -70.0, 40.0),
            resolution: "0.05".parse().unwrap(),
            crs: None,
        },
        method: Some(method),
        ..Job::default()
    };
    (folder, paths, job)
}

fn plan(paths: &[PathBuf], job: &Job, purpose: Purpose) -> Plan {
    Plan::new(gather(paths, job.on_error).unwrap(), job.clone(), purpose).unwrap()
}

/// The values of a step, to the bit.
fn bits(data: &LayerData, step: usize, cells: usize) -> Vec<u64> {
    let step = step * cells..(step + 1) * cells;
    match data {
        LayerData::F32(values) => values[step].iter().map(|v| v.to_bits().into()).collect(),
        LayerData::F64(values) => values[step].iter().map(|v| v.to_bits()).collect(),
        other => panic!("no values of a cube: {:?}", other.dtype()),
    }
}

/// What a product says of its layers, without their values.
fn described(product: &Product) -> Vec<String> {
    let layers = product.layers.iter();
    let layers = layers.map(|layer| {
        let dtype = layer.data.dtype();
        format!(
            "{} {dtype:?} {} {:?} {:?}",
            layer.name, layer.timed, layer.statistic, layer.attributes
        )
    });
    layers.collect()
}

#[test]
fn layers_are_those_of_the_cube_made_at_once() {
    for method in [Method::Nearest, Method::Footprint] {
        let (_folder, paths, job) = cube(method);
        let plan = plan(&paths, &job, Purpose::Cube);
        let LazyCube { product, steps } = plan.lazy_cube().unwrap();
        let whole = job::run(&plan, &pool(2), &Keeping::default(), &mut |_| {
            std::ops::ControlFlow::Continue(())
        });
        let whole = whole.unwrap().product().unwrap();
        assert_eq!(steps.len(), paths.len());
        assert_eq!(product.steps(), whole.steps());
        assert_eq!(described(&product), described(&whole));
        assert!(product.check_in_memory().is_err());

        let (rows, columns) = whole.geobox.shape();
        let cells = rows * columns;
        let missing = u64::from(f32::NAN.to_bits());
        let mut empty = 0;
        // In another order than that of time, on more threads and on one.
        for (step, threads) in (0..steps.len()).rev().zip([1, 3, 1, 2]) {
            let made = layers(&steps[step], None, &pool(threads)).unwrap();
            assert_eq!(made.len(), whole.layers.len());
            for (made, layer) in made.iter().zip(&whole.layers) {
                assert_eq!(made.len(), cells);
                let made = bits(made, 0, cells);
                assert_eq!(
                    made,
                    bits(&layer.data, step, cells),
                    "{} of {step}",
                    layer.name
                );
                empty += usize::from(made.iter().all(|bits| *bits == missing));
            }
        }
        // Some granules are beside the area, and have layers all the same.
        let all = steps.len() * whole.layers.len();
        assert!(
            (1..all).contains(&empty),
            "{empty} of {all} layers are empty"
        );
    }
}

#[test]
fn what_cannot_be_made_later_is_refused() {
    let (folder, paths, job) = cube(Method::Nearest);
    let average = plan(&paths, &job, Purpose::Average);
    let refused = average.lazy_cube().unwrap_err();
    assert!(matches!(refused, JobError::Plan { .. }), "{refused}");

    let steps = plan(&paths, &job, Purpose::Cube).lazy_cube().unwrap().steps;
    let step = &steps[0];
    let threads = pool(1);
    let refused = layers(step, Some(1), &threads).unwrap_err();
    assert!(
        refused.to_string().contains("1 MiB are allowed"),
        "{refused}"
    );
    for length in [0, 1, step.len() / 2, step.len() - 1] {
        assert!(layers(&step[..length], None, &threads).is_err(), "{length}");
    }
    let mut other = step.clone();
    other[0] ^= 0x55;
    assert!(layers(&other, None, &threads).is_err());

    // A granule that has gone since, and one that is another now: their tasks fail, the others do not.
    std::fs::remove_file(&paths[0]).unwrap();
    std::fs::copy(&paths[2], folder.path().join("other")).unwrap();
    std::fs::rename(folder.path().join("other"), &paths[1]).unwrap();
    for (step, path) in steps.iter().zip(&paths).take(2) {
        let name = path.file_name().unwrap().to_string_lossy();
        let failed = layers(step, None, &threads).unwrap_err();
        assert!(matches!(failed, JobError::Granule { .. }), "{failed}");
        assert!(failed.to_string().contains(&*name), "{failed}");
    }
    assert!(layers(&steps[2], None, &threads).is_ok());
}
