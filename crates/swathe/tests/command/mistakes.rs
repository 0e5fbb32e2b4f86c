//! Mistakes of users and of files: exit codes, and what is said.

use crate::{GRID, granules, names, outcome, texts};

use swathe_io::dataset::Dataset;

#[test]
fn mistakes_are_explained() {
    let (folder, paths) = granules();
    let at = folder.path();
    let one = &names(&paths)[0];
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
fn what_would_not_do_what_it_says_is_refused() {
    let (folder, paths) = granules();
    let granule = &names(&paths)[0];
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
