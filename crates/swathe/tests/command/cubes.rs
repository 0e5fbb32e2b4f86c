//! Cubes: a layer for every granule, stores that grow.

use crate::{GRID, done, granules, names, outcome, texts};

use swathe_io::dataset::Dataset;

#[test]
fn a_cube_has_a_layer_for_every_granule() {
    let (folder, paths) = granules();
    let at = folder.path();
    let (code, _, stderr) = outcome(at, &format!("grid . {GRID} -m nearest -o cube.nc"));
    assert_eq!(code, 0, "{stderr}");
    let dataset = Dataset::open(&at.join("cube.nc")).unwrap();
    assert_eq!(dataset.find("/chlor_a").unwrap().shape, [3, 150, 200]);
    let names = names(&paths);
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
fn a_cube_in_a_zarr_store_grows() {
    let (folder, paths) = granules();
    let at = folder.path();
    let [first, second, third] = names(&paths).try_into().unwrap();
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

/// What a cube was made with is told before any work, and no run is left that could not go on.
#[test]
fn a_cube_takes_no_layers_made_otherwise() {
    let (folder, paths) = granules();
    let at = folder.path();
    let names = names(&paths);
    done(
        at,
        &format!("grid {} {} {GRID} -v chlor_a -o q.zarr", names[0], names[1]),
    );
    for (option, word) in [
        ("-m bin", "-m bin"),
        ("--flags none", "--flags none"),
        ("--valid-range 0,0.1", "--valid-range"),
    ] {
        let line = format!(
            "grid {} {GRID} -v chlor_a {option} -o q.zarr --append",
            names[2]
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
