//! The command as a user calls it: exit codes, what it says, what it leaves.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
use assert_cmd::Command;
use std::path::{Path, PathBuf};
use swathe_io::dataset::{Array, AttributeValue, Dataset};
use swathe_io::simulate::{Overwrite, Simulation, Version};
use tempfile::TempDir;

/// Three granules of 60 lines that overlap a part of the Atlantic.
fn granules() -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let simulation = Simulation {
        area: Some([-80.0, 30.0, -60.0, 45.0]),
        count: Some(3),
        lines: Some(60),
        ..Simulation::default()
    };
    let paths = simulation
        .granules()
        .unwrap()
        .iter()
        .map(|g| g.write(folder.path(), Overwrite::Refuse).unwrap())
        .collect();
    (folder, paths)
}

fn swathe(folder: &Path, line: &str) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("swathe"));
    command.current_dir(folder).args(line.split_whitespace());
    command
}

/// Exit code, standard output, standard error.
fn outcome(folder: &Path, line: &str) -> (i32, String, String) {
    let output = swathe(folder, line).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn texts(path: &Path, variable: &str) -> Vec<String> {
    let dataset = Dataset::open(path).unwrap();
    let variable = dataset.find(variable).unwrap().clone();
    let all: Vec<_> = variable.shape.iter().map(|n| 0..*n).collect();
    match dataset.read(&variable, &all).unwrap() {
        Array::Text(texts) => texts,
        other => panic!("{other:?}"),
    }
}

const GRID: &str = "-b -80,30,-60,45 -r 0.1";

#[test]
fn an_average_is_the_same_for_any_threads_and_order() {
    let (folder, paths) = granules();
    let at = folder.path();
    let names: Vec<String> = paths
        .iter()
        .map(|p| p.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    for method in ["nearest", "bilinear", "bin", "footprint"] {
        let mut files = Vec::new();
        for (i, (order, threads)) in [([0, 1, 2], 1), ([2, 0, 1], 2), ([1, 2, 0], 4)]
            .into_iter()
            .enumerate()
        {
            let words: Vec<&str> = order.iter().map(|i| names[*i].as_str()).collect();
            let output = format!("{method}{i}.nc");
            let line = format!(
                "average {} {GRID} -m {method} --stat mean,std,min,max,sum,coverage --threads {threads} -o {output}",
                words.join(" ")
            );
            let (code, stdout, stderr) = outcome(at, &line);
            assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
            files.push(std::fs::read(at.join(output)).unwrap());
        }
        assert!(files.iter().all(|f| *f == files[0]), "{method}");
    }
    // Four words make a box too, and a folder means the granules in it.
    let four = outcome(at, "average granules/ -b -80 30 -60 45 -r 0.1 -o four.nc");
    assert_eq!(four.0, 1, "{}", four.2);
    std::fs::create_dir(at.join("granules")).unwrap();
    for path in &paths {
        std::fs::copy(path, at.join("granules").join(path.file_name().unwrap())).unwrap();
    }
    let four = outcome(
        at,
        "average granules/ -b -80 30 -60 45 -r 0.1 -m bin --stat mean,std,min,max,sum,coverage -o four.nc",
    );
    assert_eq!(four.0, 0, "{}", four.2);
    assert_eq!(
        std::fs::read(at.join("four.nc")).unwrap(),
        std::fs::read(at.join("bin0.nc")).unwrap()
    );
}

#[test]
fn what_is_chosen_for_the_user_is_said() {
    let (folder, _) = granules();
    let (code, _, stderr) = outcome(
        folder.path(),
        &format!("average . {GRID} -o mean.nc --verbose"),
    );
    assert_eq!(code, 0);
    for said in [
        "variable: chlor_a, the main product of OC_BGC",
        "flags: set l3, the default of OC_BGC",
        "grid: 200 x 150 cells of 0.1 in EPSG:4326, method footprint",
        "of the valid pixels of chlor_a removed (",
        "wrote mean.nc",
        "read: ",
    ] {
        assert!(stderr.contains(said), "{said:?} is missing in:\n{stderr}");
    }
    let dataset = Dataset::open(&folder.path().join("mean.nc")).unwrap();
    let history = dataset
        .root()
        .attributes
        .iter()
        .find(|(name, _)| name == "history")
        .unwrap();
    let AttributeValue::Text(history) = &history.1 else {
        panic!("{history:?}")
    };
    assert!(
        history.starts_with("swathe average -v /geophysical_data/chlor_a"),
        "{history}"
    );
    assert!(!history.contains(folder.path().to_str().unwrap()));
    // The canonical options are a command line that makes the same product.
    let again = format!(
        "average . {} -o again.nc",
        history
            .trim_start_matches("swathe average ")
            .replace('\'', "")
    );
    let (code, _, stderr) = outcome(
        folder.path(),
        &again.replace(" . ", " ").replace("average ", "average . "),
    );
    assert_eq!(code, 1, "mean.nc is no swath: {stderr}");
    std::fs::rename(
        folder.path().join("mean.nc"),
        folder.path().join("mean.keep"),
    )
    .unwrap();
    let (code, _, stderr) = outcome(folder.path(), &again);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(
        std::fs::read(folder.path().join("again.nc")).unwrap(),
        std::fs::read(folder.path().join("mean.keep")).unwrap()
    );
}

#[test]
fn a_bad_granule_stops_the_run_or_is_skipped() {
    let (folder, paths) = granules();
    let at = folder.path();
    let bytes = std::fs::read(&paths[1]).unwrap();
    std::fs::write(&paths[1], &bytes[..bytes.len() / 2]).unwrap();
    std::fs::write(
        at.join("login.nc"),
        "<!DOCTYPE html><html>Earthdata Login</html>",
    )
    .unwrap();
    let (code, _, stderr) = outcome(at, &format!("average . {GRID} -o mean.nc"));
    assert_eq!(code, 1);
    assert!(stderr.starts_with("error: "), "{stderr}");
    assert!(!at.join("mean.nc").exists());
    let (code, _, stderr) = outcome(at, &format!("average . {GRID} -o mean.nc --on-error skip"));
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("skipped login.nc: "), "{stderr}");
    let skipped = stderr.lines().filter(|line| line.starts_with("skipped "));
    assert_eq!(skipped.count(), 2, "{stderr}");
    let product = at.join("mean.nc");
    let status = texts(&product, "/granule_status");
    let reasons = texts(&product, "/granule_reason");
    assert_eq!(status.iter().filter(|s| *s == "skipped").count(), 2);
    for (status, reason) in status.iter().zip(&reasons) {
        assert_eq!(status == "used", reason.is_empty());
        assert!(!reason.contains(at.to_str().unwrap()), "{reason}");
    }
}

#[test]
fn nothing_to_do_is_told_apart() {
    let (folder, _) = granules();
    let (code, _, stderr) = outcome(folder.path(), "average . -b 100,-30,110,-20 -r 1 -o no.nc");
    assert_eq!(code, 4, "{stderr}");
    assert!(stderr.contains("no granule touches the area"), "{stderr}");
    assert!(!folder.path().join("no.nc").exists());
    let (code, plan, stderr) =
        outcome(folder.path(), "average . -b 100,-30,110,-20 -r 1 --dry-run");
    assert_eq!(code, 4, "{stderr}");
    assert!(stderr.contains("no granule touches the area"), "{stderr}");
    assert_eq!(plan.matches("outside the area").count(), 3);
    assert!(plan.contains("at most 0 chunks of 0 granules"), "{plan}");
}

#[test]
fn mistakes_are_explained() {
    let (folder, paths) = granules();
    let at = folder.path();
    let one = paths[0].file_name().unwrap().to_string_lossy().into_owned();
    for (line, code, said) in [
        (
            format!("average . {GRID} -v chlora -o x.nc"),
            2,
            "did you mean chlor_a",
        ),
        (
            format!("average . {GRID} --flags CLOUD -o x.nc"),
            2,
            "unknown flag \"CLOUD\"",
        ),
        (
            format!("average . {GRID} --flags LANDS -o x.nc"),
            2,
            "did you mean \"LAND\"?",
        ),
        (
            format!("average . {GRID} --stat maen -o x.nc"),
            2,
            "did you mean \"mean\"?",
        ),
        (
            format!("average . {GRID} -v l2_flags -o x.nc"),
            2,
            "their mean means nothing",
        ),
        ("average . -o x.nc".into(), 2, "-b -77,36,-73,41 -r 0.015"),
        ("average . -b -80,30,-60,45 -o x.nc".into(), 2, "give -r"),
        (
            "average . -b -80,45,-60,30 -r 1 -o x.nc".into(),
            2,
            "south must be less than north",
        ),
        (
            "average . -b -80,30,-60,45 -r -1 -o x.nc".into(),
            2,
            "resolution",
        ),
        (
            "average . -b -80,30,-60,45 -r 1e300 -o x.nc".into(),
            2,
            "the resolution 1e300 is more than the Earth measures",
        ),
        (
            format!("average . {GRID} --every day -o x.swathe"),
            2,
            "not of windows (--every)",
        ),
        (
            format!("average . {GRID} --crs EPSG:99999 -o x.nc"),
            2,
            "99999",
        ),
        (format!("average . {GRID} -o x.xyz"), 2, ".nc"),
        (format!("average . {GRID} -o nofolder/x.nc"), 1, "nofolder"),
        (format!("average . {GRID}"), 2, "--output"),
        ("average nothing.nc -o x.nc".into(), 1, "nothing.nc"),
        ("average *.hdf -o x.nc".into(), 4, "no file matches"),
        (
            format!("average . {GRID} --grid l3m-4km -o x.nc"),
            2,
            "cannot be used with",
        ),
        ("average . --grid l3m-5km -o x.nc".into(), 2, "l3m-4km"),
        (
            "average . --crs EPSG:3413 -b -180,-90,180,90 -r 100km -o x.nc".into(),
            2,
            "EPSG:3413 cannot show",
        ),
        (
            format!("average . {GRID} --threads 10000 -o x.nc"),
            2,
            "--threads",
        ),
        (
            format!("average . {GRID} --min-coverage 2 -o x.nc"),
            2,
            "0 to 1",
        ),
        (
            format!("average . {GRID} -v tilt -o x.nc"),
            2,
            "it does not lie on the swath",
        ),
        (
            "average . -b -80,30,-60,45 -r 0.00001 -o x.nc".into(),
            2,
            "coarser resolution",
        ),
        (
            format!("grid {one} -v nothing_like_it -o x.nc"),
            2,
            "there are carbon_phyto",
        ),
    ] {
        let (got, stdout, stderr) = outcome(at, &line);
        assert_eq!((got, stdout.as_str()), (code, ""), "{line}: {stderr}");
        assert!(
            stderr.contains(said),
            "{line}: {said:?} is missing in:\n{stderr}"
        );
        assert!(!stderr.contains("panicked"), "{line}: {stderr}");
        assert!(!at.join("x.nc").exists(), "{line}");
        assert!(!at.join("x.swathe").exists(), "{line}");
    }
}

#[test]
fn outputs_are_not_replaced_unasked() {
    let (folder, _) = granules();
    let at = folder.path();
    std::fs::create_dir(at.join("out")).unwrap();
    std::fs::write(at.join("out/mean.nc"), "mine").unwrap();
    let line = format!("average . {GRID} -m bin -o out/mean.nc");
    let (code, _, stderr) = outcome(at, &line);
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("--overwrite"), "{stderr}");
    assert_eq!(std::fs::read(at.join("out/mean.nc")).unwrap(), b"mine");
    let (code, _, stderr) = outcome(at, &format!("{line} --overwrite"));
    assert_eq!(code, 0, "{stderr}");
    assert!(Dataset::open(&at.join("out/mean.nc")).is_ok());
    let left: Vec<_> = std::fs::read_dir(at.join("out")).unwrap().collect();
    assert_eq!(left.len(), 1);
}

#[test]
fn a_cube_in_a_zarr_store_grows() {
    let (folder, paths) = granules();
    let at = folder.path();
    let name = |i: usize| paths[i].file_name().unwrap().to_string_lossy().into_owned();
    let [first, second, third] = [name(0), name(1), name(2)];
    let names = |cube: &str| texts(&at.join(cube), "granule");
    let expect = |line: &str, code: i32, said: &[&str]| {
        let (got, stdout, stderr) = outcome(at, line);
        assert_eq!((got, stdout.as_str()), (code, ""), "{line}: {stderr}");
        for said in said {
            assert!(
                stderr.contains(said),
                "{line}: {said:?} is missing in:\n{stderr}"
            );
        }
    };
    // Made if it is not there, and with a time though it is of one granule; then the grid is known.
    expect(
        &format!("grid {second} {GRID} -m bin -o cube.zarr --append"),
        0,
        &["wrote"],
    );
    assert_eq!(names("cube.zarr"), [second.as_str()]);
    expect(
        &format!("grid {third} -m bin -o cube.zarr --append"),
        0,
        &[],
    );
    assert_eq!(names("cube.zarr"), [second.clone(), third.clone()]);
    expect(
        &format!("grid {second} {third} {GRID} -m bin -o whole.zarr"),
        0,
        &[],
    );
    let values = |cube: &str| {
        let dataset = Dataset::open(&at.join(cube)).unwrap();
        let variable = dataset.find("chlor_a").unwrap().clone();
        dataset.read(&variable, &[0..2, 0..150, 0..200]).unwrap()
    };
    assert_eq!(values("cube.zarr"), values("whole.zarr"));

    for (line, code, said) in [
        (
            format!("{third} -m bin"),
            4,
            vec!["all of these granules already"],
        ),
        (format!("{second} {third} -m bin"), 4, vec!["already"]),
        (
            format!("{first} {third} -m bin"),
            1,
            vec!["already", third.as_str()],
        ),
        (
            format!("{first} -m bin"),
            1,
            vec!["not later", first.as_str()],
        ),
        (
            format!("{third} -b -80,30,-60,45 -r 0.2"),
            1,
            vec!["another grid", "0.2", "hint"],
        ),
        (format!("{third} -v Kd_490"), 2, vec!["Kd_490"]),
        (
            format!("{third} -v poc"),
            1,
            vec!["no variable poc", "chlor_a"],
        ),
        (format!("{third} --overwrite"), 2, vec!["--overwrite"]),
        (format!("{third} -o other.zarr"), 2, vec!["one output"]),
    ] {
        expect(&format!("grid {line} -o cube.zarr --append"), code, &said);
    }
    expect(&format!("grid {third} -o cube.nc --append"), 2, &[".zarr"]);
    assert_eq!(names("cube.zarr"), [second.clone(), third.clone()]);

    // One map is no cube; what is no store stays.
    expect(&format!("grid {first} {GRID} -o map.zarr"), 0, &[]);
    expect(
        &format!("grid {second} -o map.zarr --append"),
        1,
        &["not a cube"],
    );
    std::fs::write(at.join("file.zarr"), "mine").unwrap();
    std::fs::create_dir(at.join("folder.zarr")).unwrap();
    for bad in ["file.zarr", "folder.zarr"] {
        expect(
            &format!("grid {first} {GRID} -o {bad} --append"),
            1,
            &[bad, "store"],
        );
        expect(
            &format!("grid {first} {GRID} -o {bad} --overwrite"),
            1,
            &[bad, "store"],
        );
    }
    std::fs::write(at.join("cube.zarr/zarr.json"), "{").unwrap();
    expect(
        &format!("grid {third} {GRID} -o cube.zarr --append"),
        1,
        &["damaged"],
    );
}

#[test]
fn a_dry_run_reads_no_array_and_writes_nothing() {
    let (folder, _) = granules();
    let (code, stdout, stderr) = outcome(folder.path(), &format!("average . {GRID} --dry-run"));
    assert_eq!(code, 0, "{stderr}");
    for said in [
        "variables  chlor_a",
        "granules   3",
        "lines 0..",
        " 1 tile, ",
        "to read    at most",
        "tasks      3 granules to apply, 3 tiles of them to combine, 1 to finish",
    ] {
        assert!(stdout.contains(said), "{said:?} is missing in:\n{stdout}");
    }
    // For machines: the plan alone on standard output.
    let line = format!("average . {GRID} --dry-run --progress json");
    let (code, stdout, stderr) = outcome(folder.path(), &line);
    assert_eq!(code, 0, "{stderr}");
    assert!(events(&stderr).iter().all(|event| event["event"] == "note"));
    let plan: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(plan["variables"], serde_json::json!(["chlor_a"]));
    let read = plan["to_read"].as_array().unwrap();
    assert_eq!(read.len(), 3);
    assert!(
        read.iter()
            .all(|granule| granule["stored_bytes"].as_u64() > Some(0))
    );
}

/// The lines of standard error, each of which must be a JSON object with an event.
fn events(stderr: &str) -> Vec<serde_json::Value> {
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

#[test]
fn a_plan_is_drawn() {
    let (folder, _) = granules();
    let at = folder.path();
    let read = |name: &str| std::fs::read_to_string(at.join(name)).unwrap();
    // With a run, without an output, and with a dry run.
    for (rest, mean, printed) in [
        ("--graph a.svg -o out/mean.nc", true, false),
        ("--graph a.mmd", false, false),
        ("--graph b.svg -o out/mean.nc --dry-run", false, true),
    ] {
        let _ = std::fs::remove_dir_all(at.join("out"));
        std::fs::create_dir(at.join("out")).unwrap();
        let (code, stdout, stderr) = outcome(at, &format!("average . {GRID} {rest}"));
        assert_eq!(code, 0, "{stderr}");
        assert!(stderr.contains("wrote "), "{stderr}");
        assert_eq!(at.join("out/mean.nc").exists(), mean);
        assert_eq!(stdout.contains("granules   3"), printed, "{stdout}");
    }
    assert_eq!(
        read("a.svg"),
        read("b.svg"),
        "the same plan, the same picture"
    );
    for said in [
        "PACE_OCI.",
        "apply footprint",
        "combine",
        "finish",
        "mean.nc",
    ] {
        assert!(read("a.svg").contains(said), "{said}");
    }
    let text = read("a.mmd");
    assert!(text.starts_with("flowchart LR\n"), "{text}");
    assert_eq!(
        text.matches("([\"combine<br/>1 tile\"])").count(),
        2,
        "{text}"
    );
    assert_eq!(text.matches("-->").count(), 3 + 4 + 1 + 1, "{text}");
    for (rest, code, said) in [
        ("--graph a.svg", 1, "--overwrite"),
        ("--graph a.png", 2, ".svg, .mmd or .dot"),
        ("--graph no/a.svg", 1, "no/a.svg"),
        ("", 2, "--output"),
    ] {
        let (got, _, stderr) = outcome(at, &format!("average . {GRID} {rest}"));
        assert_eq!(got, code, "{rest}: {stderr}");
        assert!(stderr.contains(said), "{rest}: {stderr}");
    }
    assert_eq!(
        outcome(at, &format!("grid . {GRID} --graph a.svg --overwrite")).0,
        0
    );
    assert!(!read("a.svg").contains("combine"));
}

#[test]
fn a_cube_has_a_layer_for_every_granule() {
    let (folder, paths) = granules();
    let at = folder.path();
    let (code, _, stderr) = outcome(at, &format!("grid . {GRID} -m nearest -o cube.nc"));
    assert_eq!(code, 0, "{stderr}");
    let dataset = Dataset::open(&at.join("cube.nc")).unwrap();
    assert_eq!(dataset.find("/chlor_a").unwrap().shape, [3, 150, 200]);
    let names: Vec<String> = paths
        .iter()
        .map(|p| p.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(texts(&at.join("cube.nc"), "/granule"), names);
    // One granule needs no grid, and makes a map without a time dimension; flags keep their values.
    let line = format!("grid {} -v l2_flags -o one.nc", names[0]);
    let (code, _, stderr) = outcome(at, &line);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("method nearest"), "{stderr}");
    assert!(
        !stderr.contains("removed"),
        "flags are not masked by themselves: {stderr}"
    );
    let dataset = Dataset::open(&at.join("one.nc")).unwrap();
    assert_eq!(dataset.find("/l2_flags").unwrap().shape.len(), 2);
}

#[test]
fn info_describes_and_refuses() {
    let (folder, paths) = granules();
    let at = folder.path();
    let name = paths[0].file_name().unwrap().to_string_lossy().into_owned();
    let (code, stdout, _) = outcome(at, &format!("info --json {name}"));
    assert_eq!(code, 0);
    let json: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(json[0]["suite"], "OC_BGC");
    assert_eq!(json[0]["lines"], 60);
    std::fs::write(at.join("login.nc"), "<!DOCTYPE html><html></html>").unwrap();
    let (code, stdout, stderr) = outcome(at, &format!("info login.nc {name} ."));
    assert_eq!(code, 1);
    assert!(
        stdout.contains("OC_BGC") && stderr.contains("HTML"),
        "{stderr}"
    );
    assert!(stderr.contains("2 of 6 files cannot be read"), "{stderr}");
}

#[test]
fn merged_parts_equal_all_at_once() {
    let (folder, paths) = granules();
    let at = folder.path();
    let names: Vec<String> = paths
        .iter()
        .map(|p| p.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    for (method, weight) in [("footprint", "observation"), ("bin", "granule")] {
        let options = format!(
            "{GRID} -m {method} --weight {weight} --stat mean,std,min,max,sum,coverage --overwrite"
        );
        let ok = |line: &str| {
            let (code, _, stderr) = outcome(at, line);
            assert_eq!(code, 0, "{line}: {stderr}");
        };
        ok(&format!(
            "average {} {options} -o all.nc -o all.swathe",
            names.join(" ")
        ));
        for (i, name) in names.iter().enumerate() {
            ok(&format!("average {name} {options} -o {i}.swathe"));
        }
        ok("merge 0.swathe 1.swathe 2.swathe -o one.nc --overwrite");
        ok("merge 2.swathe 0.swathe -o part.swathe --overwrite");
        ok("merge 1.swathe part.swathe -o other.nc -o other.swathe --overwrite");
        let bytes = |name: &str| std::fs::read(at.join(name)).unwrap();
        assert!(bytes("one.nc") == bytes("all.nc"), "{method}");
        assert!(bytes("other.nc") == bytes("all.nc"), "{method}");
        assert!(bytes("other.swathe") == bytes("all.swathe"), "{method}");
    }
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let (folder, paths) = granules();
    let at = folder.path();
    let names: Vec<String> = paths
        .iter()
        .map(|p| p.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    std::fs::copy(&paths[0], at.join("copy.nc")).unwrap();
    for (part, granule, options) in [
        ("a", names[0].as_str(), "-m bin"),
        ("b", names[1].as_str(), "-m nearest"),
        ("c", names[0].as_str(), "-m bin"),
        ("d", "copy.nc", "-m bin"),
    ] {
        let line = format!("average {granule} {GRID} {options} -o {part}.swathe");
        assert_eq!(outcome(at, &line).0, 0, "{line}");
    }
    let bytes = std::fs::read(at.join("a.swathe")).unwrap();
    std::fs::write(at.join("cut.swathe"), &bytes[..bytes.len() - 9]).unwrap();
    for (parts, code, said) in [
        (
            "a.swathe b.swathe",
            2,
            "one with -m bin, one with -m nearest",
        ),
        ("a.swathe c.swathe", 2, "two parts hold PACE_OCI."),
        (
            "a.swathe d.swathe",
            2,
            "two parts hold the same observation: PACE_OCI.",
        ),
        ("a.swathe a.swathe", 2, "two parts hold PACE_OCI."),
        ("a.swathe cut.swathe", 1, "cut.swathe: it is cut off"),
        ("a.swathe copy.nc", 1, "not a partial result"),
        ("a.swathe none.swathe", 1, "none.swathe"),
    ] {
        let (got, _, stderr) = outcome(at, &format!("merge {parts} -o x.nc"));
        assert_eq!(got, code, "{parts}: {stderr}");
        assert!(
            stderr.contains(said),
            "{parts}: {said:?} is missing in:\n{stderr}"
        );
        assert!(!at.join("x.nc").exists());
    }
    let line = format!("grid {} {} {GRID} -o x.swathe", names[0], names[1]);
    let (code, _, stderr) = outcome(at, &line);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("or of a cube"), "{stderr}");
}

/// Near-real-time granules of a day, refined ones of the same and of the next.
fn two_kinds() -> (TempDir, Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let make = |near_real_time, seed, count| -> Vec<String> {
        let simulation = Simulation {
            area: Some([-80.0, 30.0, -60.0, 45.0]),
            count: Some(count),
            lines: Some(60),
            seed,
            near_real_time,
            ..Simulation::default()
        };
        let granules = simulation.granules().unwrap();
        let written = granules.iter().map(|granule| {
            let path = granule.write(folder.path(), Overwrite::Refuse).unwrap();
            path.file_name().unwrap().to_string_lossy().into_owned()
        });
        written.collect()
    };
    let (early, refined) = (make(true, 1, 3), make(false, 0, 4));
    (folder, early, refined)
}

#[test]
fn a_newer_granule_replaces_the_older_where_granules_are_kept() {
    let (folder, early, refined) = two_kinds();
    let at = folder.path();
    let ok = |line: &str| {
        let (code, _, stderr) = outcome(at, line);
        assert_eq!(code, 0, "{line}: {stderr}");
        stderr
    };
    let bytes = |name: &str| std::fs::read(at.join(name)).unwrap();
    for (method, weight) in [
        ("nearest", "observation"),
        ("bin", "granule"),
        ("footprint", "observation"),
    ] {
        let options = format!(
            "{GRID} -m {method} --weight {weight} --stat mean,std,min,max,sum,coverage --overwrite"
        );
        let keep = format!("{options} --keep granules");
        let all = format!("{} {}", early.join(" "), refined.join(" "));
        ok(&format!("average {all} {keep} -o all.nc -o all.swathe"));
        ok(&format!(
            "average {all} {options} -o combined.nc -o combined.swathe"
        ));
        assert!(bytes("all.nc") == bytes("combined.nc"), "{method}");
        ok(&format!(
            "average {} {keep} -o early.swathe",
            early.join(" ")
        ));
        ok(&format!(
            "average {} {keep} -o late.swathe --threads 1",
            refined.join(" ")
        ));
        let said = ok("merge early.swathe late.swathe -o one.nc -o one.swathe --overwrite");
        for (early, refined) in early.iter().zip(&refined) {
            let note =
                format!("left out {early}: {refined} is the same observation, and is preferred");
            assert!(said.contains(&note), "{note:?} is missing in:\n{said}");
        }
        assert!(bytes("one.nc") == bytes("all.nc"), "{method}");
        assert!(bytes("one.swathe") == bytes("all.swathe"), "{method}");
        // In any order and grouping, and again.
        ok(&format!("average {} {keep} -o first.swathe", refined[0]));
        ok(&format!(
            "average {} {keep} -o rest.swathe",
            refined[1..].join(" ")
        ));
        ok("merge rest.swathe early.swathe -o some.swathe --overwrite");
        ok("merge first.swathe some.swathe early.swathe -o two.nc -o two.swathe --overwrite");
        assert!(bytes("two.nc") == bytes("all.nc"), "{method}");
        assert!(bytes("two.swathe") == bytes("all.swathe"), "{method}");
        // The same granule again counts once.
        ok("merge late.swathe two.swathe late.swathe -o again.swathe --overwrite");
        assert!(bytes("again.swathe") == bytes("all.swathe"), "{method}");
        // What is combined already fits where nothing is in the way.
        ok(&format!("average {} {options} -o plain.swathe", refined[3]));
        ok(&format!(
            "average {} {keep} -o three.swathe",
            refined[..3].join(" ")
        ));
        ok("merge plain.swathe three.swathe early.swathe -o mixed.nc --overwrite");
        assert!(bytes("mixed.nc") == bytes("all.nc"), "{method}");
        ok("merge plain.swathe three.swathe -o mixed.swathe --overwrite");
        ok(&format!(
            "average {} {options} -o refined.swathe",
            refined.join(" ")
        ));
        assert!(bytes("mixed.swathe") == bytes("refined.swathe"), "{method}");
    }
}

#[test]
fn what_cannot_be_replaced_is_refused() {
    let (folder, early, refined) = two_kinds();
    let at = folder.path();
    for (part, granule, options) in [
        ("kept", early[0].as_str(), "--keep granules"),
        ("combined", refined[0].as_str(), ""),
        ("other", refined[2].as_str(), "--keep granules"),
    ] {
        let line = format!("average {granule} {GRID} -m bin {options} -o {part}.swathe");
        assert_eq!(outcome(at, &line).0, 0, "{line}");
    }
    for parts in ["kept combined other", "other combined kept"] {
        let words: Vec<String> = parts.split(' ').map(|p| format!("{p}.swathe")).collect();
        let (code, _, stderr) = outcome(at, &format!("merge {} -o x.nc", words.join(" ")));
        assert_eq!(code, 2, "{stderr}");
        for said in [
            "two parts hold the same observation",
            &early[0],
            &refined[0],
            "--keep granules",
        ] {
            assert!(stderr.contains(said), "{said:?} is missing in:\n{stderr}");
        }
    }
    // A name that is held twice, of files that are not the same: the later counts.
    for (folder, lines, seed) in [("older", 50, 0), ("as_old", 60, 5)] {
        std::fs::create_dir(at.join(folder)).unwrap();
        let simulation = Simulation {
            area: Some([-80.0, 30.0, -60.0, 45.0]),
            count: Some(3),
            lines: Some(lines),
            seed,
            ..Simulation::default()
        };
        let granule = &simulation.granules().unwrap()[2];
        let path = granule.write(&at.join(folder), Overwrite::Refuse).unwrap();
        assert_eq!(
            path.file_name().unwrap().to_str(),
            Some(refined[2].as_str())
        );
        let granule = format!("{folder}/{}", refined[2]);
        let line = format!("average {granule} {GRID} -m bin --keep granules -o {folder}.swathe");
        assert_eq!(outcome(at, &line).0, 0, "{line}");
    }
    for (parts, output) in [
        ("other.swathe older.swathe", "a"),
        ("older.swathe other.swathe", "b"),
    ] {
        let line = format!("merge {parts} -o {output}.nc");
        let (code, _, stderr) = outcome(at, &line);
        assert_eq!(code, 0, "{stderr}");
        let note = format!("left out {}: given twice", refined[2]);
        assert!(stderr.contains(&note), "{stderr}");
    }
    let bytes = |name: &str| std::fs::read(at.join(name)).unwrap();
    assert!(bytes("a.nc") == bytes("b.nc"));
    let values = |name: &str| {
        let dataset = Dataset::open(&at.join(name)).unwrap();
        let variable = dataset.find("chlor_a_count").unwrap().clone();
        let all: Vec<_> = variable.shape.iter().map(|n| 0..*n).collect();
        format!("{:?}", dataset.read(&variable, &all).unwrap())
    };
    assert_eq!(outcome(at, "merge other.swathe -o alone.nc").0, 0);
    assert_eq!(outcome(at, "merge older.swathe -o older.nc").0, 0);
    assert!(values("a.nc") == values("alone.nc"));
    assert!(values("a.nc") != values("older.nc"));
    let (code, _, stderr) = outcome(at, "merge other.swathe as_old.swathe -o x.nc");
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("neither is newer"), "{stderr}");
    for line in [
        format!("average {} {GRID} --keep granules -o y.nc", refined[0]),
        format!("grid {} {GRID} --keep granules -o y.swathe", refined[0]),
    ] {
        let (code, _, stderr) = outcome(at, &line);
        assert_eq!(code, 2, "{line}: {stderr}");
        assert!(stderr.contains("--keep"), "{stderr}");
    }
}

#[test]
fn what_gave_way_gives_way_to_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let options = format!("{GRID} -m bin --keep granules");
    let ok = |line: &str| {
        let (code, _, stderr) = outcome(at, line);
        assert_eq!(code, 0, "{line}: {stderr}");
    };
    for (kind, version, near_real_time) in [
        ("a", Version::V3_1, true),
        ("b", Version::V3_1, false),
        ("c", Version::V3_2, false),
    ] {
        let simulation = Simulation {
            area: Some([-80.0, 30.0, -60.0, 45.0]),
            count: Some(1),
            lines: Some(60),
            version,
            near_real_time,
            ..Simulation::default()
        };
        std::fs::create_dir(at.join(kind)).unwrap();
        let granule = &simulation.granules().unwrap()[0];
        granule.write(&at.join(kind), Overwrite::Refuse).unwrap();
        ok(&format!("average {kind}/ {options} -o {kind}.swathe"));
    }
    ok(&format!(
        "average a/ b/ c/ {options} -o all.nc -o all.swathe"
    ));
    ok("merge a.swathe b.swathe -o ab.swathe");
    ok("merge ab.swathe c.swathe a.swathe -o abc.nc -o abc.swathe");
    let bytes = |name: &str| std::fs::read(at.join(name)).unwrap();
    assert!(bytes("abc.nc") == bytes("all.nc"));
    assert!(bytes("abc.swathe") == bytes("all.swathe"));
}

/// As in one run over them all, parts of two processing versions are not mixed unasked, nor are parts of
/// near-real-time and refined granules.
#[test]
fn parts_are_not_mixed_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for (kind, number, version, near_real_time) in [
        ("old", 0, Version::V3_1, false),
        ("new", 1, Version::V3_2, false),
        ("nrt", 2, Version::V3_2, true),
    ] {
        let simulation = Simulation {
            area: Some([-80.0, 30.0, -60.0, 45.0]),
            count: Some(3),
            lines: Some(60),
            version,
            near_real_time,
            ..Simulation::default()
        };
        std::fs::create_dir(at.join(kind)).unwrap();
        let granule = &simulation.granules().unwrap()[number];
        granule.write(&at.join(kind), Overwrite::Refuse).unwrap();
        let line = format!("average {kind}/ {GRID} -m bin -o {kind}.swathe");
        let (code, _, stderr) = outcome(at, &line);
        assert_eq!(code, 0, "{line}: {stderr}");
    }
    for (parts, folders, word) in [
        (
            "old.swathe new.swathe",
            "old/ new/",
            "mix processing versions",
        ),
        ("new.swathe nrt.swathe", "new/ nrt/", "mix near-real-time"),
    ] {
        let (code, _, stderr) = outcome(at, &format!("merge {parts} -o x.nc"));
        assert_eq!(code, 2, "{stderr}");
        assert!(
            stderr.contains(word) && stderr.contains("--allow-mixed"),
            "{stderr}"
        );
        let (code, _, stderr) = outcome(
            at,
            &format!("merge {parts} --allow-mixed -o x.nc --overwrite"),
        );
        assert_eq!(code, 0, "{stderr}");
        let line = format!("average {folders} {GRID} -m bin --allow-mixed -o y.nc --overwrite");
        let (code, _, stderr) = outcome(at, &line);
        assert_eq!(code, 0, "{stderr}");
        assert!(std::fs::read(at.join("x.nc")).unwrap() == std::fs::read(at.join("y.nc")).unwrap());
        std::fs::remove_file(at.join("x.nc")).unwrap();
    }
}

#[test]
fn what_would_not_do_what_it_says_is_refused() {
    let (folder, paths) = granules();
    let granule = paths[0].file_name().unwrap().to_str().unwrap();
    let (code, _, stderr) = outcome(
        folder.path(),
        &format!("average {granule} --grid isin-540 -o bins.nc"),
    );
    assert_eq!(code, 0, "{stderr}");
    for (line, reason) in [
        (
            format!("average {granule} {GRID} -t 2030 -o x.nc"),
            "needs a collection",
        ),
        ("merge bins.nc bins.nc -o x.nc".into(), "two files hold"),
        (
            "map bins.nc -b -180,-90,180,90 -r 0.006 -o x.nc".into(),
            "of memory",
        ),
        (
            "reduce x.nc -v a --over lat,lon -b -77,36,nan,41".into(),
            "finite",
        ),
        (
            "array normal(size=2**60,chunks=1).mean()".into(),
            "chunks are too many",
        ),
        (
            "array normal(size=2**60).mean() --dry-run".into(),
            "chunks are too many",
        ),
    ] {
        let (code, _, stderr) = outcome(folder.path(), &line);
        assert_eq!(code, 2, "{line}: {stderr}");
        assert!(stderr.contains(reason), "{line}: {stderr}");
        assert!(!folder.path().join("x.nc").exists());
    }
}

#[cfg(unix)]
#[test]
fn an_answer_that_nobody_reads_is_no_error() {
    use std::process::Stdio;
    let (folder, paths) = granules();
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("swathe"))
        .current_dir(folder.path())
        .arg("info")
        .arg(&paths[0])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[cfg(unix)]
#[test]
fn a_run_goes_on_where_nobody_listens() {
    use std::process::Stdio;
    let (folder, _) = granules();
    for progress in ["plain", "json"] {
        let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("swathe"))
            .current_dir(folder.path())
            .args([
                "average",
                ".",
                "--overwrite",
                "-o",
                "out.tif",
                "--progress",
                progress,
            ])
            .args(GRID.split_whitespace())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stderr.take());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{progress}");
    }
    assert!(folder.path().join("out.tif").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn an_interruption_leaves_no_temporary_file() {
    let (folder, _) = granules();
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    for name in ["a.nc", "a.zarr"] {
        interrupt(folder.path(), &out, name);
    }
}

#[cfg(target_os = "linux")]
fn interrupt(folder: &Path, out: &Path, name: &str) {
    use std::process::Stdio;
    // A map that takes seconds to write.
    let line = format!("average . -b -80,30,-60,45 -r 0.003 -m bin -o out/{name}");
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("swathe"))
        .current_dir(folder)
        .args(line.split_whitespace())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let part = out.join(format!(".{name}.part"));
    // A store has its first chunk; a file its first bytes.
    let first = match name.ends_with(".zarr") {
        true => part.join("chlor_a/c"),
        false => part.clone(),
    };
    let begun = std::time::Instant::now();
    // It is there for a moment when the output is checked, too.
    while !std::fs::metadata(&first).is_ok_and(|m| m.len() > 0) {
        assert!(begun.elapsed().as_secs() < 120, "nothing was written");
        if child.try_wait().unwrap().is_some() {
            // It was too fast to be interrupted.
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let killed = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let status = child.wait().unwrap();
    if status.code() == Some(0) {
        return;
    }
    assert_eq!(status.code(), Some(130));
    // All of the file, if the interruption came at the very end, or nothing.
    assert!(!part.exists());
    assert!(!out.join(name).exists() || Dataset::open(&out.join(name)).is_ok());
}

/// What a cube was made with is told before any work, and no run is left that could not go on.
#[test]
fn a_cube_takes_no_layers_made_otherwise() {
    let (folder, paths) = granules();
    let at = folder.path();
    let name = |i: usize| paths[i].file_name().unwrap().to_string_lossy().into_owned();
    let line = format!("grid {} {} {GRID} -v chlor_a -o q.zarr", name(0), name(1));
    let (code, _, said) = outcome(at, &line);
    assert_eq!(code, 0, "{said}");
    for (option, word) in [
        ("-m bin", "-m bin"),
        ("--flags none", "--flags none"),
        ("--valid-range 0,0.1", "--valid-range"),
    ] {
        let line = format!(
            "grid {} {GRID} -v chlor_a {option} -o q.zarr --append",
            name(2)
        );
        let (code, _, said) = outcome(at, &line);
        assert_eq!(code, 2, "{said}");
        assert!(
            said.contains("made with other options") && said.contains(word),
            "{said}"
        );
        assert!(!said.contains("--resume"), "{said}");
        assert!(!at.join(".q.zarr.run").exists());
    }
}
