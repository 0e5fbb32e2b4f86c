//! Granules opened and looked at, before anything is decided.

use super::{JobError, OnError};
use rayon::prelude::*;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use swathe_core::{stop, watch};
use swathe_io::bytes::ByteSource;
use swathe_io::dataset::Dataset;
use swathe_io::error::Error;
use swathe_io::granule::{Granule, Identity, TimeRange};
use swathe_io::product::{GranuleRecord, GranuleStatus};
use swathe_io::remote::{self, secret::Secret};

/// So many granules stay open between planning and running. One that is open takes 0.4 MB, and opening it
/// again a twentieth of the time that a granule of 200 lines takes.
const KEPT_OPEN: usize = 32;

/// The same of granules that are far away, which are asked for their metadata again.
const FAR_KEPT_OPEN: usize = 256;

/// A granule that may take part.
#[derive(Debug)]
pub struct Candidate {
    /// Where it is; an address is without its query.
    pub path: PathBuf,
    /// Base name.
    pub name: String,
    /// Length of the file in bytes.
    pub length: u64,
    /// Time stamp of a local file, nanoseconds since 1970.
    pub(super) modified: Option<i128>,
    /// Product, instrument, suite, version.
    pub identity: Identity,
    /// When it was observed.
    pub time: TimeRange,
    granule: Mutex<Option<Arc<Granule>>>,
    /// The whole address of one that is not local, which may hold a secret.
    address: Option<Secret>,
}

/// Granules that could be opened, and those that could not.
#[derive(Debug, Default)]
pub struct Gathered {
    /// In the order given.
    pub candidates: Vec<Candidate>,
    /// Skipped ones with the reason.
    pub skipped: Vec<GranuleRecord>,
}

/// Threads that open granules far away: they wait for answers, and do nothing else.
const WAITING: usize = 32;

/// Opens granules, in parallel on the current thread pool; those at addresses on more threads.
///
/// # Errors
/// The first granule, in the order given, that cannot be opened, unless those are to be skipped.
pub fn gather(paths: &[PathBuf], on_error: OnError) -> Result<Gathered, JobError> {
    let open = watch::carried(|(i, path): (usize, &PathBuf)| {
        let (name, kept) = match remote::address(path) {
            Some(address) => (without_query(address).to_owned(), FAR_KEPT_OPEN),
            None => (path.to_string_lossy().into_owned(), KEPT_OPEN),
        };
        (name, Candidate::open(path, i < kept))
    });
    let open_all = || -> Vec<_> {
        let all = paths.par_iter().enumerate().with_max_len(1);
        all.map(&open).collect()
    };
    let far = paths
        .iter()
        .filter(|path| remote::address(path).is_some())
        .count();
    let opened = match far {
        0 => open_all(),
        far => {
            let threads = far.min(WAITING);
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()?;
            pool.install(open_all)
        }
    };
    collect(opened, on_error)
}

/// Opens granules far away, which wait for answers, and keeps them open.
///
/// # Errors
/// When the system gives no threads.
pub(super) fn open_far<'a>(
    candidates: impl Iterator<Item = &'a Candidate>,
) -> Result<(), JobError> {
    let far: Vec<&Candidate> = candidates.filter(|c| c.is_remote()).collect();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(far.len().min(WAITING))
        .build()?;
    pool.install(|| far.par_iter().for_each(|candidate| candidate.keep_open()));
    Ok(())
}

/// Opens granules that are no local files, in parallel on the current thread pool. They stay open.
///
/// # Errors
/// As [`gather`].
pub fn gather_sources(
    sources: Vec<Arc<dyn ByteSource>>,
    on_error: OnError,
) -> Result<Gathered, JobError> {
    let read = watch::carried(|source: Arc<dyn ByteSource>| {
        (source.name().to_owned(), Candidate::read(source))
    });
    let opened: Vec<_> = sources.into_par_iter().map(read).collect();
    collect(opened, on_error)
}

/// Datasets that are no files: granules that another program holds. They stay open.
///
/// # Errors
/// As [`gather`].
pub fn gather_datasets(datasets: Vec<Dataset>, on_error: OnError) -> Result<Gathered, JobError> {
    let opened = datasets.into_iter().map(|dataset| {
        let name = dataset.name().to_owned();
        let granule = Granule::from_dataset(dataset);
        let candidate = granule.map(|granule| Candidate::of(PathBuf::from(&name), 0, granule));
        (name, candidate)
    });
    collect(opened, on_error)
}

/// Parts those that could be opened from those that could not.
fn collect(
    opened: impl IntoIterator<Item = (String, Result<Candidate, Error>)>,
    on_error: OnError,
) -> Result<Gathered, JobError> {
    let mut gathered = Gathered::default();
    for (name, opened) in opened {
        let path = Path::new(&name);
        match (opened, on_error) {
            (Ok(candidate), _) => gathered.candidates.push(candidate),
            // No granule is at fault, and none of the others would be let in.
            (Err(error @ (Error::Auth { .. } | Error::Interrupted(_))), _) => {
                return Err(error.into());
            }
            (Err(error), OnError::Stop) => {
                return Err(JobError::granule(&base_name(path), error));
            }
            (Err(error), OnError::Skip) => gathered.skipped.push(GranuleRecord {
                name: base_name(path),
                start: f64::NAN,
                end: f64::NAN,
                status: GranuleStatus::Skipped,
                reason: without_folder(path, &error.to_string()),
            }),
        }
    }
    Ok(gathered)
}

impl Candidate {
    fn read(source: Arc<dyn ByteSource>) -> Result<Candidate, Error> {
        let (path, length) = (PathBuf::from(source.name()), source.len());
        let granule = Granule::from_dataset(Dataset::from_source(source)?)?;
        Ok(Candidate::of(path, length, granule))
    }

    fn open(path: &Path, keep: bool) -> Result<Candidate, Error> {
        stop::go_on().map_err(Error::Interrupted)?;
        let granule = Granule::open(path)?;
        let candidate = match remote::address(path) {
            Some(address) => {
                let length = granule.dataset().source().len();
                let place = PathBuf::from(without_query(address));
                let mut candidate = Candidate::of(place, length, granule);
                candidate.address = Some(Secret::new(address));
                candidate
            }
            None => {
                let (length, modified) = stamp(path);
                let mut candidate = Candidate::of(path.to_owned(), length, granule);
                candidate.modified = Some(modified);
                candidate
            }
        };
        if !keep {
            candidate.held().take();
        }
        Ok(candidate)
    }

    /// One that another process has looked at, who found it of this length.
    pub(super) fn found_elsewhere(
        place: &Path,
        length: u64,
        identity: Identity,
        time: TimeRange,
    ) -> Candidate {
        let address = remote::address(place);
        Candidate {
            path: place.to_owned(),
            name: base_name(place),
            length,
            modified: address.is_none().then(|| stamp(place).1),
            identity,
            time,
            granule: Mutex::new(None),
            address: address.map(Secret::new),
        }
    }

    /// Where other processes find it: an absolute path, or an address.
    ///
    /// # Errors
    /// Why they cannot: it is no file, or its address holds a secret.
    pub(super) fn place(&self) -> Result<PathBuf, &'static str> {
        match (&self.address, self.modified) {
            (Some(address), _) if !remote::is_plain(address.reveal()) => {
                Err("its address is signed, and would be stored where the cluster keeps tasks")
            }
            (Some(_), _) => Ok(self.path.clone()),
            (None, Some(_)) => {
                std::path::absolute(&self.path).map_err(|_| "it has no absolute path")
            }
            (None, None) => Err("it is an open file or data set of this process"),
        }
    }

    /// Opens it, if it can be, and keeps it open.
    pub(super) fn keep_open(&self) {
        // What goes wrong here goes wrong again where it is read, and is told there.
        if let Ok(granule) = self.granule() {
            *self.held() = Some(granule);
        }
    }

    fn of(path: PathBuf, length: u64, granule: Granule) -> Candidate {
        Candidate {
            name: base_name(&path),
            length,
            modified: None,
            identity: granule.identity().clone(),
            time: granule.time(),
            path,
            granule: Mutex::new(Some(Arc::new(granule))),
            address: None,
        }
    }

    /// Whether the file is what it was when it was opened.
    pub(super) fn is_unchanged(&self) -> bool {
        self.modified
            .is_none_or(|modified| stamp(&self.path) == (self.length, modified))
    }

    /// Whether it is far away.
    pub fn is_remote(&self) -> bool {
        self.address.is_some()
    }

    /// The granule, if it stayed open.
    pub(super) fn kept(&self) -> Option<Arc<Granule>> {
        self.held().clone()
    }

    /// The granule, opened again if need be.
    ///
    /// # Errors
    /// When it can no longer be opened, or is another one now.
    pub fn granule(&self) -> Result<Arc<Granule>, Error> {
        let path = match &self.address {
            Some(address) => Path::new(address.reveal()),
            None => &self.path,
        };
        if let Some(granule) = &*self.held() {
            return Ok(granule.clone());
        }
        let granule = Granule::open(path)?;
        if *granule.identity() != self.identity || granule.time() != self.time {
            return Err(Error::Request {
                path: self.path.display().to_string(),
                reason: "it is another granule than when the run was planned".into(),
            });
        }
        Ok(Arc::new(granule))
    }

    /// Closes the granule if it can be opened again: it has been used.
    pub(super) fn close(&self) {
        if self.modified.is_some() {
            self.held().take();
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<Arc<Granule>>> {
        self.granule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is recorded of it in a product.
    pub(super) fn record(&self, status: GranuleStatus, reason: impl Into<String>) -> GranuleRecord {
        let seconds = |time: Option<i64>| time.map_or(f64::NAN, |ms| ms as f64 / 1000.0);
        GranuleRecord {
            name: self.name.clone(),
            start: seconds(self.time.start),
            end: seconds(self.time.end),
            status,
            reason: without_folder(&self.path, &reason.into()),
        }
    }
}

/// Length of a file, and when it was last changed: nanoseconds since 1970, zero where that is not known.
fn stamp(path: &Path) -> (u64, i128) {
    let Ok(metadata) = std::fs::metadata(path) else {
        return (0, 0);
    };
    let since = |t: std::time::SystemTime| t.duration_since(std::time::UNIX_EPOCH).ok();
    let modified = metadata.modified().ok().and_then(since);
    (metadata.len(), modified.map_or(0, |t| t.as_nanos() as i128))
}

fn without_query(address: &str) -> &str {
    address.split(['?', '#']).next().unwrap_or(address)
}

fn base_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy())
        .into_owned()
}

/// A reason without the folder of the file, for products hold no paths, and without its name in front,
/// which stands beside it.
fn without_folder(path: &Path, reason: &str) -> String {
    let reason = without_parent(path, reason);
    let name = format!("{}: ", base_name(path));
    reason.strip_prefix(&name).unwrap_or(&reason).to_owned()
}

fn without_parent(path: &Path, reason: &str) -> String {
    let folder = match path.parent().map(Path::to_string_lossy) {
        Some(Cow::Borrowed("")) | None => return reason.to_owned(),
        Some(folder) => format!("{folder}/"),
    };
    reason.replace(&folder, "")
}
