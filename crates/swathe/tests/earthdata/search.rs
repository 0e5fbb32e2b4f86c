//! Search: pages of the catalogue, polygons, and catalogues that are none.

use crate::{Bench, COLLECTION, fail, succeed, text};
use stand_in::{Fault, FaultKind, Place, StandIn};
use std::path::Path;

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
