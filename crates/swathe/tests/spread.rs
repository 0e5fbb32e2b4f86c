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
    self, Finished, Finishing, GridRequest, Job, JobError, Keeping, Plan, Purpose, Spread,
    Windowing, Worker, collect, combine, gather,
};
use swathe_core::geobox::GeoBox;
use swathe_core::isin::Isin;
use swathe_core::reduce::{Statistic, Weight};
use swathe_core::resample::Method;
use swathe_io::bytes::{ByteSource, MemorySource};
use swathe_io::product::{TileSink, netcdf, zarr};
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

/// A grid around most of the granules.
fn around(resolution: &str) -> GridRequest {
    GridRequest::Box {
        bbox: (-78.0, 31.0, -62.0, 44.0),
        resolution: resolution.parse().unwrap(),
        crs: None,
    }
}

/// Two short granules, and the plan of their average.
fn small() -> (tempfile::TempDir, Vec<PathBuf>, Plan) {
    let (folder, paths) = granules(Simulation {
        area: Some([-80.0, 30.0, -60.0, 45.0]),
        count: Some(2),
        lines: Some(40),
        ..Simulation::default()
    });
    let job = Job {
        grid: around("0.1"),
        ..Job::default()
    };
    let plan = plan(&paths, &job, Purpose::Average);
    (folder, paths, plan)
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

/// Does all tasks, and combines what they leave two by two, whichever come: the part of what came of granules, and
/// those of every number.
fn carried_out(
    spread: &Spread,
    memory: Option<u64>,
    scratch: &Path,
    seed: u64,
) -> BTreeMap<Option<usize>, Vec<u8>> {
    let (worker, pool) = (Worker { memory, scratch }, pool(1));
    let mut alike: BTreeMap<Option<usize>, Vec<Vec<u8>>> = BTreeMap::new();
    for task in &spread.tasks {
        let parts = worker.carry_out(&task.assignment, &pool).unwrap();
        assert_eq!(parts.len(), 1 + task.parts.len());
        let own = [None]
            .into_iter()
            .chain(task.parts.iter().copied().map(Some));
        for (number, part) in own.zip(parts) {
            alike.entry(number).or_default().push(part);
        }
    }
    let mut numbers = Numbers(seed);
    let mut left = BTreeMap::new();
    for (number, mut parts) in alike {
        while parts.len() > 1 {
            let one = parts.swap_remove(numbers.below(parts.len()));
            let other = numbers.below(parts.len());
            parts[other] = combine(vec![source(&one), source(&parts[other])]).unwrap();
        }
        left.extend(parts.pop().map(|part| (number, part)));
    }
    left
}

fn finished<'a>(
    spread: &Spread,
    parts: impl IntoIterator<Item = &'a Vec<u8>>,
) -> Result<Finished, JobError> {
    let parts = parts.into_iter().map(|p| source(p));
    collect(&spread.closing, parts.collect())
}

/// All files below a folder, with what is in them.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut due = vec![folder.to_owned()];
    while let Some(next) = due.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let content = path.is_file().then(|| std::fs::read(&path).unwrap());
            found.insert(path.strip_prefix(folder).unwrap().to_owned(), content);
            if path.is_dir() {
                due.push(path);
            }
        }
    }
    found
}

/// What tasks finish of the maps: the tiles of each, in any order, by the files of a store that they would be of.
fn encoded(spread: &Spread, parts: &BTreeMap<Option<usize>, Vec<u8>>) -> Vec<Vec<Vec<u8>>> {
    let pool = pool(1);
    let files = spread.storing.iter().rev().map(|storing| {
        let encodings = storing.encodings.iter().rev();
        let encoded = encodings.map(|encoding| {
            let own = encoding.parts.iter().filter_map(|n| parts.get(&Some(*n)));
            let sources = [&parts[&None]]
                .into_iter()
                .chain(own)
                .map(|part| source(part));
            job::encode(&spread.closing, &encoding.order, sources.collect(), &pool).unwrap()
        });
        encoded.collect()
    });
    files.collect()
}

/// The result of the tiles that tasks finish.
fn sent(spread: &Spread, parts: &BTreeMap<Option<usize>, Vec<u8>>) -> Finished {
    let tiles = encoded(spread, parts).into_iter().flatten();
    let tiles = tiles.map(|tiles| source(&tiles)).collect();
    job::collect_finished(&spread.closing, source(&parts[&None]), tiles, None).unwrap()
}

/// The store that a spread run writes: its folder, and whether a file was of several windows.
fn stored(spread: &Spread, parts: &BTreeMap<Option<usize>, Vec<u8>>, store: &Path) -> bool {
    std::fs::create_dir(store).unwrap();
    let came = &parts[&None];
    let mut receipts = Vec::new();
    let mut together = false;
    for encoded in encoded(spread, parts) {
        together |= encoded.len() > 1;
        let encoded: Vec<&[u8]> = encoded.iter().map(Vec::as_slice).collect();
        let receipt = job::store(&spread.closing, store, source(came), &encoded);
        receipts.push(receipt.unwrap());
    }
    let receipts: Vec<&[u8]> = receipts.iter().map(Vec::as_slice).collect();
    let finished =
        job::collect_finished(&spread.closing, source(came), Vec::new(), Some(&receipts)).unwrap();
    let range = finished.stored().unwrap();
    assert_eq!(finished.is_blank(), range.is_none());
    zarr::complete(finished.description(), store, range).unwrap();
    together
}

fn partial(finished: &Finished) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut go_on = |_: &job::Event<'_>| ControlFlow::Continue(());
    finished.write_partial(&mut bytes, &mut go_on).unwrap();
    bytes
}

/// The netCDF file, or that of bins.
fn written(finished: &Finished) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut go_on = |_: &job::Event<'_>| ControlFlow::Continue(());
    match finished.isin() {
        None => netcdf::write(&finished.product().unwrap(), &mut bytes).unwrap(),
        Some(_) => {
            let table = finished.table(0, &mut go_on).unwrap();
            table.write(&mut bytes, "options", "0").unwrap();
        }
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
    let around = around("0.02");
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
            let spread = plan.spread(memory, false, Finishing::Sent).unwrap();
            cut += usize::from(spread.tasks.iter().any(|task| task.parts.len() > 1));
            let parts = carried_out(&spread, memory, folder.path(), i as u64);
            let theirs = finished(&spread, parts.values()).unwrap();
            assert!(partial(&ours) == partial(&theirs), "{i}, {memory:?}");
            assert!(written(&ours) == written(&theirs), "{i}, {memory:?}");
            let sent = sent(&spread, &parts);
            assert!(written(&ours) == written(&sent), "{i}, {memory:?}");
            assert_eq!(ours.is_blank(), sent.is_blank());
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
        let spread = plan
            .spread(Some(256 << 20), false, Finishing::Here)
            .unwrap();
        let cut = spread.tasks.iter().any(|task| !task.parts.is_empty());
        assert!(cut, "the grid is cut");
        let parts = carried_out(&spread, None, folder.path(), seed);
        let theirs = finished(&spread, parts.values()).unwrap();
        assert!(partial(&ours) == partial(&theirs));
    }
}

#[test]
fn what_is_not_all_of_one_run_is_refused() {
    let (folder, paths, plan) = small();
    let spread = plan.spread(None, false, Finishing::Here).unwrap();
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

#[test]
fn windows_of_time_and_cubes_too_and_stores_of_them() {
    let (folder, paths) = granules(Simulation {
        area: Some([-80.0, 30.0, -60.0, 45.0]),
        count: Some(6),
        lines: Some(60),
        days: 24,
        ..Simulation::default()
    });
    let every = |text: &str| {
        Some(Windowing {
            every: text.parse().unwrap(),
            day: None,
        })
    };
    let globe = |name: &str| GridRequest::Exact(GeoBox::named(name).unwrap());
    let around = || around("0.02");
    let (mean, median) = (
        vec![Statistic::Mean],
        vec![Statistic::Std, Statistic::MEDIAN],
    );
    let (average, cube) = (Purpose::Average, Purpose::Cube);
    let mut shared = false;
    for (i, (grid, statistics, windows, purpose)) in [
        (around(), mean.clone(), None, average),
        (globe("0.1deg"), mean.clone(), None, average),
        (globe("l3m-9km"), mean.clone(), None, average),
        (around(), mean.clone(), every("8day"), average),
        (around(), median, every("rolling-16day/8day"), average),
        (globe("0.1deg"), mean.clone(), every("8day"), average),
        (around(), mean.clone(), None, cube),
        (globe("0.1deg"), mean, None, cube),
    ]
    .into_iter()
    .enumerate()
    {
        let job = Job {
            variables: vec!["chlor_a".into()],
            method: Some(Method::Bin),
            grid,
            statistics,
            windows,
            ..Job::default()
        };
        let plan = plan(&paths, &job, purpose);
        let mut go_on = |_: &job::Event<'_>| ControlFlow::Continue(());
        let keeping = Keeping {
            memory: Some(2 << 30),
            ..Keeping::default()
        };
        let ours = job::run(&plan, &pool(2), &keeping, &mut go_on).unwrap();
        let place = tempfile::tempdir().unwrap();
        let (one, many) = (place.path().join("one"), place.path().join("many"));
        std::fs::create_dir(&one).unwrap();
        let mut sinks: Vec<Box<dyn TileSink>> = vec![Box::new(
            zarr::Tiles::create(ours.description(), &one).unwrap(),
        )];
        ours.feed(&mut sinks, &mut go_on).unwrap();
        sinks.pop().unwrap().finish().unwrap();

        let spread = plan
            .spread(Some(400 << 20), false, Finishing::Stored)
            .unwrap();
        let parts = carried_out(&spread, None, folder.path(), i as u64);
        if i != 2 {
            let theirs = finished(&spread, parts.values()).unwrap();
            assert!(written(&ours) == written(&theirs), "{i}");
            assert!(written(&ours) == written(&sent(&spread, &parts)), "{i}");
        }
        shared |= stored(&spread, &parts, &many);
        assert!(tree(&one) == tree(&many), "{i}");
    }
    assert!(shared, "windows share files");
}

#[test]
fn sides_of_180_degrees_go_to_their_days_there_too() {
    let (folder, paths) = granules(Simulation {
        area: Some([165.0, -12.0, -165.0, 12.0]),
        count: Some(6),
        lines: Some(80),
        days: 3,
        ..Simulation::default()
    });
    for (i, (every, grid)) in [("day", 0.3), ("rolling-2day", 0.3), ("day", 0.02)]
        .into_iter()
        .enumerate()
    {
        let job = Job {
            variables: vec!["chlor_a".into()],
            method: Some(Method::Footprint),
            grid: GridRequest::Box {
                bbox: (165.0, -12.0, -165.0, 12.0),
                resolution: grid.to_string().parse().unwrap(),
                crs: None,
            },
            statistics: vec![Statistic::Mean, Statistic::First, Statistic::MEDIAN],
            windows: Some(Windowing {
                every: every.parse().unwrap(),
                day: None,
            }),
            ..Job::default()
        };
        let plan = plan(&paths, &job, Purpose::Average);
        let across = |note: &String| note.contains("across 180 degrees");
        assert!(plan.notes().iter().any(across), "{:?}", plan.notes());
        let mut go_on = |_: &job::Event<'_>| ControlFlow::Continue(());
        let keeping = Keeping {
            memory: Some(3 << 30),
            ..Keeping::default()
        };
        let ours = job::run(&plan, &pool(2), &keeping, &mut go_on).unwrap();
        let spread = plan
            .spread(Some(600 << 20), false, Finishing::Here)
            .unwrap();
        let parts = carried_out(&spread, None, folder.path(), i as u64);
        let theirs = finished(&spread, parts.values()).unwrap();
        assert!(written(&ours) == written(&theirs), "{every} {grid}");
        let spread = plan
            .spread(Some(600 << 20), false, Finishing::Sent)
            .unwrap();
        assert!(
            written(&ours) == written(&sent(&spread, &parts)),
            "{every} {grid}"
        );
    }
}

#[test]
fn damaged_orders_and_receipts_are_refused() {
    let (folder, _, plan) = small();
    let spread = plan.spread(None, false, Finishing::Stored).unwrap();
    let parts = carried_out(&spread, None, folder.path(), 1);
    let (came, pool) = (|| source(&parts[&None]), pool(1));
    let order = &spread.storing[0].encodings[0].order;
    let encoded = job::encode(&spread.closing, order, vec![came()], &pool).unwrap();
    let mut numbers = Numbers(5);
    for _ in 0..200 {
        // Whatever is changed, nothing panics; mostly it is refused.
        let mut damaged = [order.clone(), encoded.clone()];
        let which = numbers.below(2);
        let at = numbers.below(damaged[which].len());
        damaged[which][at] ^= 1 << numbers.below(8);
        let _ = job::encode(&spread.closing, &damaged[0], vec![came()], &pool);
        let store = tempfile::tempdir().unwrap();
        let _ = job::store(&spread.closing, store.path(), came(), &[&damaged[1]]);
        let tiles = vec![source(&damaged[1])];
        if let Ok(maps) = job::collect_finished(&spread.closing, came(), tiles, None) {
            let _ = maps.product();
        }
    }
    let cut = job::store(&spread.closing, folder.path(), came(), &[&encoded[..9]]);
    assert!(cut.unwrap_err().to_string().contains("damaged"));
    let receipt = job::collect_finished(&spread.closing, came(), Vec::new(), Some(&[b"0"]));
    assert!(receipt.is_err());
    let none = job::collect_finished(&spread.closing, came(), Vec::new(), None).unwrap();
    let lacks = none.product().unwrap_err().to_string();
    assert!(lacks.contains("did not come back"), "{lacks}");
}
