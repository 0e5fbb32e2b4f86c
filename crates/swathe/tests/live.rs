//! The page of a run: what it tells, and what hostile requests do to it.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
mod simulated;

use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use swathe::core::build_geobox::Resolution;
use swathe::core::resample::Method;
use swathe::io::product::{LayerData, Product};
use swathe::io::simulate::Simulation;
use swathe::job::{self, Finishing, GridRequest, Job, Keeping, OnError, Plan, Purpose, gather};
use swathe::live::{Live, Recorder, Serving};

fn granules(count: usize, lines: usize) -> (tempfile::TempDir, Vec<PathBuf>) {
    simulated::granules(Simulation {
        area: Some([-77.0, 36.0, -73.0, 41.0]),
        count: Some(count),
        lines: Some(lines),
        ..Simulation::default()
    })
}

fn plan(paths: &[PathBuf]) -> Arc<Plan> {
    plan_at(paths, 0.01)
}

/// A plan for cells of so many degrees.
fn plan_at(paths: &[PathBuf], degrees: f64) -> Arc<Plan> {
    let job = Job {
        variables: vec!["chlor_a".into()],
        method: Some(Method::Footprint),
        grid: GridRequest::Box {
            bbox: (-77.0, 36.0, -73.0, 41.0),
            resolution: Resolution::Degrees(degrees),
            crs: None,
        },
        on_error: OnError::Skip,
        ..Job::default()
    };
    let gathered = gather(paths, job.on_error).unwrap();
    Arc::new(Plan::new(gathered, job, Purpose::Average).unwrap())
}

/// A product as a file.
fn netcdf(product: &Product) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    swathe::io::product::netcdf::write(product, &mut bytes).unwrap();
    bytes.into_inner()
}

fn pool() -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .build()
        .unwrap()
}

/// The product of a plan, watched or not.
fn product(plan: &Arc<Plan>, live: Option<&Live>) -> Product {
    let pool = pool();
    let keeping = Keeping::default();
    let _entered = live.map(|live| live.watched().enter());
    if let Some(live) = live {
        let shares = plan.shares(2, &keeping).unwrap();
        live.plan(plan, &shares, None);
        live.draw(plan, &["mean.nc".into()]);
    }
    let mut show = |event: &job::Event<'_>| {
        if let Some(live) = live {
            live.show(event);
        }
        ControlFlow::Continue(())
    };
    let finished = job::run(plan, &pool, &keeping, &mut show).unwrap();
    let product = pool.install(|| finished.product()).unwrap();
    if let Some(live) = live {
        live.product(&product);
        live.ended(None);
    }
    product
}

/// Sends bytes, and gives the status and the body that come back; nothing where the connection is closed.
fn send(port: u16, bytes: &[u8]) -> Option<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    // It may be closed before all is sent.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let split = answer.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8(answer[..split].to_vec()).unwrap();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer[split + 4..].to_vec()))
}

fn get(port: u16, target: &str) -> Option<(u16, Vec<u8>)> {
    let head = format!("GET {target} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
    send(port, head.as_bytes())
}

fn state(port: u16) -> Value {
    let (status, body) = get(port, "/state").unwrap();
    assert_eq!(status, 200);
    serde_json::from_slice(&body).unwrap()
}

fn counts(product: &Product, layer: &str) -> Vec<i32> {
    match &product
        .layers
        .iter()
        .find(|l| l.name == layer)
        .unwrap()
        .data
    {
        LayerData::I32(counts) => counts.clone(),
        other => panic!("{:?}", other.dtype()),
    }
}

#[test]
fn what_the_page_is_told_is_what_the_product_has() {
    let (folder, mut paths) = granules(4, 200);
    let broken = folder
        .path()
        .join("PACE_OCI.20240803T999999.L2.OC_BGC.V3_1.nc");
    let bytes = std::fs::read(&paths[0]).unwrap();
    std::fs::write(&broken, &bytes[..bytes.len() / 2]).unwrap();
    paths.push(broken);
    let live = Live::start("0".parse().unwrap(), false).unwrap();
    let product = product(&plan(&paths), Some(&live));
    let state = state(live.port());

    assert_eq!(state["phase"], "done");
    for row in state["granules"].as_array().unwrap() {
        let name = row["name"].as_str().unwrap();
        let record = product.granules.iter().find(|g| g.name == name).unwrap();
        assert_eq!(row["state"], record.status.as_str(), "{name}");
        assert_eq!(row["reason"], record.reason.as_str(), "{name}");
    }
    assert_eq!(
        state["granules"].as_array().unwrap().len(),
        product.granules.len()
    );
    assert_eq!(state["counts"]["granules"]["skipped"], 1);
    assert_eq!(state["counts"]["granules"]["total"], 4);
    // The grid is small: the preview has every cell.
    let map = &state["map"];
    assert_eq!(map["levels"], serde_json::json!([0]));
    let (rows, columns) = product.geobox.shape();
    assert_eq!(
        (map["rows"].as_u64(), map["columns"].as_u64()),
        (Some(rows as u64), Some(columns as u64))
    );
    let (_, blocks) = get(live.port(), "/blocks?since=0").unwrap();
    let words: Vec<u32> = blocks
        .chunks(4)
        .map(|w| u32::from_le_bytes(w.try_into().unwrap()))
        .collect();
    let expected = counts(&product, "chlor_a_count");
    let mut seen = 0;
    let mut at = 0;
    while at < words.len() {
        let [layer, _, row, column, height, width] =
            [0, 1, 2, 3, 4, 5].map(|i| words[at + i] as usize);
        for (i, word) in words[at + 6..at + 6 + height * width].iter().enumerate() {
            let cell = (row + i / width) * columns + column + i % width;
            if layer == 1 {
                assert_eq!(f32::from_bits(*word) as i32, expected[cell]);
                seen += 1;
            }
        }
        at += 6 + height * width;
    }
    assert_eq!(seen, rows * columns);
    // Threads have decoded, located and gridded, for granules of the plan.
    let segments = state["segments"].as_array().unwrap();
    for task in [1, 2, 3] {
        assert!(
            segments
                .iter()
                .any(|s| s[1] == task && s[2].as_u64() < Some(4)),
            "{task}"
        );
    }
    assert!(state["read"]["bytes"].as_u64().unwrap() > 100_000);
    let (_, graph) = get(live.port(), "/graph").unwrap();
    assert!(graph.starts_with(b"<svg") && String::from_utf8(graph).unwrap().contains("mean.nc"));
}

/// Blocks of the map as a page takes them: layer, first row and column, height, width, values.
fn blocks(port: u16) -> Vec<([usize; 5], Vec<f32>)> {
    let (_, bytes) = get(port, "/blocks?since=0").unwrap();
    let words: Vec<u32> = bytes
        .chunks(4)
        .map(|w| u32::from_le_bytes(w.try_into().unwrap()))
        .collect();
    let (mut all, mut at) = (Vec::new(), 0);
    while at < words.len() {
        let head = [0, 2, 3, 4, 5].map(|i| words[at + i] as usize);
        let values = &words[at + 6..at + 6 + head[3] * head[4]];
        all.push((head, values.iter().map(|w| f32::from_bits(*w)).collect()));
        at += 6 + head[3] * head[4];
    }
    all
}

#[test]
fn what_tasks_elsewhere_note_is_on_the_page() {
    let (folder, paths) = granules(5, 200);
    let plan = plan_at(&paths, 0.01);
    let alone = product(&plan, None);
    let live = Live::start("0".parse().unwrap(), false).unwrap();
    let port = live.port();
    let stride = live.plan_spread(&plan, None);
    let pool = pool();
    let worker = job::Worker {
        memory: None,
        scratch: folder.path(),
    };
    let spread = plan.spread(None, false, Finishing::Here).unwrap();
    let mut news = Vec::new();
    for (number, task) in spread.tasks.iter().enumerate() {
        let recorder = Arc::new(Recorder::new(stride));
        let watched = worker.carry_out_watched(&task.assignment, &pool, Some(&recorder));
        let unwatched = worker.carry_out(&task.assignment, &pool);
        assert_eq!(watched.unwrap(), unwatched.unwrap(), "the same bytes");
        let bytes = recorder.take().unwrap().unwrap();
        assert!(recorder.take().unwrap().is_none(), "told once");
        live.take(&format!("worker {}", number % 2), &bytes)
            .unwrap();
        news.push(bytes);
    }
    let shown = state(port);
    assert_eq!(
        shown["workers"],
        serde_json::json!(["worker 0", "worker 1"])
    );
    assert_eq!(shown["counts"]["granules"]["done"], 5);
    for row in shown["granules"].as_array().unwrap() {
        let name = row["name"].as_str().unwrap();
        let record = alone.granules.iter().find(|g| g.name == name).unwrap();
        assert_eq!(row["state"], record.status.as_str());
        assert!(!row["lines"].as_array().unwrap().is_empty());
    }
    let segments = shown["segments"].as_array().unwrap();
    for task in [1, 2, 3] {
        assert!(
            segments
                .iter()
                .any(|s| s[1] == task && s[2].as_u64() < Some(5))
        );
    }
    // The map of what the tasks gave is that of the product, though no product was shown.
    let expected = counts(&alone, "chlor_a_count");
    let (rows, columns) = alone.geobox.shape();
    let check = || {
        let mut seen = 0;
        for ([layer, row, column, _, width], values) in blocks(port) {
            for (i, value) in values.iter().enumerate().filter(|_| layer == 1) {
                let cell = |square: usize, len: usize| (square * stride + stride / 2).min(len - 1);
                let at = cell(row + i / width, rows) * columns + cell(column + i % width, columns);
                assert_eq!(*value as i32, expected[at]);
                seen += i32::from(*value > 0.0);
            }
        }
        assert!(seen > 500, "{seen}");
    };
    check();
    // A task that was done again, because its worker was lost, is not counted twice.
    live.take("worker 0", &news[0]).unwrap();
    check();
    assert_eq!(state(port)["counts"]["granules"]["done"], 5);
}

#[test]
fn news_that_are_damaged_do_no_harm() {
    let (folder, paths) = granules(2, 60);
    let plan = plan_at(&paths, 0.05);
    let live = Live::start("0".parse().unwrap(), false).unwrap();
    let stride = live.plan_spread(&plan, None);
    let recorder = Arc::new(Recorder::new(stride));
    let spread = plan.spread(None, false, Finishing::Here).unwrap();
    let worker = job::Worker {
        memory: None,
        scratch: folder.path(),
    };
    let pool = pool();
    worker
        .carry_out_watched(&spread.tasks[0].assignment, &pool, Some(&recorder))
        .unwrap();
    let whole = recorder.take().unwrap().unwrap();
    let mut state_of = 17_u64;
    let mut random = |below: usize| {
        state_of = state_of.wrapping_mul(6364136223846793005).wrapping_add(1);
        (state_of >> 33) as usize % below
    };
    let (mut refused, mut taken) = (0, 0);
    for _ in 0..2000 {
        let mut bytes = whole.clone();
        for _ in 0..1 + random(6) {
            let at = random(bytes.len());
            bytes[at] = random(256) as u8;
        }
        bytes.truncate(random(bytes.len()) + bytes.len() / 2);
        match live.take("worker", &bytes) {
            Ok(()) => taken += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 100 && taken > 100, "{refused} {taken}");
    // And the page still answers, with numbers that are numbers.
    let shown = state(live.port());
    assert_eq!(shown["granules"].as_array().unwrap().len(), 2);
    for segment in shown["segments"].as_array().unwrap() {
        assert!(segment[3].is_number() && segment[4].is_number());
    }
    assert_eq!(get(live.port(), "/blocks?since=0").unwrap().0, 200);
}

#[test]
fn only_addresses_of_the_web_are_linked() {
    let live = Live::start("0".parse().unwrap(), false).unwrap();
    live.see_also("evil", "javascript:alert(1)");
    live.see_also("evil", "file:///etc/passwd");
    live.see_also("Dask's dashboard", "http://127.0.0.1:8787/status");
    let links = serde_json::json!([["Dask's dashboard", "http://127.0.0.1:8787/status"]]);
    assert_eq!(state(live.port())["links"], links);
}

/// Requests that no page sends, another one for every number.
fn hostile(number: usize, port: u16) -> Vec<u8> {
    let long = "A".repeat(1 + (number * 977) % 20_000);
    let host = format!("Host: localhost:{port}\r\n");
    let text = match number % 20 {
        0 => format!("GET /../../../../etc/passwd HTTP/1.1\r\n{host}\r\n"),
        1 => format!("GET /%2e%2e%2f%2e%2e%2fetc%2fpasswd HTTP/1.1\r\n{host}\r\n"),
        2 => format!("GET /{long} HTTP/1.1\r\n{host}\r\n"),
        3 => format!("GET / HTTP/1.1\r\n{host}X: {long}\r\n\r\n"),
        4 => format!("GET /state?since={long} HTTP/1.1\r\n{host}\r\n"),
        5 => format!("GET /state?since=-1&run=18446744073709551616 HTTP/1.1\r\n{host}\r\n"),
        6 => format!("GET /blocks?since=99999999999999999999 HTTP/1.1\r\n{host}\r\n"),
        7 => format!("POST /state HTTP/1.1\r\n{host}Content-Length: 10\r\n\r\n0123456789"),
        8 => format!("GET / HTTP/1.1\r\n{host}Content-Length: 99999999999\r\n\r\n"),
        9 => format!("GET / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\nffffffff\r\n"),
        10 => "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(),
        11 => format!("GET / HTTP/9.9\r\n{host}\r\n"),
        12 => "\r\n".repeat(number % 5000),
        13 => format!("GET http://169.254.169.254/latest/ HTTP/1.1\r\n{host}\r\n"),
        14 => format!("CONNECT localhost:22 HTTP/1.1\r\n{host}\r\n"),
        15 => format!("GET /graph/../state HTTP/1.1\r\n{host}\r\n"),
        16 => format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(number % 900)),
        17 => format!(
            "GET /tile?layer=0&step=0&level=63&row=99999999999&column=1 HTTP/1.1\r\n{host}\r\n"
        ),
        18 => "GET /state".to_owned(),
        _ => format!("GET / HTTP/1.1\r\n{host}Host: other\r\n\r\n"),
    };
    let mut bytes = text.into_bytes();
    if number.is_multiple_of(7) {
        // Not even text.
        let at = number % bytes.len().max(1);
        bytes.insert(at, (number % 256) as u8);
    }
    bytes
}

#[test]
fn a_thousand_hostile_requests_have_no_effect_on_the_run() {
    let (_folder, paths) = granules(6, 400);
    let alone = product(&plan(&paths), None);
    let live = Live::start("0".parse().unwrap(), false).unwrap();
    let port = live.port();
    let run = AtomicBool::new(true);
    let (watched, answered) = std::thread::scope(|scope| {
        // Some that never say anything, and some that take no answer.
        let silent: Vec<TcpStream> = (0..8)
            .map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap())
            .collect();
        let mut deaf: Vec<TcpStream> = (0..4)
            .map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap())
            .collect();
        for stream in &mut deaf {
            stream
                .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                .unwrap();
        }
        let hostile = scope.spawn(move || {
            let answers = (0..1000).map(|number| send(port, &hostile(number, port)));
            answers
                .filter(|answer| answer.as_ref().is_some_and(|(status, _)| *status == 200))
                .count()
        });
        let watched = product(&plan(&paths), Some(&live));
        let answered = hostile.join().unwrap();
        run.store(false, Ordering::Relaxed);
        drop((silent, deaf));
        (watched, answered)
    });
    assert_eq!(netcdf(&alone), netcdf(&watched), "the same bytes");
    // Numbers that are none are taken for nothing asked: all others are refused.
    assert!(answered <= 200, "{answered}");
    // And the page still answers.
    assert_eq!(state(port)["phase"], "done");
    assert_eq!(get(port, "/").unwrap().0, 200);
}

#[test]
fn refusals_say_nothing_of_the_request_and_of_the_machine() {
    let live = Live::start("0".parse().unwrap(), false).unwrap();
    let port = live.port();
    for (target, expected) in [
        ("/../etc/passwd", 404),
        ("/page/index.html", 404),
        ("/<script>alert(1)</script>", 404),
        ("//", 404),
        ("/graph", 404),
    ] {
        let (status, body) = get(port, target).unwrap();
        assert_eq!(status, expected, "{target}");
        assert_eq!(body, b"404 Not Found\n", "{target}");
    }
    let elsewhere = b"GET / HTTP/1.1\r\nHost: rebound.example:8765\r\n\r\n";
    assert_eq!(send(port, elsewhere).unwrap().0, 421);
    assert_eq!(send(port, b"GET / HTTP/1.1\r\n\r\n").unwrap().0, 421);
}

#[test]
fn a_guarded_page_wants_its_token_for_everything() {
    let live = Live::start("0".parse().unwrap(), true).unwrap();
    let (port, link) = (live.port(), live.link());
    let token = link.split_once("?token=").unwrap().1.to_owned();
    assert_eq!(token.len(), 32);
    let other = Live::start("0".parse().unwrap(), true).unwrap();
    assert!(!other.link().contains(&token));
    for path in ["/", "/state", "/blocks", "/seen", "/nothing"] {
        assert_eq!(get(port, path).unwrap().0, 403, "{path}");
        let mut wrong = token.clone();
        wrong.replace_range(31..32, if token.ends_with('0') { "1" } else { "0" });
        for bad in [
            &wrong[..],
            &token[..31],
            "",
            &format!("{token}0"),
            &token
                .to_uppercase()
                .replace(|c: char| c.is_ascii_digit(), "x"),
        ] {
            assert_eq!(
                get(port, &format!("{path}?token={bad}")).unwrap().0,
                403,
                "{path} {bad}"
            );
        }
    }
    // With it, by whatever name: a proxy has its own.
    let by_proxy =
        format!("GET /state?since=0&token={token} HTTP/1.1\r\nHost: hub.example.org\r\n\r\n");
    let (status, body) = send(port, by_proxy.as_bytes()).unwrap();
    assert_eq!(status, 200);
    // What pages are told does not hold it.
    assert!(!String::from_utf8(body).unwrap().contains(&token));
    let (_, page) = get(port, &format!("/?token={token}")).unwrap();
    assert!(!String::from_utf8(page).unwrap().contains(&token));
}

#[test]
fn clients_that_send_slowly_are_let_go() {
    let live = Live::start("0".parse().unwrap(), false).unwrap();
    let mut slow = TcpStream::connect(("127.0.0.1", live.port())).unwrap();
    let began = Instant::now();
    // A byte now and then: never silent for long, and never done.
    let mut answer = Vec::new();
    slow.set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    while began.elapsed() < Duration::from_secs(20) {
        if slow.write_all(b"G").is_err() {
            break;
        }
        let mut piece = [0; 512];
        match slow.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&piece[..count]),
            Err(_) => {}
        }
    }
    assert!(
        answer.starts_with(b"HTTP/1.1 408"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_file_is_served_as_it_is() {
    let (folder, paths) = granules(3, 200);
    // So fine that there are levels above.
    let product = product(&plan_at(&paths, 0.005), None);
    let file = folder.path().join("mean.nc");
    std::fs::write(&file, netcdf(&product)).unwrap();
    let serving = Serving::start(&file, &[], "0".parse().unwrap(), false).unwrap();
    let port = serving.port();
    let (rows, columns) = product.geobox.shape();
    let LayerData::F32(values) = &product.layers[0].data else {
        panic!("{:?}", product.layers[0].data.dtype());
    };
    let tile = |level: usize, row: usize, column: usize| -> Option<Vec<f32>> {
        let target = format!("/tile?layer=0&step=0&level={level}&row={row}&column={column}");
        let (status, body) = get(port, &target).unwrap();
        (status == 200).then(|| {
            body.chunks(4)
                .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
                .collect()
        })
    };
    let same = |a: f32, b: f32| a == b || (a.is_nan() && b.is_nan());
    // Every cell at level 0; every square by its definition above.
    for (row, column) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let got = tile(0, row, column).unwrap();
        let width = 256.min(columns - column * 256);
        assert_eq!(got.len(), width * 256.min(rows - row * 256));
        for (i, value) in got.iter().enumerate() {
            let cell = (row * 256 + i / width) * columns + column * 256 + i % width;
            assert!(same(*value, values[cell]), "{row} {column} {i}");
        }
    }
    let got = tile(1, 0, 0).unwrap();
    let width = columns.div_ceil(2).min(256);
    for (i, value) in got.iter().enumerate() {
        let (row, column) = (2 * (i / width), 2 * (i % width));
        let cells = (row..rows.min(row + 2))
            .flat_map(|r| (column..columns.min(column + 2)).map(move |c| (r, c)));
        let some: Vec<f64> = cells
            .map(|(r, c)| f64::from(values[r * columns + c]))
            .filter(|v| v.is_finite())
            .collect();
        let mean = (some.iter().sum::<f64>() / some.len() as f64) as f32;
        assert!(same(*value, mean), "{i}: {value} {mean}");
    }
    assert!(
        tile(0, 99, 0).is_none() && tile(60, 0, 0).is_none() && tile(0, usize::MAX, 0).is_none()
    );
    // Several that lie in a row come one after another; not more than a page asks for.
    let together = get(port, "/tile?layer=0&step=0&level=0&row=1&column=0&across=2")
        .unwrap()
        .1;
    let apart: Vec<u8> = [0, 1]
        .into_iter()
        .flat_map(|column| tile(0, 1, column).unwrap())
        .flat_map(f32::to_le_bytes)
        .collect();
    assert!(together == apart);
    for bad in ["5", "99999999999999999999", "18446744073709551615", "-1"] {
        let target = format!("/tile?layer=0&step=0&level=0&row=0&column=1&across={bad}");
        let (status, body) = get(port, &target).unwrap();
        assert!(status == 404 || body.len() <= 4 * 256 * 256, "{bad}");
    }
    // A cell, with what it is worth.
    let at = values.iter().position(|v| v.is_finite()).unwrap();
    let target = format!(
        "/cell?layer=0&step=0&row={}&column={}",
        at / columns,
        at % columns
    );
    let cell: Value = serde_json::from_slice(&get(port, &target).unwrap().1).unwrap();
    assert_eq!(cell["values"][0][1].as_f64().unwrap() as f32, values[at]);
    let count = counts(&product, "chlor_a_count")[at];
    assert!(
        cell["values"]
            .as_array()
            .unwrap()
            .iter()
            .any(|v| v[1].as_f64() == Some(f64::from(count)))
    );
    for bad in [
        "/cell",
        "/cell?layer=0&step=1&row=0&column=0",
        "/cell?layer=0&step=0&row=99999&column=0",
        "/tile?layer=9&step=0&level=0&row=0&column=0",
    ] {
        assert_eq!(get(port, bad).unwrap().0, 404, "{bad}");
    }
}
