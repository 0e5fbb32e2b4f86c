//! A run spread over tasks gives the bytes of a run in one process, however parts are grouped.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
mod simulated;

use simulated::granules;
use std::collections::BTreeMap;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use swathe::job::{
    self, Finished, GridRequest, Job, JobError, Keeping, Plan, Purpose, Spread, Worker, collect,
    combine, gather,
};
use swathe_core::geobox::GeoBox;
use swathe_core::isin::Isin;
use swathe_core::reduce::{Statistic, Weight};
use swathe_core::resample::Method;
use swathe_io::bytes::{ByteSource, MemorySource};
use swathe_io::product::netcdf;
use swathe_io::simulate::Simulation;

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap()
}

fn plan(paths: &[PathBuf], job: &Job, purpose: Purpose) -> Plan {
    Plan::new(gather(paths, job.on_error).unwrap(), job.clone(), purpose).unwrap()
}

fn source(bytes: &[u8]) -> Arc<dyn ByteSource> {
    Arc::new(MemorySource::new("part", bytes))
}

/// Numbers that look random.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % limit
    }
}

/// Does all tasks, and combines what they leave two by two, whichever come.
fn carried_out(spread: &Spread, memory: Option<u64>, scratch: &Path, seed: u64) -> Vec<Vec<u8>> {
    let (worker, pool) = (Worker { memory, scratch }, pool(1));
    let mut windows: BTreeMap<Option<usize>, Vec<Vec<u8>>> = BTreeMap::new();
    for task in &spread.tasks {
        let parts = worker.carry_out(&task.assignment, &pool).unwrap();
        assert_eq!(parts.len(), 1 + task.windows.len());
        let own = [None]
            .into_iter()
            .chain(task.windows.iter().copied().map(Some));
        for (window, part) in own.zip(parts) {
            windows.entry(window).or_default().push(part);
        }
    }
    let mut numbers = Numbers(seed);
    let mut left = Vec::new();
    for (_, mut parts) in windows {
        while spread.combined && parts.len() > 1 {
            let one = parts.swap_remove(numbers.below(parts.len()));
            let other = numbers.below(parts.len());
            parts[other] = combine(vec![source(&one), source(&parts[other])]).unwrap();
        }
        left.extend(parts);
    }
    left
}

fn finished(spread: &Spread, parts: &[Vec<u8>]) -> Result<Finished, JobError> {
    collect(&spread.closing, parts.iter().map(|p| source(p)).collect())
}

fn partial(finished: &Finished) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut go_on = |_: &job::Event<'_>| ControlFlow::Continue(());
    finished.write_partial(&mut bytes, &mut go_on).unwrap();
    bytes
}

/// The netCDF file, or nothing for bins, which are written otherwise.
fn written(finished: &Finished) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    if finished.isin().is_none() {
        netcdf::write(&finished.product().unwrap(), &mut bytes).unwrap();
    }
    bytes.into_inner()
}

#[test]
fn any_grouping_gives_the_bytes_of_one_process() {
    let (folder, paths) = granules(Simulation {
        area: Some([-80.0, 30.0, -60.0, 45.0]),
        count: Some(5),
        lines: Some(80),
        days: 20,
        ..Simulation::default()
    });
    let globe = GridRequest::Exact(GeoBox::named("0.1deg").unwrap());
    let around = GridRequest::Box {
        bbox: (-78.0, 31.0, -62.0, 44.0),
        resolution: "0.02".parse().unwrap(),
        crs: None,
    };
    let bins = GridRequest::Bins(Isin::new(2160, None).unwrap());
    let all = [
        (
            around.clone(),
            Method::Footprint,
            vec![Statistic::Mean, Statistic::MEDIAN],
            Weight::Observation,
        ),
        (
            around.clone(),
            Method::Nearest,
            vec![Statistic::Std, Statistic::Max],
            Weight::Granule,
        ),
        (
            globe,
            Method::Bin,
            vec![Statistic::Mean],
            Weight::Observation,
        ),
        (bins, Method::Bin, vec![Statistic::Mean], Weight::L2bin),
    ];
    let mut cut = 0;
    for (i, (grid, method, statistics, weight)) in all.into_iter().enumerate() {
        let job = Job {
            variables: vec!["chlor_a".into()],
            method: Some(method),
            grid,
            statistics,
            weight: Some(weight),
            ..Job::default()
        };
        let plan = plan(&paths, &job, Purpose::Average);
        let mut go_on = |_: &job::Event<'_>| ControlFlow::Continue(());
        let ours = job::run(&plan, &pool(2), &Keeping::default(), &mut go_on).unwrap();
        for memory in [None, Some(256 << 20)] {
            let spread = plan.spread(memory, false).unwrap();
            cut += usize::from(spread.tasks.iter().any(|task| task.windows.len() > 1));
            let parts = carried_out(&spread, memory, folder.path(), i as u64);
            let theirs = finished(&spread, &parts).unwrap();
            assert!(partial(&ours) == partial(&theirs), "{i}, {memory:?}");
            assert!(written(&ours) == written(&theirs), "{i}, {memory:?}");
            assert_eq!(
                (ours.read.bytes_decoded > 0, ours.geometry),
                (true, theirs.geometry)
            );
        }
    }
    assert!(cut > 0, "a grid was cut into windows");
    let left = std::fs::read_dir(folder.path()).unwrap();
    assert_eq!(left.count(), paths.len(), "nothing is left behind");
}

#[test]
fn granules_across_180_and_at_the_poles_lose_nothing_to_windows() {
    for (area, seed) in [
        ([170.0, -20.0, -170.0, 20.0], 1),
        ([-180.0, 80.0, 180.0, 90.0], 2),
    ] {
        let (folder, paths) = granules(Simulation {
            area: Some(area),
            count: Some(3),
            lines: Some(100),
            ..Simulation::default()
        });
        let job = Job {
            variables: vec!["chlor_a".into()],
            grid: GridRequest::Exact(GeoBox::named("0.1deg").unwrap()),
            ..Job::default()
        };
        let plan = plan(&paths, &job, Purpose::Average);
        let mut go_on = |_: &job::Event<'_>| ControlFlow::Continue(());
        let ours = job::run(&plan, &pool(2), &Keeping::default(), &mut go_on).unwrap();
        let spread = plan.spread(Some(256 << 20), false).unwrap();
        let cut = spread.tasks.iter().any(|task| !task.windows.is_empty());
        assert!(cut, "the grid is cut");
        let parts = carried_out(&spread, None, folder.path(), seed);
        let theirs = finished(&spread, &parts).unwrap();
        assert!(partial(&ours) == partial(&theirs));
    }
}

#[test]
fn what_is_not_all_of_one_run_is_refused() {
    let (folder, paths) = granules(Simulation {
        area: Some([-80.0, 30.0, -60.0, 45.0]),
        count: Some(2),
        lines: Some(40),
        ..Simulation::default()
    });
    let job = Job {
        grid: GridRequest::Box {
            bbox: (-78.0, 31.0, -62.0, 44.0),
            resolution: "0.1".parse().unwrap(),
            crs: None,
        },
        ..Job::default()
    };
    let plan = plan(&paths, &job, Purpose::Average);
    let spread = plan.spread(None, false).unwrap();
    let worker = Worker {
        memory: None,
        scratch: folder.path(),
    };
    let parts: Vec<Vec<u8>> = spread
        .tasks
        .iter()
        .flat_map(|task| worker.carry_out(&task.assignment, &pool(1)).unwrap())
        .collect();
    let said = |parts: &[Vec<u8>]| finished(&spread, parts).unwrap_err().to_string();
    assert!(said(&parts[..1]).contains("did not come back"));
    assert!(said(&[parts.clone(), parts.clone()].concat()).contains("twice"));
    // A granule that changes between planning and doing is noticed.
    let assignment = &spread.tasks[0].assignment;
    std::fs::copy(&paths[1], &paths[0]).unwrap();
    let changed = worker.carry_out(assignment, &pool(1)).unwrap_err();
    assert!(changed.to_string().contains("another granule"), "{changed}");
    std::fs::remove_file(&paths[0]).unwrap();
    let gone = worker.carry_out(assignment, &pool(1)).unwrap_err();
    assert!(matches!(gone, JobError::Granule { .. }), "{gone}");
}
