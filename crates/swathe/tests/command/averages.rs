//! Means, and what is told of a granule.

use crate::{GRID, granules, names, outcome};

use swathe_io::dataset::{AttributeValue, Dataset};

#[test]
fn an_average_is_the_same_for_any_threads_and_order() {
    let (folder, paths) = granules();
    let at = folder.path();
    let names = names(&paths);
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
fn info_describes_and_refuses() {
    let (folder, paths) = granules();
    let at = folder.path();
    let name = &names(&paths)[0];
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
