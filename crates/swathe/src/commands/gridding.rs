//! Options that `grid` and `average` share: which granules, which variables, which grid, how.

use super::catalogue::Catalogue;
use super::graph::GraphFile;
use super::live::{LiveOption, Watch};
use super::on_cluster::OnCluster;
use super::progress::{self, Progress};
use super::report;
use super::write::Outputs;
use crate::cluster::Wanted;
use crate::failure::{Failure, Outcome, Result};
use crate::interrupt;
use crate::memory_size::memory_size;
use crate::messages;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::sync::Arc;
use swathe::job::{
    self, ByBins, GridRequest, Job, JournalFile, OnError, Plan, Purpose, expand, gather,
};
use swathe_core::build_geobox::Resolution;
use swathe_core::expression::Expression;
use swathe_core::geobox::GeoBox;
use swathe_core::isin::Isin;
use swathe_core::mask::{FlagSelection, ValidRange};
use swathe_core::region::Region;
use swathe_core::resample::Method;
use swathe_core::watch;
use swathe_io::journal::is_being_written;
use swathe_io::product::gridded::Gridded;
use swathe_io::remote;

/// Options of a job on a grid.
#[derive(Args)]
pub struct Gridding {
    /// Granules: files, folders, patterns, https and s3 addresses, @list.txt, or - for names on
    /// standard input; or search for them with -c
    #[arg(
        required_unless_present = "collection",
        conflicts_with = "collection",
        value_name = "GRANULE"
    )]
    granules: Vec<String>,
    #[command(flatten)]
    catalogue: Catalogue,
    /// Variable, as `chlor_a`, `Rrs@443,555` or `Rrs[3]`, or one that is computed from others, as
    /// `ratio=Rrs@443/Rrs@555`; repeats. Default: the suite's main product
    #[arg(short, long = "variable", value_name = "NAME")]
    variables: Vec<String>,
    /// Output file; its suffix is its format: .nc, .zarr, .tif, .png, .html (a report), or .swathe for a partial
    /// result that `swathe merge` takes; repeats
    #[arg(
        short,
        long = "output",
        value_name = "FILE",
        required_unless_present_any = ["dry_run", "graph"]
    )]
    outputs: Vec<PathBuf>,
    /// Replace outputs that exist; a symbolic link is replaced itself, not what it points to
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    grid: GridOptions,
    /// How pixels reach cells. Default: footprint, for flags and classes nearest
    #[arg(short, long, value_enum, value_name = "METHOD")]
    method: Option<MethodName>,
    /// Flags that make a pixel missing: l3, l2, l2bin, matchup, none, or names, as in l3,-COCCOLITH.
    /// Default: l3 for OC_BGC, OC_AOP and OC_IOP, none for others
    #[arg(long, value_name = "FLAGS", allow_hyphen_values = true)]
    flags: Option<FlagSelection>,
    /// Pixels that count, as in "view_angle <= 60 and chlor_a > 0.01": by variables of the granule, or
    /// view_angle (degrees) and pixel_size (km), which are worked out from positions, approximately
    #[arg(long = "where", value_name = "CONDITION", value_parser = Expression::condition)]
    condition: Option<Expression>,
    /// Valid range in the variable's units, both ends in, in place of the file's own
    #[arg(long, value_name = "LO,HI", allow_hyphen_values = true)]
    valid_range: Option<ValidRange>,
    /// With `joint`, a pixel counts only where all variables are valid; otherwise each is masked by itself
    #[arg(long, value_enum, default_value_t = MaskName::Each, value_name = "HOW")]
    mask: MaskName,
    /// What to do about a granule that cannot be used
    #[arg(long, value_enum, default_value_t = OnErrorName::Stop, value_name = "WHAT")]
    on_error: OnErrorName,
    /// Allow granules of several processing versions, or near-real-time with refined ones
    #[arg(long)]
    allow_mixed: bool,
    /// Number of threads, up to 512. Default: one for each processor
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    threads: Option<u16>,
    /// How to show progress on standard error
    #[arg(long, value_enum, default_value_t = progress::Style::Auto, value_name = "STYLE")]
    progress: progress::Style,
    /// Most memory that the run may take, as 512MiB or 4GiB. Default: half of the machine's
    #[arg(long, value_name = "SIZE", value_parser = memory_size)]
    memory: Option<u64>,
    /// Folder for what is kept while the run goes on. Default: beside the first output
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Go on with a run of the same that was stopped
    #[arg(long, conflicts_with_all = ["dask", "dask_gateway"])]
    resume: bool,
    /// Show what reading has cost, and what became of every granule
    #[arg(long)]
    verbose: bool,
    /// Print the plan: granules, lines, tiles, bytes to read; read no array and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Draw the plan into a file, .svg or .mmd (Mermaid). Then the run goes on, unless there is no
    /// output or --dry-run
    #[arg(long, value_name = "FILE")]
    graph: Option<PathBuf>,
    #[command(flatten)]
    cluster: OnCluster,
    #[command(flatten)]
    live: LiveOption,
}

/// Options that make a grid.
#[derive(Args)]
#[command(next_help_heading = "Grid")]
pub struct GridOptions {
    /// Box in degrees; west > east means across 180
    #[arg(short, long, value_name = "W,S,E,N", allow_hyphen_values = true, value_parser = four,
          conflicts_with_all = ["bounds", "like"])]
    bbox: Option<Four>,
    /// Bounds in units of the CRS
    #[arg(long, value_name = "L,B,R,T", allow_hyphen_values = true, value_parser = four,
          conflicts_with_all = ["named", "like"])]
    bounds: Option<Four>,
    /// Cell size: in units of the CRS, or as 1km, 250m, 0.015deg, 1/24deg
    #[arg(short, long, value_name = "SIZE", allow_hyphen_values = true, conflicts_with_all = ["named", "like"])]
    resolution: Option<Resolution>,
    /// EPSG code, PROJ string or WKT. Default: longitude and latitude
    #[arg(long, value_name = "CRS", conflicts_with_all = ["named", "like"])]
    crs: Option<String>,
    /// A named global grid: l3m-4km, l3m-9km, 0.1deg; or isin-ROWS, bins of equal area (isin-4320 has
    /// 4.6 km), with -b of pixels in a box alone
    #[arg(long = "grid", value_name = "NAME", conflicts_with = "like")]
    named: Option<String>,
    /// The grid of another gridded file
    #[arg(long, value_name = "FILE")]
    like: Option<PathBuf>,
}

/// Four numbers: west, south, east, north.
pub type Four = (f64, f64, f64, f64);

/// Reads four numbers, separated by commas or spaces.
pub fn four(text: &str) -> std::result::Result<Four, String> {
    let numbers: Vec<f64> = text
        .split([',', ' '])
        .filter(|word| !word.is_empty())
        .map(str::parse)
        .collect::<std::result::Result<_, _>>()
        .map_err(|_| "expected four numbers, as in -77,36,-73,41".to_owned())?;
    match numbers[..] {
        [w, s, e, n] => Ok((w, s, e, n)),
        _ => Err(format!(
            "expected four numbers, as in -77,36,-73,41, got {}",
            numbers.len()
        )),
    }
}

/// Options whose value is four numbers, which may come as four words.
const FOUR_WORDS: [&str; 4] = ["-b", "--bbox", "--bounds", "--box"];

/// Whether a word is where a page can be served, and no file.
fn is_address(word: &std::ffi::OsStr) -> bool {
    let address = word.to_str().map(str::parse::<swathe::live::Address>);
    matches!(address, Some(Ok(_))) && !std::path::Path::new(word).exists()
}

/// Joins four words after an option that takes four numbers into one.
pub fn join_four_words(words: impl Iterator<Item = std::ffi::OsString>) -> Vec<std::ffi::OsString> {
    let words: Vec<_> = words.collect();
    let is_number = |word: &std::ffi::OsString| {
        word.to_str()
            .is_some_and(|text| text.parse::<f64>().is_ok())
    };
    let mut joined = Vec::with_capacity(words.len());
    let mut i = 0;
    while i < words.len() {
        joined.push(words[i].clone());
        let takes_four = words[i].to_str().is_some_and(|w| FOUR_WORDS.contains(&w));
        if let (true, Some(four)) = (takes_four, words.get(i + 1..i + 5))
            && four.iter().all(is_number)
        {
            joined.push(four.join(std::ffi::OsStr::new(",")));
            i += 4;
        } else if let ("--live", Some(address)) =
            (words[i].to_string_lossy().as_ref(), words.get(i + 1))
            && is_address(address)
        {
            // An address may follow as a word of its own; anything else that follows is none.
            if let Some(live) = joined.last_mut() {
                live.push("=");
                live.push(address);
            }
            i += 1;
        }
        i += 1;
    }
    joined
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum MethodName {
    /// The nearest pixel, where the cell's centre lies in the swath
    Nearest,
    /// Between the four pixels around the cell's centre
    Bilinear,
    /// Every pixel whose centre is in the cell
    Bin,
    /// Every pixel whose footprint overlaps the cell, weighted by the overlap
    Footprint,
}

impl From<MethodName> for Method {
    fn from(name: MethodName) -> Method {
        match name {
            MethodName::Nearest => Method::Nearest,
            MethodName::Bilinear => Method::Bilinear,
            MethodName::Bin => Method::Bin,
            MethodName::Footprint => Method::Footprint,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum MaskName {
    /// Each variable by itself
    Each,
    /// All together
    Joint,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OnErrorName {
    /// End before anything is written
    Stop,
    /// Go on without it; exit code 3
    Skip,
}

impl Gridding {
    /// The job that these options ask for.
    pub fn job(&self) -> Result<Job> {
        Ok(Job {
            variables: self.variables.clone(),
            grid: self.grid.request()?,
            method: self.method.map(Into::into),
            flags: self.flags.clone(),
            condition: self.condition.clone(),
            valid_range: self.valid_range,
            joint: self.mask == MaskName::Joint,
            on_error: match self.on_error {
                OnErrorName::Stop => OnError::Stop,
                OnErrorName::Skip => OnError::Skip,
            },
            allow_mixed: self.allow_mixed,
            ..Job::default()
        })
    }

    /// The outputs that were given.
    pub fn outputs(&self) -> &[PathBuf] {
        &self.outputs
    }

    /// Where the granules are: by their words, or found in the catalogue.
    fn paths(&self) -> Result<Vec<PathBuf>> {
        let Some(query) = self.catalogue.query(self.grid.bbox)? else {
            self.catalogue.reach.apply()?;
            return Ok(expand(&self.granules)?);
        };
        let session = self.catalogue.reach.session()?;
        let found = self.catalogue.find(&session, &query)?;
        messages::note(&format!("{} granules were found", found.granules.len()));
        let links = self.catalogue.links(&session, &found.granules)?;
        Ok(links.into_iter().map(PathBuf::from).collect())
    }

    /// Refuses a folder for scratch files that is none.
    fn check_scratch(&self) -> Result<()> {
        let Some(folder) = &self.scratch else {
            return Ok(());
        };
        let reason = match std::fs::metadata(folder) {
            Ok(found) if found.is_dir() => return Ok(()),
            Ok(_) => "it is no folder".to_owned(),
            Err(error) => error.to_string(),
        };
        Err(
            Failure::usage(format!("--scratch {}: {reason}", folder.display()))
                .with_hint("give a folder that is there"),
        )
    }

    fn journal(&self) -> Option<PathBuf> {
        let first = self.outputs.first()?;
        Some(JournalFile::of_output(first, self.scratch.as_deref()))
    }

    fn output_names(&self) -> Vec<String> {
        let names = self.outputs.iter().filter_map(|path| path.file_name());
        names
            .map(|name| name.to_string_lossy().into_owned())
            .collect()
    }

    /// Whether no option says anything of the grid.
    pub fn grid_is_left_open(&self) -> bool {
        let grid = &self.grid;
        grid.bbox.is_none()
            && grid.bounds.is_none()
            && grid.resolution.is_none()
            && grid.crs.is_none()
            && grid.named.is_none()
            && grid.like.is_none()
    }

    /// Carries a job on bins out whose outputs are maps made of these.
    pub fn run_binned(&self, job: Job, map: &ByBins) -> Result {
        self.live.watch(|watch| self.binned(job, map, watch))
    }

    fn binned(&self, job: Job, map: &ByBins, watch: &Watch) -> Result {
        self.check_scratch()?;
        let paths = expand(&self.granules)?;
        let outputs = Outputs::new(&self.outputs, &paths, self.overwrite)?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads.map_or(0, usize::from))
            .build()
            .map_err(Failure::error)?;
        let gathered = pool.install(|| gather(&paths, job.on_error))?;
        let plan = Arc::new(pool.install(|| Plan::new(gathered, job, Purpose::Average))?);
        let keeping = outputs.keeping(self.memory, self.scratch.as_deref(), self.resume);
        let shares = pool.install(|| plan.shares(pool.current_num_threads(), &keeping))?;
        if self.dry_run {
            let estimate = pool.install(|| plan.estimate())?;
            return report::plan(&plan, &estimate, &shares, keeping.journal.is_some());
        }
        outputs.check_no_partial("a map that is made of bins")?;
        outputs.check_maps(plan.windows().unwrap_or(1))?;
        report::chosen(&plan, &shares);
        if let Some(live) = watch.live().filter(|_| !self.cluster.is_asked_for()) {
            live.plan(&plan, &shares, Some(map.geobox()));
            live.draw(&plan, &[]);
        }
        let mut progress = Progress::new(self.progress);
        let mut show = |event: &job::Event<'_>| {
            watch.show(event);
            progress.show(event)
        };
        let watched = watch::here();
        let live = watch.live().map(|live| (live, Some(map.geobox())));
        let written = self
            .cluster
            // The map is made of the bins here.
            .run(&plan, &pool, &keeping, || Ok(Wanted::Maps), live, &mut show)
            .and_then(|finished| {
                pool.install(|| {
                    let _entered = watched.enter();
                    outputs.write_maps(&map.maps(&finished)?, &mut show)
                })?;
                messages::note(&format!("mapped from bins of isin-{}", map.rows()));
                Ok(finished)
            });
        progress.finish();
        let finished = written?;
        let outcome = report::finished(&finished, &self.outputs, self.verbose);
        watch.wrote(&self.outputs);
        finished.clear()?;
        Ok(outcome)
    }

    /// Carries a job out: gathers, plans, says what was chosen, runs, writes, reports. `open` checks the
    /// outputs on these inputs; its last argument is whether they may be replaced.
    pub fn run(
        &self,
        job: Job,
        purpose: Purpose,
        open: impl FnOnce(&[PathBuf], &[PathBuf], bool) -> Result<Outputs>,
    ) -> Result {
        self.live
            .watch(|watch| self.run_watched(job, purpose, open, watch))
    }

    fn run_watched(
        &self,
        job: Job,
        purpose: Purpose,
        open: impl FnOnce(&[PathBuf], &[PathBuf], bool) -> Result<Outputs>,
        watch: &Watch,
    ) -> Result {
        self.check_scratch()?;
        let paths = self.paths()?;
        // A run that was stopped once its outputs had appeared has only its journal to clear away.
        let stopped = self.journal().is_some_and(|path| path.exists());
        let mut outputs = open(
            &self.outputs,
            &paths,
            self.overwrite || (stopped && self.resume),
        )?;
        let graph = self.graph.as_deref();
        let graph = graph.map(|path| GraphFile::new(path, &paths, self.overwrite));
        let graph = graph.transpose()?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads.map_or(0, usize::from))
            .build()
            .map_err(Failure::error)?;
        let gathered = pool.install(|| gather(&paths, job.on_error))?;
        let plan = Arc::new(pool.install(|| Plan::new(gathered, job, purpose))?);
        let keeping = outputs.keeping(self.memory, self.scratch.as_deref(), self.resume);
        let shares = pool.install(|| plan.shares(pool.current_num_threads(), &keeping))?;
        if self.dry_run || graph.is_some() {
            let estimate = pool.install(|| plan.estimate())?;
            if let Some(graph) = graph {
                graph.write(&plan.graph(&estimate, &self.output_names()))?;
            }
            if self.dry_run {
                return report::plan(&plan, &estimate, &shares, keeping.journal.is_some());
            }
        }
        if self.outputs.is_empty() {
            return Ok(Outcome::Done);
        }
        let maps = match purpose {
            Purpose::Cube => Some(plan.granules()),
            Purpose::Average => plan.windows(),
        };
        if let Some(maps) = maps {
            outputs.check_maps(maps)?;
            outputs.check_no_partial("windows (--every) or of a cube")?;
        }
        outputs.check_plan(&plan)?;
        report::chosen(&plan, &shares);
        if let Some(journal) = self.journal() {
            interrupt::resumable(&journal);
        }
        if stopped && !self.resume && !self.journal().is_some_and(|path| is_being_written(&path)) {
            messages::note(
                "a run that was stopped is given up: --resume would have gone on with it",
            );
        }
        if let Some(live) = watch.live().filter(|_| !self.cluster.is_asked_for()) {
            live.plan(&plan, &shares, None);
            live.draw(&plan, &self.output_names());
        }
        let mut progress = Progress::new(self.progress);
        let mut show = |event: &job::Event<'_>| {
            watch.show(event);
            progress.show(event)
        };
        let watched = watch::here();
        let live = watch.live().map(|live| (live, None));
        let written = self
            .cluster
            .run(&plan, &pool, &keeping, || outputs.wanted(), live, &mut show)
            .and_then(|finished| {
                let appends = outputs.appends();
                let written = pool.install(|| {
                    let _entered = watched.enter();
                    outputs.write(&finished, &mut show)
                });
                match written {
                    Ok(()) => Ok(finished),
                    // The cube does not take these layers, today or later: there is nothing to go on with.
                    Err(failure) if appends && !failure.is_of_the_system() => {
                        finished.clear()?;
                        Err(failure)
                    }
                    Err(failure) => Err(failure),
                }
            });
        progress.finish();
        let kept = |failure: Failure| match self.journal() {
            Some(journal)
                if journal.exists() && !is_being_written(&journal) && !failure.has_hint() =>
            {
                failure.with_hint(messages::RESUME)
            }
            _ => failure,
        };
        let finished = written.map_err(kept)?;
        let outcome = report::finished(&finished, &self.outputs, self.verbose);
        if let (true, Some((requests, received))) = (self.verbose, remote::used()) {
            let received = progress::bytes(received);
            messages::note(&format!(
                "{requests} requests to servers, which gave {received}"
            ));
        }
        watch.wrote(&self.outputs);
        finished.clear()?;
        Ok(outcome)
    }
}

/// The rows that the name of a grid of bins tells.
fn isin_rows(name: &str) -> Option<u32> {
    name.strip_prefix("isin-")?.parse().ok()
}

impl GridOptions {
    /// The grid that they ask for.
    pub fn request(&self) -> Result<GridRequest> {
        let need_resolution = || {
            Failure::usage("a box needs a resolution")
                .with_hint("give -r, as in -r 0.015 or -r 1km")
        };
        if let Some(rows) = self.named.as_deref().and_then(isin_rows) {
            let area = self.bbox.map(Region::of_box).transpose();
            let area = area.map_err(|e| Failure::usage(format!("invalid box: {e}")))?;
            let isin = Isin::new(rows, area).map_err(Failure::usage)?;
            return Ok(GridRequest::Bins(isin));
        }
        if let Some(name) = &self.named {
            if self.bbox.is_some() {
                return Err(Failure::usage(format!("{name} has its own box"))
                    .with_hint("leave out -b, or give -b with -r"));
            }
            return Ok(GridRequest::Exact(
                GeoBox::named(name).map_err(Failure::usage)?,
            ));
        }
        if let Some(file) = &self.like {
            let gridded = Gridded::open(file)?;
            return Ok(GridRequest::Exact(gridded.geobox().clone()));
        }
        let crs = self.crs.clone();
        if let Some(bbox) = self.bbox {
            let resolution = self.resolution.ok_or_else(need_resolution)?;
            return Ok(GridRequest::Box {
                bbox,
                resolution,
                crs,
            });
        }
        if let Some(bounds) = self.bounds {
            let resolution = self.resolution.ok_or_else(need_resolution)?;
            return Ok(GridRequest::Bounds {
                bounds,
                resolution,
                crs,
            });
        }
        Ok(GridRequest::Own {
            crs,
            resolution: self.resolution,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_comes_in_one_word_or_four() {
        let joined = |line: &str| -> Vec<String> {
            join_four_words(line.split(' ').map(Into::into))
                .into_iter()
                .map(|w| w.into_string().unwrap())
                .collect()
        };
        let expected = ["-b", "-77,36,-73,41", "a.nc"];
        assert_eq!(joined("-b -77 36 -73 41 a.nc"), expected);
        assert_eq!(joined("-b -77,36,-73,41 a.nc"), expected);
        assert_eq!(joined("-b -77 36 a.nc 1"), ["-b", "-77", "36", "a.nc", "1"]);
        assert_eq!(four("-77,36,-73,41"), Ok((-77.0, 36.0, -73.0, 41.0)));
        assert!(four("1,2,3").is_err() && four("a,b,c,d").is_err());
    }
}
