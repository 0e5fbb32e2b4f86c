//! The outputs of a run.

use crate::cluster::Wanted;
use crate::failure::{Failure, Result};
use crate::{interrupt, messages};
use std::path::{Path, PathBuf};
use swathe::job::{Finished, JournalFile, Keeping, MapSource, Observer, Plan, difference};
use swathe::live::Report;
use swathe_core::geobox::GeoBox;
use swathe_io::bins::BinTable;
use swathe_io::dataset::AttributeValue;
use swathe_io::error::Error;
use swathe_io::picture::{MapPicture, layer_values};
use swathe_io::product::{
    Format, Gridded, GriddedVariable, MemoryTiles, Novelty, Output, OutputSet, Product, StoredCube,
    TileSink, geotiff, netcdf, write_all, zarr,
};

/// Outputs that have been checked and can be written.
pub struct Outputs {
    set: OutputSet,
    /// The cube to append to; there are no other outputs then.
    cube: Option<(PathBuf, StoredCube)>,
    /// Whether partial results keep what each granule gave.
    granules: bool,
}

impl Outputs {
    /// Checks the outputs of a run on these inputs, before any work is done.
    pub fn new(paths: &[PathBuf], inputs: &[PathBuf], overwrite: bool) -> Result<Self> {
        for path in paths {
            Format::of(path).map_err(Failure::usage)?;
        }
        let set = OutputSet::new(paths, inputs, overwrite)?;
        interrupt::remove_when_interrupted(set.temporary_paths());
        Ok(Outputs {
            set,
            cube: None,
            granules: false,
        })
    }

    /// Partial results, of which there must be one, keep what each granule gave.
    pub fn keeping_granules(mut self) -> Result<Self> {
        if !self.set.paths().any(is_partial) {
            return Err(Failure::usage(
                "--keep granules is for partial results, and no output is a .swathe",
            ));
        }
        self.granules = true;
        Ok(self)
    }

    /// The only output is a cube to append to, which is made if it is not there.
    pub fn appending(paths: &[PathBuf], inputs: &[PathBuf]) -> Result<Self> {
        let zarr = |path: &PathBuf| Format::of(path).is_ok_and(|format| format == Format::Zarr);
        let [path] = paths else {
            return Err(Failure::usage("--append takes one output, a .zarr"));
        };
        if !zarr(path) {
            return Err(Failure::usage(format!(
                "{}: only a cube in a .zarr can be appended to",
                path.display()
            )));
        }
        let mut outputs = Outputs::new(&[], inputs, false)?;
        match StoredCube::open(path) {
            Ok(cube) => outputs.cube = Some((path.clone(), cube)),
            Err(_) if std::fs::symlink_metadata(path).is_err() => {
                return Outputs::new(paths, inputs, false);
            }
            Err(error) => return Err(error.into()),
        }
        Ok(outputs)
    }

    /// Refuses granules, a grid or variables that the cube to append to cannot take.
    pub fn check_plan(&self, plan: &Plan) -> Result<()> {
        if plan.isin().is_some() {
            self.check_bins()?;
            if plan.windows().is_some() {
                return Err(Failure::usage("a file holds the bins of one window of time").with_hint(
                    "bin the granules of each window by themselves, or map them with --preset nasa-l3",
                ));
            }
        }
        let Some((path, cube)) = &self.cube else {
            return Ok(());
        };
        let gridded = Gridded::open(path)?;
        if gridded.geobox() != plan.geobox() {
            let of = |grid: &GeoBox| {
                let (rows, columns) = grid.shape();
                let (west, south, east, north) = grid.bounds();
                format!(
                    "{columns} x {rows} cells of {} in {west},{south},{east},{north}, {}",
                    grid.x.step(),
                    grid.crs
                )
            };
            return Err(Failure::error(format!(
                "{}: it is on another grid: {}; the new layers are on {}",
                path.display(),
                of(gridded.geobox()),
                of(plan.geobox())
            ))
            .with_hint("without grid options, the cube's grid is used"));
        }
        for name in plan.fields() {
            if gridded.variables().iter().all(|v| v.name() != name) {
                let names: Vec<&str> = gridded
                    .variables()
                    .iter()
                    .map(GriddedVariable::name)
                    .collect();
                return Err(Failure::error(format!(
                    "{}: it has no variable {name}, but {}",
                    path.display(),
                    names.join(", ")
                )));
            }
        }
        let mut made = gridded.dataset().root().attributes.iter();
        let made = made.find(|(name, _)| name == "history");
        let options = plan.options();
        if let Some((_, AttributeValue::Text(made))) = made
            && *made != options
        {
            return Err(Failure::usage(format!(
                "{}: it was made with other options: {}",
                path.display(),
                difference(made, &options)
            )));
        }
        let granules: Vec<(&str, f64)> = plan.starts().collect();
        all_there(path, cube.check_granules(&granules)?)
    }

    /// Refuses what bins are not written as.
    fn check_bins(&self) -> Result<()> {
        let format = |path: &Path| Format::of(path).ok();
        let takes = |path: &&Path| !matches!(format(path), Some(Format::NetCdf | Format::Partial));
        match self.set.paths().find(takes) {
            Some(path) => Err(Failure::usage(format!(
                "{}: bins are written as .nc or .swathe",
                path.display()
            ))),
            None => Ok(()),
        }
    }

    /// Refuses a picture of several maps.
    pub fn check_maps(&self, maps: usize) -> Result<()> {
        let picture = |path: &&Path| Format::of(path).is_ok_and(|format| format == Format::Png);
        match self.set.paths().find(picture) {
            Some(path) if maps > 1 => Err(Failure::usage(format!(
                "{}: a picture shows one map, {maps} granules give {maps}",
                path.display()
            ))
            .with_hint("write .nc, and draw one of its maps with `swathe plot`")),
            _ => Ok(()),
        }
    }

    /// Refuses to keep what is no average, but `made`.
    pub fn check_no_partial(&self, made: &str) -> Result<()> {
        match self.set.paths().find(|path| is_partial(path)) {
            Some(path) => Err(Failure::usage(format!(
                "{}: a partial result is of one average, not of {made}",
                path.display()
            ))
            .with_hint("make a partial result of each window's granules, or of bins (--grid isin-ROWS); or write .nc or .zarr")),
            None => Ok(()),
        }
    }

    /// What is wanted of a run that other processes carry out: they may write the maps of the only .zarr that there is.
    /// [`Outputs::write`] completes it, or writes all of it.
    pub fn wanted(&mut self) -> Result<Wanted> {
        if self.set.paths().any(is_partial) {
            return Ok(Wanted::Parts {
                keep: self.granules,
            });
        }
        let maps = self.set.paths().count() > 1;
        let mut stores = self.set.iter_mut().filter(|o| o.format() == Format::Zarr);
        match (stores.next(), stores.next()) {
            (Some(output), None) => Ok(Wanted::Store {
                folder: output.share()?,
                maps,
            }),
            _ => Ok(Wanted::Maps),
        }
    }

    /// The first output that holds the maps as other programs read them.
    pub fn maps_file(&self) -> Option<PathBuf> {
        let file = |format| {
            let of = |path: &&Path| Format::of(path).is_ok_and(|found| found == format);
            self.set.paths().find(of)
        };
        let found = file(Format::Zarr).or_else(|| file(Format::NetCdf));
        found.map(Path::to_path_buf)
    }

    /// Whether layers are added to a cube that is there.
    pub fn appends(&self) -> bool {
        self.cube.is_some()
    }

    /// What a run is to keep: its journal beside the first output, or in a folder for scratch files.
    pub fn keeping(&self, memory: Option<u64>, scratch: Option<&Path>, resume: bool) -> Keeping {
        let cube = self.cube.as_ref().map(|(path, _)| path.as_path());
        let first = cube.or(self.set.paths().next());
        Keeping {
            memory,
            journal: first.map(|output| JournalFile {
                path: JournalFile::of_output(output, scratch),
                resume,
                granules: self.granules,
            }),
            whole: self.cube.is_some() || self.set.paths().any(is_whole),
        }
    }

    /// Writes a product that is in memory to all outputs; they appear together.
    pub fn write_product(mut self, product: &Product) -> Result<()> {
        for output in self.set.iter_mut() {
            match output.format() {
                Format::NetCdf => output.write(|file| netcdf::write(product, file))?,
                Format::Zarr => output.write_folder(|folder| zarr::write(product, folder))?,
                Format::GeoTiff => output.write(|file| geotiff::write(product, file))?,
                Format::Png => {
                    let png = picture(product)?;
                    write_bytes(output, &png)?;
                }
                Format::Html => {
                    let mut report = Report::new(product)?;
                    write_all(product, Box::new(&mut report))?;
                    let html = report.html();
                    write_bytes(output, html.as_bytes())?;
                }
                Format::Partial => {
                    return Err(Failure::usage(format!(
                        "{}: only averages can be kept as partial results",
                        output.path().display()
                    )));
                }
            }
        }
        Ok(self.set.commit()?)
    }

    /// Writes bins to all outputs, which must be .nc; they appear together.
    pub fn write_bins(mut self, table: &BinTable, options: &str) -> Result<()> {
        self.check_bins()?;
        for output in self.set.iter_mut() {
            output.write(|file| {
                table.write(file, options, env!("CARGO_PKG_VERSION"))?;
                Ok(())
            })?;
        }
        Ok(self.set.commit()?)
    }

    /// Writes what a run gave to all outputs; they appear together. Runs on the current thread pool, and tells
    /// how many tiles are done.
    pub fn write(self, finished: &Finished, observer: Observer<'_>) -> Result<()> {
        if let Some((path, cube)) = &self.cube {
            let appended = cube.append(&finished.product()?);
            return all_there(path, appended.map_err(nothing_added)?);
        }
        self.write_maps(finished, observer)
    }

    /// The same of maps, whatever they are made of.
    pub fn write_maps(self, maps: &dyn MapSource, observer: Observer<'_>) -> Result<()> {
        let whole = self.set.paths().any(is_whole);
        self.write_all(maps, whole, observer)?;
        Ok(())
    }

    /// The same, and gives the product, in memory.
    pub fn write_and_keep(self, maps: &dyn MapSource, observer: Observer<'_>) -> Result<Product> {
        let product = self.write_all(maps, true, observer)?;
        product.ok_or_else(|| Failure::error("the maps are not here"))
    }

    /// Writes maps to all outputs, and gives them, if they are to be put together as a `whole`.
    fn write_all(
        mut self,
        maps: &dyn MapSource,
        whole: bool,
        observer: Observer<'_>,
    ) -> Result<Option<Product>> {
        let description = maps.description();
        let run = maps.run();
        let mut there = 0;
        if let Some(range) = run.and_then(Finished::stored) {
            for output in self.set.iter_mut().filter(|o| o.is_shared()) {
                output.complete(description, range)?;
                there += 1;
            }
            if there == self.set.paths().count() {
                self.set.commit()?;
                return Ok(None);
            }
        }
        let written = there > 0;
        let mut memory = whole
            .then(|| MemoryTiles::create(description))
            .transpose()?;
        let reported = self.set.iter_mut().any(|o| o.format() == Format::Html);
        let mut report = match reported {
            true => Some(Report::new(description)?),
            false => None,
        };
        {
            let mut sinks: Vec<Box<dyn TileSink + '_>> = Vec::new();
            for output in self.set.iter_mut() {
                let bins = run.and_then(|run| Some((run, run.isin()?)));
                match (output.format(), bins) {
                    (Format::NetCdf, Some((run, isin))) => {
                        let (most, scheme) = (run.most(), run.scheme());
                        sinks.push(output.bins(description, isin, most, scheme)?);
                    }
                    // The only one.
                    (Format::Zarr, None) if written => {}
                    (Format::NetCdf | Format::Zarr, None) => {
                        sinks.push(output.tiles(description)?);
                    }
                    _ => {}
                }
            }
            if let Some(memory) = &mut memory {
                sinks.push(Box::new(memory));
            }
            if let Some(report) = &mut report {
                sinks.push(Box::new(report));
            }
            maps.feed(&mut sinks, observer)?;
            for sink in sinks {
                sink.finish()?;
            }
        }
        let product = memory.map(MemoryTiles::into_product).transpose()?;
        for output in self.set.iter_mut() {
            match (output.format(), &product) {
                (Format::Partial, _) => {
                    let Some(run) = run else {
                        return Err(Failure::usage(format!(
                            "{}: only averages can be kept as partial results",
                            output.path().display()
                        )));
                    };
                    let mut failure = None;
                    let written = output.write(|file| {
                        run.write_partial(file, observer).map_err(|error| {
                            let reason = error.to_string();
                            failure = Some(error);
                            Error::Product { reason }
                        })
                    });
                    if let Some(error) = failure {
                        return Err(error.into());
                    }
                    written?;
                }
                (Format::Html, _) => {
                    if let Some(report) = &report {
                        write_bytes(output, report.html().as_bytes())?;
                    }
                }
                (Format::GeoTiff, Some(product)) => {
                    output.write(|file| geotiff::write(product, file))?;
                }
                (Format::Png, Some(product)) => {
                    let png = picture(product)?;
                    write_bytes(output, &png)?;
                }
                _ => {}
            }
        }
        self.set.commit()?;
        Ok(product)
    }
}

fn is_partial(path: &Path) -> bool {
    Format::of(path).is_ok_and(|format| format == Format::Partial)
}

/// Whether an output is written from a product that is in memory as a whole.
fn is_whole(path: &Path) -> bool {
    Format::of(path).is_ok_and(|format| matches!(format, Format::GeoTiff | Format::Png))
}

/// Why a cube does not take layers that are made.
fn nothing_added(error: Error) -> Failure {
    let refused = matches!(error, Error::Request { .. });
    let failure = Failure::from(error);
    match refused {
        true => failure
            .with_hint("nothing was added: they go into a cube of their own, with another -o"),
        false => failure,
    }
}

/// An append that was done already is nothing to do.
fn all_there(path: &Path, novelty: Novelty) -> Result<()> {
    match novelty {
        Novelty::New => Ok(()),
        Novelty::AllThere => Err(Failure::nothing(format!(
            "{}: it has all of these granules already",
            path.display()
        ))),
    }
}

/// Writes what is encoded already.
fn write_bytes(output: &mut Output, bytes: &[u8]) -> Result<()> {
    let path = output.path().display().to_string();
    output.write(|file| {
        file.write_all(bytes)
            .map_err(|source| Error::Io { path, source })
    })?;
    Ok(())
}

/// Writes a picture that is encoded already.
pub fn png(outputs: &mut OutputSet, path: &Path, png: &[u8]) -> Result<()> {
    outputs.write(path, |file| {
        file.write_all(png).map_err(|source| Error::Io {
            path: path.display().to_string(),
            source,
        })
    })?;
    Ok(())
}

/// The first map of a product's main layer.
fn picture(product: &Product) -> Result<Vec<u8>> {
    let Some(layer) = product.layers.first() else {
        return Err(Failure::error("there is no layer to draw"));
    };
    product.check_in_memory()?;
    let (values, classes) = layer_values(product, layer, 0);
    if product
        .layers
        .iter()
        .any(|l| l.statistic.keeps_range() && l.name != layer.name)
    {
        messages::note(&format!(
            "the picture shows {}, the first of the maps",
            layer.name
        ));
    }
    let mut picture = MapPicture::of_layer(product, layer, 0, &values);
    picture.classes = classes;
    Ok(picture.png()?)
}
