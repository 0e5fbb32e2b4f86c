//! Plans that are told and drawn.

use crate::{GRID, granules, outcome};

use crate::progress::events;

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
