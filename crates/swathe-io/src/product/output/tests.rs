use super::*;
use crate::product::{LayerData, Product, TileSink, netcdf};
use crate::zarr::ZarrStore;

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn text(content: &'static str) -> impl FnOnce(&mut dyn Sink) -> Result<()> {
    move |writer| {
        writer
            .write_all(content.as_bytes())
            .map_err(|source| Error::Io {
                path: "x output".into(),
                source,
            })
    }
}

fn message<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => panic!("it should be refused"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn files_appear_together_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let paths = ["a.nc", "b.TIF"].map(|name| directory.path().join(name));
    let mut outputs = OutputSet::new(&paths, &[], false).unwrap();
    assert!(names(directory.path()).is_empty());
    outputs.write(&paths[0], text("a")).unwrap();
    assert_eq!(names(directory.path()), [".a.nc.part"]);
    outputs.write(&paths[1], text("b")).unwrap();
    outputs.commit().unwrap();
    assert_eq!(names(directory.path()), ["a.nc", "b.TIF"]);
    assert_eq!(fs::read_to_string(&paths[1]).unwrap(), "b");
}

#[test]
fn a_failure_in_the_middle_leaves_everything_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let paths = ["a.nc", "b.png"].map(|name| directory.path().join(name));
    fs::write(&paths[0], "old").unwrap();
    // An unfinished file of a run that was killed is no hindrance.
    fs::write(directory.path().join(".b.png.part"), "stale").unwrap();
    let mut outputs = OutputSet::new(&paths, &[], true).unwrap();
    outputs.write(&paths[0], text("new")).unwrap();
    let full = outputs.write(&paths[1], |writer| {
        writer.write_all(b"half").unwrap();
        let source = io::Error::from(io::ErrorKind::StorageFull);
        Err(Error::Io {
            path: "x output".into(),
            source,
        })
    });
    let full = message(full);
    assert!(full.starts_with(&paths[1].display().to_string()), "{full}");
    assert!(message(outputs.commit()).contains("not written"));
    assert_eq!(names(directory.path()), ["a.nc"]);
    assert_eq!(fs::read_to_string(&paths[0]).unwrap(), "old");
}

#[test]
fn what_another_program_made_meanwhile_stays() {
    let directory = tempfile::tempdir().unwrap();
    let paths = ["a.nc", "b.nc"].map(|name| directory.path().join(name));
    let mut outputs = OutputSet::new(&paths, &[], false).unwrap();
    outputs.write(&paths[0], text("a")).unwrap();
    outputs.write(&paths[1], text("b")).unwrap();
    fs::write(&paths[1], "theirs").unwrap();
    assert!(message(outputs.commit()).contains("meanwhile"));
    assert_eq!(names(directory.path()), ["b.nc"]);
    assert_eq!(fs::read_to_string(&paths[1]).unwrap(), "theirs");
}

#[test]
fn two_runs_do_not_write_one_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.nc");
    let new = || OutputSet::new(std::slice::from_ref(&path), &[], false);
    let mut first = new().unwrap();
    let mut second = new().unwrap();
    first.write(&path, text("first")).unwrap();
    assert!(message(new()).contains("another run is writing it"));
    assert!(message(second.write(&path, text("second"))).contains("another run"));
    drop(second);
    // Its own file it may write again.
    first.write(&path, text("again")).unwrap();
    first.commit().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "again");
}

fn store(content: &'static str) -> impl FnOnce(&Path) -> Result<()> {
    move |folder| {
        for name in ["zarr.json", "chunk"] {
            fs::write(folder.join(name), content).unwrap();
        }
        Ok(())
    }
}

#[test]
fn a_store_appears_whole_and_replaces_a_store_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.zarr");
    let new = |overwrite| OutputSet::new(std::slice::from_ref(&path), &[], overwrite);
    let content = || fs::read_to_string(path.join("chunk")).unwrap();
    let mut first = new(false).unwrap();
    first.write_folder(&path, store("first")).unwrap();
    assert!(!path.exists());
    assert!(message(new(false)).contains("another run is writing it"));
    first.commit().unwrap();
    assert_eq!(
        (names(directory.path()), content()),
        (vec!["a.zarr".into()], "first".into())
    );

    assert!(message(new(false)).contains("--overwrite"));
    let mut second = new(true).unwrap();
    second.write_folder(&path, store("second")).unwrap();
    assert_eq!(content(), "first");
    second.commit().unwrap();
    assert_eq!(
        (names(directory.path()), content()),
        (vec!["a.zarr".into()], "second".into())
    );

    let mut failed = new(true).unwrap();
    failed.write_folder(&path, store("third")).unwrap();
    drop(failed);
    assert_eq!(
        (names(directory.path()), content()),
        (vec!["a.zarr".into()], "second".into())
    );

    // A run that was killed between two renamings.
    fs::rename(&path, directory.path().join(".a.zarr.old")).unwrap();
    fs::create_dir(directory.path().join(".a.zarr.part")).unwrap();
    drop(new(true).unwrap());
    assert_eq!(
        (names(directory.path()), content()),
        (vec!["a.zarr".into()], "second".into())
    );
}

#[test]
fn only_a_store_gives_way_to_a_store() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.zarr");
    let new = || OutputSet::new(std::slice::from_ref(&path), &[], true);
    fs::create_dir(&path).unwrap();
    fs::write(path.join("thesis.txt"), "kept").unwrap();
    assert!(message(new()).contains("no Zarr store"));
    assert_eq!(fs::read_to_string(path.join("thesis.txt")).unwrap(), "kept");
    remove(&path).unwrap();
    fs::write(&path, "kept").unwrap();
    assert!(message(new()).contains("it is a file"));
    remove(&path).unwrap();

    // Made meanwhile.
    let mut outputs = new().unwrap();
    outputs.write_folder(&path, store("ours")).unwrap();
    fs::create_dir(&path).unwrap();
    fs::write(path.join("thesis.txt"), "kept").unwrap();
    assert!(message(outputs.commit()).contains("no Zarr store"));
    assert_eq!(names(directory.path()), ["a.zarr"]);
    assert_eq!(names(&path), ["thesis.txt"]);
}

#[cfg(unix)]
#[test]
fn a_link_under_the_temporary_name_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.nc");
    let victim = directory.path().join("victim");
    fs::write(&victim, "kept").unwrap();
    let mut outputs = OutputSet::new(std::slice::from_ref(&path), &[], false).unwrap();
    std::os::unix::fs::symlink(&victim, directory.path().join(".a.nc.part")).unwrap();
    outputs.write(&path, text("a")).unwrap();
    outputs.commit().unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "kept");
    assert_eq!(names(directory.path()), ["a.nc", "victim"]);
}

#[test]
fn bad_outputs_are_refused_before_any_work() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("there.nc"), "").unwrap();
    fs::create_dir(at("folder.nc")).unwrap();
    let new =
        |paths: &[PathBuf], overwrite| message(OutputSet::new(paths, &[at("there.nc")], overwrite));
    assert!(new(&[at("a.nc"), at("b.jpg")], false).contains("b.jpg: the name must end in .nc"));
    assert!(new(&[at("no/a.nc")], false).contains("there is no directory"));
    assert!(
        new(
            &[at("a.nc"), at("../").join(directory.path()).join("./a.nc")],
            false
        )
        .contains("twice")
    );
    assert!(new(&[at("folder.nc")], true).contains("is a directory"));
    assert!(new(&[at("there.nc")], true).contains("also an input"));
    fs::write(at("other.nc"), "").unwrap();
    assert!(new(&[at("other.nc")], false).contains("--overwrite"));
    assert!(OutputSet::new(&[at("other.nc")], &[], true).is_ok());
    assert_eq!(
        names(directory.path()),
        ["folder.nc", "other.nc", "there.nc"]
    );
}

/// A map of 2 x 3 cells.
fn map() -> Product {
    use crate::product::{Statistic, TimeStep, Times, provenance};
    let axis = |numerator, len| swathe_core::geobox::Axis::new(0.0, numerator, 0, len);
    let values = LayerData::F32(vec![1.0, 2.0, f32::NAN, 4.0, 5.0, 6.0]);
    Product {
        geobox: swathe_core::geobox::GeoBox {
            crs: swathe_core::crs::Crs::lonlat(),
            x: axis(1.0, 3),
            y: axis(-1.0, 2),
        },
        windows: Vec::new(),
        times: Times::Window(TimeStep {
            time: 0.0,
            start: 0.0,
            end: 1.0,
            granule: None,
        }),
        layers: vec![Statistic::Mean.layer("x", &vec![], values, true)],
        granules: vec![],
        flags: vec![],
        provenance: provenance(),
        attributes: vec![],
    }
}

#[test]
fn outputs_are_written_tile_by_tile_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let paths = [path("a.nc"), path("a.zarr"), path("a.png")];
    let product = map();
    let mut outputs = OutputSet::new(&paths, &[], false).unwrap();
    let mut sinks: Vec<Box<dyn TileSink + '_>> = Vec::new();
    for output in outputs.iter_mut() {
        match output.format() {
            Format::Png => {
                let refused = output.tiles(&product).err().unwrap().to_string();
                assert!(refused.contains("a.png: only .nc and .zarr"), "{refused}");
                output.write(text("picture")).unwrap();
            }
            _ => sinks.push(output.tiles(&product).unwrap()),
        }
    }
    assert_eq!(
        names(folder.path()),
        [".a.nc.part", ".a.png.part", ".a.zarr.part"]
    );
    let busy = OutputSet::new(&paths[..1], &[], false).unwrap_err();
    assert!(busy.to_string().contains("another run"), "{busy}");
    let values = product.layers[0].data.clone();
    crate::product::feed(&mut sinks, vec![(0, 0, 0, values)]).unwrap();
    for sink in sinks {
        sink.finish().unwrap();
    }
    let busy = OutputSet::new(&paths[..1], &[], false).unwrap_err();
    assert!(busy.to_string().contains("another run"), "{busy}");
    outputs.commit().unwrap();
    assert_eq!(names(folder.path()), ["a.nc", "a.png", "a.zarr"]);

    let mut whole = io::Cursor::new(Vec::new());
    netcdf::write(&product, &mut whole).unwrap();
    assert!(fs::read(&paths[0]).unwrap() == whole.into_inner());
    assert!(ZarrStore::is_store(&paths[1]));
}

#[test]
fn what_has_not_all_its_tiles_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for (name, finish) in [("a.nc", true), ("a.nc", false), ("a.zarr", true)] {
        let path = folder.path().join(name);
        let mut outputs = OutputSet::new(&[path], &[], false).unwrap();
        let sink = outputs.iter_mut().next().unwrap().tiles(&map()).unwrap();
        if finish {
            let missing = sink.finish().unwrap_err().to_string();
            assert!(missing.contains("was not put"), "{missing}");
        } else {
            drop(sink);
        }
        let missing = outputs.commit().unwrap_err().to_string();
        assert!(missing.contains("it was not written"), "{missing}");
        assert_eq!(names(folder.path()), [""; 0]);
    }
}
