//! Partial results: merged, replaced by newer granules, refused.

use crate::{GRID, done, granules, names, outcome, over_the_atlantic};

use swathe_io::dataset::Dataset;
use swathe_io::simulate::{Overwrite, Simulation, Version};
use tempfile::TempDir;

#[test]
fn merged_parts_equal_all_at_once() {
    let (folder, paths) = granules();
    let at = folder.path();
    let names = names(&paths);
    for (method, weight) in [("footprint", "observation"), ("bin", "granule")] {
        let options = format!(
            "{GRID} -m {method} --weight {weight} --stat mean,std,min,max,sum,coverage --overwrite"
        );
        let ok = |line: &str| done(at, line);
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
    let names = names(&paths);
    std::fs::copy(&paths[0], at.join("copy.nc")).unwrap();
    for (part, granule, options) in [
        ("a", names[0].as_str(), "-m bin"),
        ("b", names[1].as_str(), "-m nearest"),
        ("c", names[0].as_str(), "-m bin"),
        ("d", "copy.nc", "-m bin"),
    ] {
        done(
            at,
            &format!("average {granule} {GRID} {options} -o {part}.swathe"),
        );
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
            seed,
            near_real_time,
            ..over_the_atlantic(count)
        };
        let granules = simulation.granules().unwrap();
        let written = granules.iter().map(|granule| {
            let path = granule.write(folder.path(), Overwrite::Refuse);
            path.unwrap()
        });
        names(&written.collect::<Vec<_>>())
    };
    let (early, refined) = (make(true, 1, 3), make(false, 0, 4));
    (folder, early, refined)
}

#[test]
fn a_newer_granule_replaces_the_older_where_granules_are_kept() {
    let (folder, early, refined) = two_kinds();
    let at = folder.path();
    let ok = |line: &str| done(at, line);
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
        done(
            at,
            &format!("average {granule} {GRID} -m bin {options} -o {part}.swathe"),
        );
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
            lines: Some(lines),
            seed,
            ..over_the_atlantic(3)
        };
        let granule = &simulation.granules().unwrap()[2];
        let path = granule.write(&at.join(folder), Overwrite::Refuse).unwrap();
        assert_eq!(
            path.file_name().unwrap().to_str(),
            Some(refined[2].as_str())
        );
        let granule = format!("{folder}/{}", refined[2]);
        done(
            at,
            &format!("average {granule} {GRID} -m bin --keep granules -o {folder}.swathe"),
        );
    }
    for (parts, output) in [
        ("other.swathe older.swathe", "a"),
        ("older.swathe other.swathe", "b"),
    ] {
        let line = format!("merge {parts} -o {output}.nc");
        let stderr = done(at, &line);
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
    done(at, "merge other.swathe -o alone.nc");
    done(at, "merge older.swathe -o older.nc");
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
    let ok = |line: &str| done(at, line);
    for (kind, version, near_real_time) in [
        ("a", Version::V3_1, true),
        ("b", Version::V3_1, false),
        ("c", Version::V3_2, false),
    ] {
        let simulation = Simulation {
            version,
            near_real_time,
            ..over_the_atlantic(1)
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
            version,
            near_real_time,
            ..over_the_atlantic(3)
        };
        std::fs::create_dir(at.join(kind)).unwrap();
        let granule = &simulation.granules().unwrap()[number];
        granule.write(&at.join(kind), Overwrite::Refuse).unwrap();
        let line = format!("average {kind}/ {GRID} -m bin -o {kind}.swathe");
        done(at, &line);
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
        done(
            at,
            &format!("merge {parts} --allow-mixed -o x.nc --overwrite"),
        );
        let line = format!("average {folders} {GRID} -m bin --allow-mixed -o y.nc --overwrite");
        done(at, &line);
        assert!(std::fs::read(at.join("x.nc")).unwrap() == std::fs::read(at.join("y.nc")).unwrap());
        std::fs::remove_file(at.join("x.nc")).unwrap();
    }
}
