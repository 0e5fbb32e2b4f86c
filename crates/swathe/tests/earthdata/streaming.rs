//! Granules read where they are, and the cache.

use crate::{Bench, COLLECTION, GRID, fail, succeed, text};

#[test]
fn a_streamed_product_is_that_of_local_files_and_the_cache_spares_all_requests() {
    let bench = Bench::new();
    let expected = bench.expected();
    let run = |granules: &str, output: &str| {
        let mut command = bench.with_token(&format!(
            "average {granules} {GRID} -o {output} --overwrite"
        ));
        command.env("SWATHE_CACHE", bench.work.path().join("cache"));
        let output = succeed(command);
        bench.assert_no_secret(&output);
    };
    run(&bench.links(), "far.nc");
    assert!(bench.read("far.nc").unwrap() == expected);
    let log = bench.server.log();
    let requests = |name: &String| log.iter().filter(|r| r.path.ends_with(name)).count();
    assert!(
        bench
            .names
            .iter()
            .all(|name| (3..=8).contains(&requests(name))),
        "{log:?}"
    );
    bench.server.clear_log();
    run(&bench.links(), "again.nc");
    assert_eq!(bench.server.log().len(), 0);
    assert!(bench.read("again.nc").unwrap() == expected);
    // By a search: the same granules.
    run(&format!("-c {COLLECTION} -t 2024"), "found.nc");
    assert!(bench.read("found.nc").unwrap() == expected);
    // A cache that was damaged is no harm.
    let mut files = Vec::new();
    let cache = bench.work.path().join("cache");
    for folder in std::fs::read_dir(&cache).unwrap().flatten() {
        files.extend(
            std::fs::read_dir(folder.path())
                .unwrap()
                .flatten()
                .map(|f| f.path()),
        );
    }
    for (i, file) in files.iter().enumerate() {
        let bytes = std::fs::read(file).unwrap();
        let damaged = match i % 3 {
            0 => bytes[..bytes.len() / 2].to_vec(),
            1 => vec![b'x'; bytes.len()],
            _ => continue,
        };
        std::fs::write(file, damaged).unwrap();
    }
    run(&bench.links(), "damaged.nc");
    assert!(bench.read("damaged.nc").unwrap() == expected);
}

#[test]
fn a_cache_that_is_asked_for_is_used_or_refused() {
    let bench = Bench::new();
    let line = format!("average {} {GRID} -o far.nc", bench.links());
    std::fs::write(bench.work.path().join("file"), "").unwrap();
    let mut command = bench.with_token(&line);
    command.env("SWATHE_CACHE", "file");
    let (_, said) = fail(command, 1);
    assert!(said.contains("SWATHE_CACHE=file: "), "{said}");
    assert!(bench.server.log().is_empty());
    assert!(bench.read("far.nc").is_none());
}

#[test]
fn a_server_without_ranges_is_read_whole() {
    let bench = Bench::new();
    let expected = bench.expected();
    bench.server.behave(|b| b.ranges = false);
    succeed(bench.with_token(&format!("average {} {GRID} -o far.nc", bench.links())));
    assert!(bench.read("far.nc").unwrap() == expected);
    succeed(bench.with_token(&format!("download {} -d week", bench.links())));
    assert_eq!(
        std::fs::read_dir(bench.work.path().join("week"))
            .unwrap()
            .count(),
        3
    );
}

#[test]
fn other_commands_take_addresses() {
    let bench = Bench::new();
    let link = bench.server.link(&bench.names[0]);
    let output = succeed(bench.with_token(&format!("info {link}?secret=signature-not-to-be-seen")));
    assert!(text(&output.stdout).contains("chlor_a"));
    bench.assert_no_secret(&output);
    let output = succeed(bench.with_token(&format!("average {link} {GRID} --dry-run")));
    bench.assert_no_secret(&output);
    // Plain http to others than those that were listed is refused before anything is sent.
    let (_, said) = fail(bench.with_token("info http://127.0.0.1:1/x.nc"), 1);
    assert!(said.contains("plain http is refused"), "{said}");
}
