//! Downloads.

use crate::{Bench, COLLECTION, fail, succeed, text};
use stand_in::{Fault, FaultKind, Place};

#[test]
fn downloads_are_checked_resumed_and_skipped() {
    let bench = Bench::new();
    let line = format!("download -c {COLLECTION} -d week");
    bench.behave(vec![Fault::first(3, Place::Storage, FaultKind::Cut)]);
    bench.assert_no_secret(&succeed(bench.with_token(&line)));
    let same = |name: &String| {
        let original = std::fs::read(bench.granules.path().join(name)).unwrap();
        bench.read(&format!("week/{name}")) == Some(original)
    };
    assert!(bench.names.iter().all(same));
    bench.server.clear_log();
    let output = succeed(bench.with_token(&line));
    assert_eq!(text(&output.stderr).matches("is there already").count(), 3);
    assert!(
        bench
            .server
            .log()
            .iter()
            .all(|r| r.place == Place::Catalogue)
    );
    // A damaged file is fetched again; what an earlier download left is gone on with.
    let path = |i: usize| bench.work.path().join("week").join(&bench.names[i]);
    let mut bytes = std::fs::read(path(0)).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(path(0), bytes).unwrap();
    std::fs::remove_file(path(1)).unwrap();
    succeed(bench.with_token(&line));
    assert!(bench.names.iter().all(same));
    let left = std::fs::read_dir(bench.work.path().join("week"))
        .unwrap()
        .count();
    assert_eq!(left, 3);
    // Half of it, with what version it was: only the rest is asked for. Of another version all is.
    for (version, asked) in [("1", true), ("0", false)] {
        let name = &bench.names[2];
        let whole = std::fs::read(path(2)).unwrap();
        std::fs::remove_file(path(2)).unwrap();
        let beside = |suffix: &str| path(2).with_file_name(format!("{name}{suffix}"));
        std::fs::write(beside(".part"), &whole[..whole.len() / 2]).unwrap();
        let note =
            serde_json::json!({ "length": whole.len(), "tag": format!("\"{name}-{version}\"") });
        std::fs::write(beside(".part-version"), note.to_string()).unwrap();
        bench.server.clear_log();
        let output = succeed(bench.with_token(&line));
        assert!(same(name));
        assert_eq!(
            text(&output.stderr).contains("of which"),
            asked,
            "{version}"
        );
        let log = bench.server.log();
        let received: u64 = log
            .iter()
            .filter(|r| r.place == Place::Storage)
            .map(|r| r.bytes)
            .sum();
        assert_eq!(received < whole.len() as u64, asked, "{version}");
    }
    let left = std::fs::read_dir(bench.work.path().join("week"))
        .unwrap()
        .count();
    assert_eq!(left, 3);
    // What is no file has the name.
    std::fs::remove_file(path(0)).unwrap();
    std::fs::create_dir(path(0)).unwrap();
    let (_, said) = fail(bench.with_token(&line), 1);
    assert!(said.contains("something that is no file"), "{said}");
    // By addresses; one that is not there.
    let line = format!(
        "download {} {} -d other",
        bench.links(),
        bench.server.link("none.nc")
    );
    let (_, said) = fail(bench.with_token(&line), 1);
    assert!(
        said.contains("1 of 4 files") && said.contains("no such file"),
        "{said}"
    );
}
