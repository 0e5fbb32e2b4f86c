//! Runs that are interrupted, and those whose words nobody reads.

use crate::{GRID, granules};

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
fn interrupt(folder: &std::path::Path, out: &std::path::Path, name: &str) {
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
    assert!(!out.join(name).exists() || swathe_io::dataset::Dataset::open(&out.join(name)).is_ok());
}
