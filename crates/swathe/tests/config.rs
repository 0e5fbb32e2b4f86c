//! Options from a file: the same as words, and its mistakes told.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
use assert_cmd::Command;
use std::path::Path;
use swathe_io::simulate::Simulation;

mod simulated;

fn run(folder: &Path, line: &str) -> (i32, String) {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("swathe"));
    let output = command
        .current_dir(folder)
        .args(line.split_whitespace())
        .output()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn granules() -> tempfile::TempDir {
    let (folder, _) = simulated::granules(Simulation {
        area: Some([-80.0, 30.0, -60.0, 45.0]),
        count: Some(2),
        lines: Some(60),
        ..Simulation::default()
    });
    folder
}

#[test]
fn a_file_says_what_words_say() {
    let folder = granules();
    let folder = folder.path();
    let words = "average PACE*.nc -v chlor_a -v poc -b -80,30,-60,45 -r 0.1 --stat mean,std -m bin \
        --min-count 2 --where chlor_a>0.01 -o words.nc -o words.tif";
    assert_eq!(run(folder, words).0, 0, "{}", run(folder, words).1);
    let config = r#"
        granules = ["PACE*.nc"]
        variable = ["chlor_a", "poc"]
        bbox = [-80, 30.0, -60, 45]
        resolution = 0.1
        stat = ["mean", "std"]
        method = "bin"
        min_count = 2
        where = "chlor_a>0.01"
        output = ["file.nc", "file.tif"]
        overwrite = false
        verbose = true
        progress = "none"
    "#;
    std::fs::write(folder.join("run.toml"), config).unwrap();
    for line in ["average --config run.toml", "--config=run.toml average"] {
        let (code, said) = run(folder, line);
        assert_eq!(code, 0, "{said}");
        for suffix in ["nc", "tif"] {
            let made =
                |name: &str| std::fs::read(folder.join(name).with_extension(suffix)).unwrap();
            assert!(made("words") == made("file"), "{suffix}");
            std::fs::remove_file(folder.join("file").with_extension(suffix)).unwrap();
        }
    }
    // What the words give replaces what the file gives, lists as well.
    let (code, said) = run(
        folder,
        "average --config run.toml -o own.nc -v chlor_a --stat mean -m nearest",
    );
    assert_eq!(code, 0, "{said}");
    assert!(!folder.join("file.nc").exists());
    let plain = "average PACE*.nc -v chlor_a -b -80,30,-60,45 -r 0.1 --min-count 2 -m nearest \
        --where chlor_a>0.01 -o plain.nc";
    assert_eq!(run(folder, plain).0, 0);
    let made = |name: &str| std::fs::read(folder.join(name)).unwrap();
    assert!(made("own.nc") == made("plain.nc"));
}

#[test]
fn mistakes_in_a_file_are_told() {
    let folder = granules();
    let folder = folder.path();
    std::fs::create_dir(folder.join("dir.toml")).unwrap();
    for (config, expected) in [
        (
            "resolutoin = 0.1",
            r#"unknown option "resolutoin" (did you mean "resolution"?)"#,
        ),
        ("config = \"other.toml\"", "unknown option \"config\""),
        ("resolution = ", "line 1"),
        ("overwrite = 1", "overwrite = 1: expected true or false"),
        ("resolution = true", "expected text or a number"),
        ("bbox = [[1], 2, 3, 4]", "expected text or a number"),
        ("[bbox]\nwest = 1", "expected text or a number"),
        ("bbox = [1, 2, 3]", "expected four numbers"),
        ("threads = 100000", "100000 is not in 1..=512"),
        ("granules = []\nvariable = \"chlor_a\"", "GRANULE"),
        ("\u{0}", "TOML parse error"),
    ] {
        std::fs::write(folder.join("bad.toml"), config).unwrap();
        let (code, said) = run(folder, "average --config bad.toml -o out.nc");
        assert_eq!(code, 2, "{config}: {said}");
        assert!(said.contains(expected), "{config}: {said}");
        let (code, said) = run(
            folder,
            "average --config bad.toml -o out.nc --progress json",
        );
        assert_eq!(code, 2, "{config}: {said}");
        assert!(
            serde_json::from_str::<serde_json::Value>(said.trim()).is_ok(),
            "{said}"
        );
    }
    std::fs::write(folder.join("binary.toml"), [0xff, 0xfe, 0x00]).unwrap();
    for (file, expected) in [
        ("absent.toml", "absent.toml: No such file"),
        ("dir.toml", "dir.toml: no configuration"),
        ("binary.toml", "binary.toml: "),
    ] {
        let (code, said) = run(folder, &format!("average --config {file} -o out.nc"));
        assert_eq!(code, 2, "{said}");
        assert!(said.contains(expected), "{said}");
    }
    assert!(!folder.join("out.nc").exists());
}
