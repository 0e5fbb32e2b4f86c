//! Faults of servers: the right product, or one clear error.

use crate::{Bench, GRID, fail, succeed, text};
use stand_in::{Fault, FaultKind, PASSWORD, Place, USER};

#[test]
fn every_fault_alone_ends_well_or_in_one_clear_error() {
    let bench = Bench::new();
    let expected = bench.expected();
    let (from, storage) = (Place::Distribution, Place::Storage);
    let status = |code| FaultKind::Status(code, None);
    let passing = [
        (storage, status(408)),
        (storage, status(500)),
        (storage, status(502)),
        (storage, status(503)),
        (from, status(429)),
        (storage, FaultKind::Status(429, Some(1))),
        (storage, FaultKind::Reset),
        (storage, FaultKind::Cut),
        (storage, FaultKind::WrongContentRange),
        (storage, FaultKind::WrongLength),
        (storage, FaultKind::Delay(50)),
        (storage, FaultKind::Stall(50)),
        (storage, FaultKind::ExpireAddress),
        (storage, status(403)),
    ];
    let lasting = [
        (storage, status(503), "busy or out of order"),
        (storage, FaultKind::Reset, "times"),
        (
            storage,
            FaultKind::WrongContentRange,
            "other bytes than were asked for",
        ),
        (storage, FaultKind::WrongLength, "fewer bytes than it said"),
        (from, status(404), "no such file"),
        (storage, status(404), "no such file"),
        (from, status(401), "not accepted"),
        (from, status(403), "does not allow it"),
        (storage, status(403), "signed address is refused"),
        (from, FaultKind::LoginPage, "not accepted"),
        (storage, FaultKind::LoginPage, "not accepted"),
        (from, FaultKind::RedirectLoop, "again and again"),
        (from, FaultKind::RedirectToNowhere, "to nowhere"),
        (
            from,
            FaultKind::RedirectTo("http://169.254.169.254/latest/meta-data/".into()),
            "plain http is refused",
        ),
        (
            from,
            FaultKind::RedirectTo("https://169.254.169.254/latest/".into()),
            "internal",
        ),
        (
            from,
            FaultKind::RedirectTo("https://127.0.0.1:9/x".into()),
            "internal",
        ),
        (
            from,
            FaultKind::RedirectTo("file:///etc/passwd".into()),
            "only https",
        ),
        (storage, FaultKind::NewTag, "changed at the server"),
        (
            from,
            FaultKind::Status(503, Some(100_000)),
            "left alone for 100000 s",
        ),
    ];
    let line = format!("average {} {GRID} -o far.nc --overwrite", bench.links());
    for (place, kind) in passing {
        let what = format!("{place:?} {kind:?}");
        bench.behave(vec![Fault::first(2, place, kind)]);
        let output = bench.with_token(&line).output().unwrap();
        assert!(output.status.success(), "{what}: {}", text(&output.stderr));
        assert!(bench.read("far.nc").unwrap() == expected, "{what}");
        bench.assert_no_secret(&output);
    }
    std::fs::remove_file(bench.work.path().join("far.nc")).unwrap();
    for (place, kind, words) in lasting {
        let what = format!("{place:?} {kind:?}");
        bench.behave(vec![Fault::always(place, kind)]);
        let (output, said) = fail(bench.with_token(&line), 1);
        assert!(said.contains(words), "{what}: {said}");
        assert_eq!(said.matches("error: ").count(), 1, "{what}: {said}");
        assert_eq!(bench.read("far.nc"), None, "{what}");
        bench.assert_no_secret(&output);
    }
}

#[test]
fn silence_is_not_waited_for() {
    let bench = Bench::new();
    let expected = bench.expected();
    bench.behave(vec![
        Fault::first(1, Place::Distribution, FaultKind::Delay(60_000)),
        Fault::first(1, Place::Storage, FaultKind::Stall(60_000)),
    ]);
    let mut command = bench.with_token(&format!("average {} {GRID} -o far.nc", bench.links()));
    command.env("SWATHE_PATIENCE", "300");
    succeed(command);
    assert!(bench.read("far.nc").unwrap() == expected);
}

#[test]
fn mixtures_of_faults_give_the_right_product_or_one_error() {
    let bench = Bench::new();
    let expected = bench.expected();
    let runs: u64 = std::env::var("SWATHE_FAULT_RUNS").map_or(25, |n| n.parse().unwrap());
    let line = format!("average {} {GRID} -o far.nc --overwrite", bench.links());
    let mut good = 0;
    for seed in 0..runs {
        let storage = [
            FaultKind::Status(503, None),
            FaultKind::Status(429, Some(0)),
            FaultKind::Status(500, None),
            FaultKind::Reset,
            FaultKind::Cut,
            FaultKind::Stall(20),
            FaultKind::Delay(20),
            FaultKind::WrongContentRange,
            FaultKind::WrongLength,
            FaultKind::ExpireAddress,
            FaultKind::LoginPage,
            FaultKind::NewTag,
        ];
        let from = [
            FaultKind::Status(503, None),
            FaultKind::Status(401, None),
            FaultKind::ExpireToken,
            FaultKind::LoginPage,
            FaultKind::RedirectLoop,
            FaultKind::RedirectToNowhere,
        ];
        let rates = [0.01, 0.04, 0.1];
        let mut faults = Vec::new();
        for (i, kind) in storage.into_iter().enumerate() {
            // The last two are not for every run: a file that changes ends all of them.
            let rate = rates[(seed as usize + i) % 3] * if i < 10 { 1.0 } else { 0.1 };
            faults.push(Fault {
                rate,
                ..Fault::always(Place::Storage, kind)
            });
        }
        for (i, kind) in from.into_iter().enumerate() {
            let rate = rates[(seed as usize + i) % 3] * if i < 3 { 1.0 } else { 0.2 };
            faults.push(Fault {
                rate,
                ..Fault::always(Place::Distribution, kind)
            });
        }
        bench.behave(faults);
        bench.server.behave(|b| b.seed = seed);
        let _ = std::fs::remove_file(bench.work.path().join("far.nc"));
        let mut command = bench.command(&line);
        command.envs([
            ("EARTHDATA_USERNAME", USER),
            ("EARTHDATA_PASSWORD", PASSWORD),
        ]);
        if seed % 2 == 0 {
            command.env("SWATHE_CACHE", bench.work.path().join("cache"));
        }
        let output = command.output().unwrap();
        let said = text(&output.stderr);
        match output.status.code() {
            Some(0) => {
                good += 1;
                assert!(bench.read("far.nc").unwrap() == expected, "seed {seed}");
            }
            Some(1) => {
                assert_eq!(said.matches("error: ").count(), 1, "seed {seed}: {said}");
                assert_eq!(bench.read("far.nc"), None, "seed {seed}");
            }
            code => panic!("seed {seed}: {code:?} {said}"),
        }
        bench.assert_no_secret(&output);
    }
    // Most mixtures are survived.
    assert!(good * 2 > runs, "{good} of {runs}");
}
