//! The `plot` command, on real files where they are.

use assert_cmd::Command;
use std::path::PathBuf;

/// A file of the shared test data; tests pass over it where it is not there.
fn shared(path: &str) -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = root.join(path);
    path.exists().then_some(path)
}

fn plot() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swathe"));
    command.arg("plot");
    command
}

#[test]
fn draws_granules_and_grids_and_keeps_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    for (file, more) in [
        (
            "ocean_color/O_L2_0001_SNS_2017105095839_v1.0.nc",
            &["--box", "3.3,52,3.5,52.1"][..],
        ),
        (
            "ascat/ascat_20150702_084200_metopa_45145_eps_o_250_2300_ovw.l2.nc",
            &["--robust", "--palette", "speed"],
        ),
        (
            "pace_l3/PACE_OCI.20240609.L3m.DAY.CHL.V2_0.chlor_a.0p1deg.NRT.nc",
            &["--linear", "--limits", "0,1"],
        ),
    ] {
        let Some(path) = shared(file) else { continue };
        let output = folder.path().join("map.png");
        let draw = || {
            let mut command = plot();
            command
                .arg(&path)
                .args(more)
                .args(["--width", "600", "-o"])
                .arg(&output);
            command
        };
        draw().assert().success();
        let first = std::fs::read(&output).unwrap();
        assert!(first.starts_with(b"\x89PNG\r\n"));
        let refused = draw().assert().code(1).get_output().stderr.clone();
        assert!(String::from_utf8_lossy(&refused).contains("--overwrite"));
        draw()
            .arg("--overwrite")
            .env("RAYON_NUM_THREADS", "1")
            .assert()
            .success();
        assert_eq!(std::fs::read(&output).unwrap(), first, "{file}");
        std::fs::remove_file(&output).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn the_picture_is_named_after_the_file() {
    let Some(path) = shared("ocean_color/O_L2_0001_SNS_2017105095839_v1.0.nc") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    plot()
        .arg(path)
        .current_dir(folder.path())
        .assert()
        .success();
    let expected = folder.path().join("O_L2_0001_SNS_2017105095839_v1.0.png");
    assert!(expected.exists());
}

#[test]
fn wrong_requests_say_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.nc");
    plot().arg(&missing).assert().code(1);
    plot()
        .arg(&missing)
        .args(["-o", "map.jpg"])
        .assert()
        .code(2);
    plot()
        .arg(&missing)
        .args(["--palette", "jet"])
        .assert()
        .code(2);
    plot()
        .arg(&missing)
        .args(["--box", "1,2,3"])
        .assert()
        .code(2);
    plot()
        .arg(&missing)
        .args(["--limits", "3,2"])
        .assert()
        .code(2);
    plot().arg(&missing).args(["--width", "5"]).assert().code(2);
    if let Some(path) = shared("ocean_color/O_L2_0001_SNS_2017105095839_v1.0.nc") {
        let output = plot()
            .arg(path)
            .args(["-v", "conc_chll"])
            .current_dir(folder.path())
            .assert()
            .code(1)
            .get_output()
            .stderr
            .clone();
        assert!(String::from_utf8_lossy(&output).contains("did you mean conc_chl?"));
    }
}
