//! Search, sign-in, streaming and download against a server that behaves as NASA's do, faults included.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
use stand_in::{Behaviour, Fault, FaultKind, PASSWORD, Place, S3_SECRET, StandIn, TOKEN, USER};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use swathe_io::simulate::{Overwrite, Simulation};
use tempfile::TempDir;

/// Three granules, a server that has them, and a folder to work in.
struct Bench {
    granules: TempDir,
    work: TempDir,
    server: StandIn,
    names: Vec<String>,
}

const GRID: &str = "-v chlor_a -b -80,30,-60,45 -r 0.2 -m bin";
const COLLECTION: &str = "PACE_OCI_L2_BGC";
/// What must not be seen anywhere.
const SECRETS: [&str; 5] = [
    TOKEN,
    PASSWORD,
    S3_SECRET,
    "given-token-not-to-be-seen",
    "signature-not-to-be-seen",
];

impl Bench {
    fn new() -> Bench {
        let granules = tempfile::tempdir().unwrap();
        let simulation = Simulation {
            area: Some([-80.0, 30.0, -60.0, 45.0]),
            count: Some(3),
            lines: Some(200),
            ..Simulation::default()
        };
        let written = simulation.granules().unwrap();
        let paths: Vec<PathBuf> = written
            .iter()
            .map(|g| g.write(granules.path(), Overwrite::Refuse).unwrap())
            .collect();
        let name = |p: &PathBuf| p.file_name().unwrap().to_string_lossy().into_owned();
        Bench {
            server: StandIn::start(granules.path()).unwrap(),
            names: paths.iter().map(name).collect(),
            work: tempfile::tempdir().unwrap(),
            granules,
        }
    }

    /// The command with this server's settings and nobody's credentials.
    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("swathe"));
        command
            .current_dir(self.work.path())
            .args(line.split_whitespace())
            .env_clear()
            .envs(self.server.environment())
            .env("HOME", self.work.path())
            .env("SWATHE_CACHE", "none")
            .env("SWATHE_BACKOFF", "2");
        command
    }

    fn with_token(&self, line: &str) -> Command {
        let mut command = self.command(line);
        command.env("EARTHDATA_TOKEN", TOKEN);
        command
    }

    fn links(&self) -> String {
        let links = self.names.iter().map(|name| self.server.link(name));
        links.collect::<Vec<_>>().join(" ")
    }

    fn behave(&self, faults: Vec<Fault>) {
        self.server.behave(|behaviour| {
            *behaviour = Behaviour::default();
            behaviour.faults = faults;
        });
        self.server.clear_log();
    }

    /// The product of the same job on local files.
    fn expected(&self) -> Vec<u8> {
        let local = self.granules.path().display();
        let out = self.command(&format!("average {local} {GRID} -o local.nc --overwrite"));
        succeed(out);
        std::fs::read(self.work.path().join("local.nc")).unwrap()
    }

    fn read(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.work.path().join(name)).ok()
    }

    /// No secret in any file of the work folder, in what was printed, or in what came to the storage host.
    fn assert_no_secret(&self, output: &Output) {
        let mut texts = vec![output.stdout.clone(), output.stderr.clone()];
        all_files(self.work.path(), &mut texts);
        for secret in SECRETS {
            for text in &texts {
                let found = text.windows(secret.len()).any(|w| w == secret.as_bytes());
                assert!(!found, "{secret} in {}", String::from_utf8_lossy(text));
            }
        }
        for request in self.server.log() {
            if request.place == Place::Storage {
                let header = |(name, value): &(String, String)| {
                    name == "authorization" || SECRETS[..4].iter().any(|s| value.contains(s))
                };
                assert!(!request.headers.iter().any(header), "{request:?}");
            }
        }
    }
}

fn all_files(folder: &Path, texts: &mut Vec<Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        texts.push(
            entry
                .file_name()
                .to_string_lossy()
                .into_owned()
                .into_bytes(),
        );
        match entry.path() {
            path if path.is_dir() => all_files(&path, texts),
            path => texts.extend(std::fs::read(path).ok()),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn succeed(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    output
}

/// Standard error of a command that must fail with a code.
fn fail(mut command: Command, code: i32) -> (Output, String) {
    let output = command.output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    (output, said)
}

#[test]
fn a_search_finds_granules_page_by_page() {
    let bench = Bench::new();
    let search = |line: &str| {
        let mut command = bench.command(&format!("search -c {COLLECTION} {line}"));
        command.env("SWATHE_PAGE_SIZE", "1");
        command
    };
    let urls = |line: &str| {
        let out = text(&succeed(search(&format!("{line} --urls"))).stdout);
        out.lines()
            .map(|l| l.rsplit('/').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(urls(""), bench.names);
    let pages = bench.server.log();
    assert_eq!(
        pages.iter().filter(|r| r.place == Place::Catalogue).count(),
        3
    );
    // No token goes to the catalogue unless it is needed.
    assert!(
        pages
            .iter()
            .all(|r| r.headers.iter().all(|(name, _)| name != "authorization"))
    );
    assert_eq!(urls("--limit 2"), bench.names[..2]);
    let day = bench.names[1].get(9..17).unwrap();
    let day = format!("{}-{}-{}", &day[..4], &day[4..6], &day[6..]);
    let of_day: Vec<_> = bench
        .names
        .iter()
        .filter(|n| n.contains(&day.replace('-', "")))
        .collect();
    assert_eq!(
        urls(&format!("-t {day}")).iter().collect::<Vec<_>>(),
        of_day
    );
    let pattern = format!("*{}*", bench.names[2].split('.').nth(1).unwrap());
    assert_eq!(urls(&format!("--name {pattern}")), bench.names[2..]);
    assert_eq!(urls("--cloud-cover 40"), bench.names[..2]);
    let table = text(&succeed(search("")).stdout);
    assert!(
        table.contains(&bench.names[0]) && table.contains("3 granules, "),
        "{table}"
    );
    let json = text(&succeed(search("--json")).stdout);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[1]["name"], bench.names[1].as_str());
    assert_eq!(json[1]["outlines"][0].as_array().unwrap().len(), 5);

    let (_, said) = fail(search("-b 100,-60,110,-50"), 4);
    assert!(said.contains("no granule"), "{said}");
    let (_, said) = fail(bench.command("search -c PACE_OCI_L2_BCG"), 1);
    assert!(said.contains("did you mean PACE_OCI_L2_BGC?"), "{said}");
    let (_, said) = fail(search("-t yesterday"), 2);
    assert!(said.contains("is not a time"), "{said}");
    // Without asking.
    let (_, said) = fail(search("-b 0,50,10,40"), 2);
    assert!(said.contains("the box 0,50,10,40: it is empty"), "{said}");
    let (_, said) = fail(search("--point 190,0"), 2);
    assert!(said.contains("between -180 and 180"), "{said}");
}

/// Recorded exchanges with the real catalogue, where they are beside the project.
fn recorded(file: &str) -> Option<Vec<stand_in::Recorded>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let text = std::fs::read(root.join("shared/data/cmr").join(file)).ok()?;
    let exchanges: Vec<serde_json::Value> = serde_json::from_slice(&text).unwrap();
    let one = |exchange: &serde_json::Value| {
        let headers = exchange["response_headers"].as_object().unwrap();
        let text = |value: &serde_json::Value| value[0].as_str().unwrap().to_owned();
        stand_in::Recorded {
            asked: exchange["request_headers"]
                .get("cmr-search-after")
                .map(text),
            headers: headers.iter().map(|(k, v)| (k.clone(), text(v))).collect(),
            body: exchange["body"].clone(),
        }
    };
    Some(exchanges.iter().map(one).collect())
}

#[test]
fn recorded_pages_are_followed_to_the_end() {
    let Some(pages) =
        recorded("vcr.python_cmr.TestMultipleQueries.test_results_unparsed_format.json")
    else {
        return;
    };
    let mut ids: Vec<String> = Vec::new();
    for page in &pages {
        let items = page.body["items"].as_array().unwrap().iter();
        ids.extend(items.map(|item| item["meta"]["concept-id"].as_str().unwrap().to_owned()));
    }
    let mut bench = Bench::new();
    bench.server = StandIn::replaying(pages).unwrap();
    let search = |limit: usize| {
        let mut command = bench.command(&format!("search -c MOD02QKM --limit {limit} --json"));
        command.env("SWATHE_PAGE_SIZE", "2");
        command
    };
    let output = succeed(search(20));
    let found: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(bench.server.log().len(), 10);
    let mut names: Vec<&str> = found.iter().map(|g| g["id"].as_str().unwrap()).collect();
    names.sort_unstable();
    ids.sort();
    assert_eq!(names, ids);
    let first = &found[0];
    assert_eq!(
        first["name"],
        "MOD02QKM.A2000055.0005.061.2017171194850.hdf"
    );
    assert_eq!(first["size"], 27_984_421);
    assert_eq!(first["checksum"][1], "f354ac721cb0f66e1da78b420e734c6a");
    assert_eq!(
        first["outlines"][0][1],
        serde_json::json!([-145.553_577, 66.835_767])
    );
    // More were counted than recorded: the page after the last is refused.
    let (_, said) = fail(search(22), 1);
    assert!(said.contains("refused"), "{said}");
}

#[test]
fn recorded_answers_without_a_granule_are_no_granule() {
    let Some(pages) = recorded("vcr.earthaccess.TestResults.test_no_results.json") else {
        return;
    };
    let mut bench = Bench::new();
    bench.server = StandIn::replaying(pages).unwrap();
    let (_, said) = fail(bench.command("search -c PACE_OCI_L2_BGC"), 4);
    assert!(said.contains("no granule"), "{said}");
}

#[test]
fn polygons_are_looked_for_and_lost_pages_noticed() {
    let bench = Bench::new();
    let around =
        r#"{"type":"Polygon","coordinates":[[[-80,30],[-80,45],[-60,45],[-60,30],[-80,30]]]}"#;
    std::fs::write(bench.work.path().join("area.json"), around).unwrap();
    let line = format!("search -c {COLLECTION} --polygon area.json --urls");
    let out = text(&succeed(bench.command(&line)).stdout);
    assert_eq!(out.lines().count(), 3, "{out}");
    bench.behave(vec![Fault::first(
        1,
        Place::Catalogue,
        FaultKind::LostRecords,
    )]);
    let (_, said) = fail(bench.command(&format!("search -c {COLLECTION}")), 1);
    assert!(
        said.contains("3 granules were counted, 2 were given"),
        "{said}"
    );
}

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
fn sign_in_by_token_password_and_netrc() {
    let bench = Bench::new();
    let expected = bench.expected();
    let line = format!("average {} {GRID} -o far.nc --overwrite", bench.links());
    let (_, said) = fail(bench.command(&line), 1);
    assert!(
        said.contains("no credentials were found") && said.contains("EARTHDATA_TOKEN"),
        "{said}"
    );

    let mut by_password = bench.command(&line);
    by_password.envs([
        ("EARTHDATA_USERNAME", USER),
        ("EARTHDATA_PASSWORD", PASSWORD),
    ]);
    bench.assert_no_secret(&succeed(by_password));
    assert!(bench.read("far.nc").unwrap() == expected);

    let netrc = tempfile::NamedTempFile::new().unwrap();
    let entry =
        |password: &str| format!("machine 127.0.0.1\n login {USER}\n password {password}\n");
    std::fs::write(netrc.path(), entry(PASSWORD)).unwrap();
    let mut by_netrc = bench.command(&line);
    by_netrc.env("NETRC", netrc.path());
    bench.assert_no_secret(&succeed(by_netrc));
    let mut login = bench.command("login");
    login.env("NETRC", netrc.path());
    let output = succeed(login);
    bench.assert_no_secret(&output);
    assert!(
        text(&output.stdout).contains("signed in as ocean"),
        "{}",
        text(&output.stdout)
    );

    // One that cannot be read is not taken for none.
    let mut unread = bench.command(&line);
    unread.env("NETRC", bench.work.path());
    let (_, said) = fail(unread, 1);
    let expected = format!("found: {}: ", bench.work.path().display());
    assert!(said.contains(&expected), "{said}");

    std::fs::write(netrc.path(), entry("wrong")).unwrap();
    let mut wrong = bench.command(&line);
    wrong.env("NETRC", netrc.path());
    let (output, said) = fail(wrong, 1);
    assert!(
        said.contains("does not accept the user name or password"),
        "{said}"
    );
    bench.assert_no_secret(&output);

    let mut wrong = bench.command(&line);
    wrong.env("EARTHDATA_TOKEN", "not-a-token");
    let (_, said) = fail(wrong, 1);
    assert!(
        said.contains("token from EARTHDATA_TOKEN is not accepted"),
        "{said}"
    );
    assert!(!said.contains("not-a-token"), "{said}");

    let mut unapproved = bench.command(&line);
    unapproved.envs([
        ("EARTHDATA_USERNAME", USER),
        ("EARTHDATA_PASSWORD", PASSWORD),
    ]);
    bench.server.behave(|b| b.approved = false);
    let (_, said) = fail(unapproved, 1);
    assert!(said.contains("application is not approved"), "{said}");

    bench
        .server
        .behave(|b| (b.approved, b.licence) = (true, false));
    let (_, said) = fail(bench.with_token(&line), 1);
    assert!(
        said.contains("EULA") && said.contains("accept it"),
        "{said}"
    );
}

#[test]
fn what_expires_in_the_middle_is_renewed() {
    let bench = Bench::new();
    let expected = bench.expected();
    let line = format!("average {} {GRID} -o far.nc --overwrite", bench.links());
    bench.behave(vec![
        Fault::first(4, Place::Storage, FaultKind::ExpireAddress),
        Fault::first(2, Place::Distribution, FaultKind::ExpireToken),
    ]);
    let mut command = bench.command(&line);
    command.envs([
        ("EARTHDATA_USERNAME", USER),
        ("EARTHDATA_PASSWORD", PASSWORD),
    ]);
    bench.assert_no_secret(&succeed(command));
    assert!(bench.read("far.nc").unwrap() == expected);
    let tokens = bench
        .server
        .log()
        .iter()
        .filter(|r| r.place == Place::Login)
        .count();
    assert!(tokens >= 2, "{tokens}");
}

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

/// The page of a network that wants a sign-in, say, does not go away by asking on and on.
#[test]
fn what_is_no_catalogue_is_asked_twice() {
    let bench = Bench::new();
    bench.behave(vec![Fault::first(
        u64::MAX,
        Place::Catalogue,
        FaultKind::LoginPage,
    )]);
    let (_, said) = fail(bench.command("search -c PACE_OCI_L2_BGC"), 1);
    assert!(
        said.contains("the catalogue: what answers is not the catalogue"),
        "{said}"
    );
    assert_eq!(bench.server.log().len(), 2);
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

/// A catalogue that gives a byte now and then is given up.
#[test]
fn a_slow_catalogue_is_not_waited_for() {
    use std::io::{Read as _, Write as _};
    let bench = Bench::new();
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = server.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in server.incoming() {
            std::thread::spawn(move || {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4096]);
                let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n";
                let mut open = stream.write_all(head).is_ok();
                while open {
                    std::thread::sleep(std::time::Duration::from_millis(50));
                    open = stream.write_all(b" ").is_ok();
                }
            });
        }
    });
    let mut command = bench.command("search -c PACE_OCI_L2_BGC");
    command
        .env("SWATHE_CMR", format!("http://{host}"))
        .env("SWATHE_LOOPBACK_HOSTS", &host)
        .env("SWATHE_PATIENCE", "500");
    let (_, said) = fail(command, 1);
    assert!(said.contains("answers too slowly, 2 times"), "{said}");
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
