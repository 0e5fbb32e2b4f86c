//! Files at https and s3:// addresses, of which only the bytes that count are read.
//!
//! ```text
//! address --RemoteFile: sign-in, redirects, signed address, retries--> ranges of bytes
//!     RemoteSource (a ByteSource): the head in one read; ranges that were asked for ahead, merged, several
//!     at a time; the rest when it is needed     <--> Cache: ranges on disk, for the next run
//! ```
//!
//! A [`Session`] is shared by all files of a process: connections, sign-in, cache.

mod cache;
mod download;
pub mod fault;
mod file;
pub mod http;
pub mod policy;
pub mod secret;
mod settings;
mod source;
pub mod status;

pub use download::{Downloaded, Expected, safe_name};
pub use settings::{Access, Settings};
pub use source::RemoteSource;

use crate::bytes::ByteSource;
use crate::earthdata::login::{Login, LoginReport};
use crate::earthdata::s3::S3;
use crate::error::{Error, Result};
use cache::Cache;
use fault::{Cure, Fault};
use http::Http;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use swathe_core::stop;
use url::Url;

/// Times that a request is made before it is given up.
const ATTEMPTS: u32 = 6;
/// Longest pause between two of them.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// A server that wants to be left alone for longer is not waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// Requests for ranges under way at a time.
const IN_FLIGHT: usize = 64;

/// What all remote files of a process share.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    http: Http,
    login: Login,
    s3: S3,
    cache: Option<Cache>,
    flights: Flights,
}

static CURRENT: Mutex<Option<Arc<Session>>> = Mutex::new(None);

/// The process's session: that of [`configure`], else one by the settings of the environment.
///
/// # Errors
/// A setting of the environment that cannot be understood.
pub fn session() -> Result<Arc<Session>> {
    let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(session) = &*current {
        return Ok(session.clone());
    }
    let session = Arc::new(Session::new(Settings::from_environment()?));
    *current = Some(session.clone());
    Ok(session)
}

/// From now on the process's session has these settings.
pub fn configure(settings: Settings) {
    let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
    *current = Some(Arc::new(Session::new(settings)));
}

/// Requests that the process's session made so far, and bytes of files it received; `None` where nothing is far
/// away.
pub fn used() -> Option<(u64, u64)> {
    let current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
    let used = current.as_ref().map(|session| session.http.counters());
    used.filter(|(requests, _)| *requests > 0)
}

/// The address that a path is, if it is one: `https://..`, `s3://..`, or what a loopback server has.
pub fn address(path: &Path) -> Option<&str> {
    let text = path.to_str()?;
    let schemes = ["https://", "s3://", "http://"];
    schemes
        .iter()
        .any(|scheme| text.starts_with(scheme))
        .then_some(text)
}

/// Whether an address has nothing in it that may be a secret: no query, no user.
pub fn is_plain(address: &str) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or(rest);
    !address.contains(['?', '#']) && !host.contains('@')
}

/// Base name of a file by its address, without a query.
pub fn base_name(address: &str) -> &str {
    let plain = address.split(['?', '#']).next().unwrap_or(address);
    plain.rsplit('/').next().unwrap_or(plain)
}

impl Session {
    /// A session of its own.
    pub fn new(settings: Settings) -> Session {
        Session {
            http: Http::new(settings.policy.clone(), settings.patience),
            login: Login::new(settings.login.clone(), settings.credentials.clone()),
            s3: S3::new(settings.s3_server.clone()),
            cache: settings
                .cache
                .as_ref()
                .map(|c| Cache::new(c.folder.clone(), c.limit)),
            flights: Flights::default(),
            settings,
        }
    }

    /// Opens the file at an address; reads its head, unless the cache has it.
    ///
    /// # Errors
    /// The address cannot be read: [`Error::Auth`] where credentials are the matter.
    pub fn open(self: &Arc<Self>, address: &str) -> Result<Arc<dyn ByteSource>> {
        source::open(self, address)
    }

    /// Checks that a file can be read: its first byte.
    ///
    /// # Errors
    /// It cannot.
    pub fn reaches(self: &Arc<Self>, address: &str) -> Result<()> {
        let url = parse(address)?;
        let name = policy::shown(&url);
        let read = file::RemoteFile::new(self, url).and_then(|file| file.read(0..1, None));
        match read {
            Ok(_) => Ok(()),
            Err(fault) if fault.cure == Cure::Whole => Ok(()),
            Err(fault) => Err(fault.of(&name)),
        }
    }

    /// Signs in, if that was not done, and says with what.
    ///
    /// # Errors
    /// There are no credentials, or they are not accepted.
    pub fn check_login(&self) -> Result<LoginReport> {
        let report = self.persist(|| self.login.check(&self.http));
        report.map_err(|fault| fault.of("Earthdata Login"))
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The client.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// The sign-in.
    pub fn login(&self) -> &Login {
        &self.login
    }

    /// The signer of S3 addresses.
    pub fn s3(&self) -> &S3 {
        &self.s3
    }

    /// Does something again, after a pause, while it fails in a way that may pass.
    ///
    /// # Errors
    /// The last fault.
    pub fn persist<T>(
        &self,
        mut task: impl FnMut() -> std::result::Result<T, Fault>,
    ) -> std::result::Result<T, Fault> {
        let mut tries = 1;
        loop {
            match task() {
                Err(fault) if fault.cure == Cure::Retry => self.pause(&mut tries, fault)?,
                other => return other,
            }
        }
    }

    /// Waits before another try.
    ///
    /// # Errors
    /// The fault, if there were enough, or the server wants too long a pause.
    fn pause(&self, tries: &mut u32, fault: Fault) -> std::result::Result<(), Fault> {
        let most = if fault.lasting { 2 } else { ATTEMPTS };
        if *tries >= most {
            return Err(Fault {
                cure: Cure::None,
                reason: format!("{}, {most} times", fault.reason),
                ..fault
            });
        }
        if let Some(wait) = fault.wait.filter(|wait| *wait > LONGEST_WAIT) {
            return Err(Fault {
                cure: Cure::None,
                reason: format!(
                    "{}; it asks to be left alone for {} s",
                    fault.reason,
                    wait.as_secs()
                ),
                ..fault
            });
        }
        let doubled = self
            .settings
            .backoff
            .saturating_mul(1 << (*tries - 1).min(10));
        // Half of it by chance, so that many clients do not come back together.
        let chance =
            f64::from(RandomState::new().build_hasher().finish() as u32) / f64::from(u32::MAX);
        let pause = doubled.min(LONGEST_PAUSE).mul_f64(0.5 + 0.5 * chance);
        if stop::sleep(fault.wait.unwrap_or_default().max(pause)).is_err() {
            return Err(Fault {
                cure: Cure::None,
                ..fault
            });
        }
        *tries += 1;
        Ok(())
    }

    /// Takes a place among the requests under way; it is free again when what is returned is dropped.
    fn take_off(&self) -> Flight<'_> {
        let flights = &self.flights;
        let mut count = flights.count.lock().unwrap_or_else(PoisonError::into_inner);
        while *count >= IN_FLIGHT {
            count = flights
                .landed
                .wait(count)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *count += 1;
        Flight(flights)
    }
}

/// Requests under way.
#[derive(Debug, Default)]
struct Flights {
    count: Mutex<usize>,
    landed: Condvar,
}

struct Flight<'a>(&'a Flights);

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        *self.0.count.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.landed.notify_one();
    }
}

/// An address that was read from text.
fn parse(address: &str) -> Result<Url> {
    Url::parse(address).map_err(|error| Error::Remote {
        path: address
            .split(['?', '#', '@'])
            .next()
            .unwrap_or_default()
            .to_owned(),
        reason: format!("not an address: {error}"),
    })
}
