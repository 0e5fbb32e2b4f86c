//! What is told during a run, for people and for programs.

use crate::{GRID, granules, outcome};

/// The lines of standard error, each of which must be a JSON object with an event.
pub fn events(stderr: &str) -> Vec<serde_json::Value> {
    let event = |line: &str| {
        let event: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(event["event"].is_string(), "{line}");
        event
    };
    stderr.lines().map(event).collect()
}

#[test]
fn progress_in_json_is_json_alone() {
    let (folder, paths) = granules();
    let at = folder.path();
    std::fs::create_dir(at.join("out")).unwrap();
    std::fs::write(&paths[2], "no granule").unwrap();
    let (code, stdout, stderr) = outcome(
        at,
        &format!(
            "average . {GRID} --on-error skip --verbose --progress json --stat mean,std \
             -o out/a.nc -o out/a.png -o out/a.swathe"
        ),
    );
    assert_eq!((code, stdout.as_str()), (3, ""), "{stderr}");
    let told = events(&stderr);
    let of = |name: &str| -> Vec<&serde_json::Value> {
        told.iter().filter(|event| event["event"] == name).collect()
    };
    assert_eq!(of("plan")[0]["granules"], 2);
    assert_eq!(of("plan")[0]["tiles_of_map"], 1);
    let skipped = &of("plan")[0]["skipped"];
    assert_eq!(skipped.as_array().unwrap().len(), 1, "{skipped}");
    assert!(
        of("note")
            .iter()
            .any(|note| note["text"] == "variable: chlor_a, the main product of OC_BGC")
    );
    let steps = of("granule");
    assert_eq!(steps.len(), 2);
    let mut read = 0.0;
    for (i, step) in steps.iter().enumerate() {
        assert_eq!(
            (&step["done"], &step["total"]),
            (&(i + 1).into(), &2.into())
        );
        assert_eq!(step["status"], "used");
        assert!(step["name"].as_str().unwrap().starts_with("PACE_OCI."));
        assert!(step["bytes_read"].as_f64().unwrap() > read, "{step}");
        read = step["bytes_read"].as_f64().unwrap();
        for number in [
            "bytes_decoded",
            "bytes_per_second",
            "seconds",
            "seconds_left",
        ] {
            assert!(step[number].as_f64().unwrap() >= 0.0, "{number}: {step}");
        }
        assert_eq!(step["memory_bytes"].is_u64(), cfg!(target_os = "linux"));
    }
    assert_eq!(steps[1]["seconds_left"], 0.0);
    // The maps, then the partial result.
    let tiles = of("tiles");
    assert_eq!(tiles.len(), 2);
    assert!(
        tiles
            .iter()
            .all(|t| t["done"] == 1 && t["total"] == 1 && t.get("bytes_read").is_none())
    );
    assert_eq!(of("flags")[0]["variable"], "chlor_a");
    assert!(of("flags")[0]["removed_pixels"].as_u64().unwrap() > 0);
    let last = told.last().unwrap();
    assert_eq!(last["event"], "finished");
    assert_eq!((&last["used"], &last["skipped"]), (&2.into(), &1.into()));
    assert_eq!(last["bytes_read"].as_f64().unwrap(), read);
    assert_eq!(
        last["outputs"],
        serde_json::json!(["out/a.nc", "out/a.png", "out/a.swathe"])
    );

    let (code, _, stderr) = outcome(at, "merge out/a.swathe -o out/b.nc --progress=json");
    assert_eq!(code, 0, "{stderr}");
    let names: Vec<_> = events(&stderr).iter().map(|e| e["event"].clone()).collect();
    assert_eq!(names, ["tiles", "finished"]);

    // Mistakes of every kind.
    for (line, code) in [
        (format!("average . {GRID} -o out/c.nc --progress json"), 1),
        (
            format!(
                "average . {GRID} --crs EPSG:99999 --on-error skip -o out/c.nc --progress json"
            ),
            2,
        ),
        (
            "average . -b 100,-30,110,-20 -r 1 -o out/c.nc --on-error skip --progress json".into(),
            4,
        ),
        (
            format!("average . {GRID} -o out/c.nc --progress json --no-such-option"),
            2,
        ),
    ] {
        let (got, _, stderr) = outcome(at, &line);
        assert_eq!(got, code, "{line}: {stderr}");
        let told = events(&stderr);
        let last = told.last().unwrap();
        assert_eq!(
            (&last["event"], &last["code"]),
            (&"error".into(), &code.into())
        );
        assert!(!last["text"].as_str().unwrap().is_empty());
    }
}

#[test]
fn progress_in_lines_and_without() {
    let (folder, _) = granules();
    std::fs::create_dir(folder.path().join("out")).unwrap();
    for style in ["auto", "plain", "none", "bar"] {
        let line = format!("average . {GRID} -m bin --overwrite -o out/a.nc --progress {style}");
        let (code, _, stderr) = outcome(folder.path(), &line);
        assert_eq!(code, 0, "{stderr}");
        assert!(stderr.contains("3 of 3 granules used"), "{stderr}");
        // A bar needs a terminal; a short run has nothing to say before it ends.
        assert!(!stderr.contains("left"), "{stderr}");
        assert!(
            stderr.lines().all(|line| !line.starts_with('{')),
            "{stderr}"
        );
    }
}
