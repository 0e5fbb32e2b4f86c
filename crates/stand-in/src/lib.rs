//! NASA's services on loopback: the catalogue, Earthdata Login, the distribution host and the storage host
//! that it redirects to, refusals and faults included. For tests, benchmarks and trying things by hand.
//!
//! ```text
//! services host   /search/granules.umm_json   /search/collections.umm_json      catalogue
//!                 /api/users/find_or_create_token   /oauth/authorize            sign-in
//!                 /s3credentials   /archive/<file> --302--> storage host        distribution
//!                 /control   /control/log                                       for tests in other languages
//! storage host    /signed/<file>?expires=..&signature=..   refuses any Authorization
//! ```

mod archive;
mod behaviour;
mod catalogue;
mod exchange;
mod geometry;
mod login;
mod random;
mod records;

pub use behaviour::{Behaviour, Fault, FaultKind, Place};
pub use catalogue::Recorded;
pub use exchange::Logged;
pub use records::{Record, records_of_folder};

use exchange::{Connection, Request};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// User that may sign in.
pub const USER: &str = "ocean";
/// The user's password: tests look for it in all output.
pub const PASSWORD: &str = "pa55-word-not-to-be-seen";
/// A token that is always valid: tests look for it in all output.
pub const TOKEN: &str = "token-not-to-be-seen-by-anyone";
/// Keys of S3 that /s3credentials gives, followed by a number.
pub const S3_SECRET: &str = "s3-secret-not-to-be-seen";

/// A running server. It stops when it is dropped.
pub struct StandIn {
    shared: Arc<Shared>,
    services: SocketAddr,
    storage: SocketAddr,
}

/// What all connections share.
pub(crate) struct Shared {
    pub folder: PathBuf,
    pub services: String,
    pub storage: String,
    pub records: Vec<Record>,
    pub behaviour: Mutex<Behaviour>,
    pub log: Mutex<Vec<Logged>>,
    pub login: Mutex<login::Tokens>,
    /// Recorded answers of the catalogue; if there are any, it gives no others.
    pub recorded: Vec<Recorded>,
    stopped: AtomicBool,
}

impl StandIn {
    /// Serves the granules of a folder; the catalogue is made from what they say of themselves.
    ///
    /// # Errors
    /// No socket, or a granule that cannot be read.
    pub fn start(folder: &Path) -> Result<StandIn, String> {
        StandIn::with_records(folder, records_of_folder(folder)?)
    }

    /// Serves files of a folder, and a catalogue of these records. Their links are those of this server if
    /// they say `{archive}`.
    ///
    /// # Errors
    /// No socket.
    pub fn with_records(folder: &Path, records: Vec<Record>) -> Result<StandIn, String> {
        StandIn::begin(folder, records, Vec::new())
    }

    /// Gives recorded answers of the catalogue, whatever is asked: to the first request, and to those that
    /// echo the search-after of another answer.
    ///
    /// # Errors
    /// No socket.
    pub fn replaying(recorded: Vec<Recorded>) -> Result<StandIn, String> {
        StandIn::begin(Path::new("."), Vec::new(), recorded)
    }

    fn begin(
        folder: &Path,
        records: Vec<Record>,
        recorded: Vec<Recorded>,
    ) -> Result<StandIn, String> {
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|e| e.to_string());
        let (services, storage) = (listen()?, listen()?);
        let address = |l: &TcpListener| l.local_addr().map_err(|e| e.to_string());
        let (services_at, storage_at) = (address(&services)?, address(&storage)?);
        let base = format!("http://{services_at}");
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            records: records.into_iter().map(|r| r.linked(&base)).collect(),
            services: base,
            storage: format!("http://{storage_at}"),
            behaviour: Mutex::default(),
            log: Mutex::default(),
            login: Mutex::default(),
            recorded,
            stopped: AtomicBool::new(false),
        });
        for (listener, on_storage) in [(services, false), (storage, true)] {
            let shared = shared.clone();
            std::thread::spawn(move || accept(&shared, &listener, on_storage));
        }
        Ok(StandIn {
            shared,
            services: services_at,
            storage: storage_at,
        })
    }

    /// Address of the catalogue, sign-in and distribution: `http://127.0.0.1:PORT`.
    pub fn services(&self) -> &str {
        &self.shared.services
    }

    /// Address of the host that holds the files.
    pub fn storage(&self) -> &str {
        &self.shared.storage
    }

    /// The link to a file.
    pub fn link(&self, file: &str) -> String {
        format!("{}/archive/{file}", self.shared.services)
    }

    /// Settings of the environment that make `swathe` use this server; no credentials among them.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let hosts = format!("{},{}", self.services, self.storage);
        vec![
            ("SWATHE_CMR", self.shared.services.clone()),
            ("SWATHE_EARTHDATA_LOGIN", self.shared.services.clone()),
            ("SWATHE_TOKEN_HOSTS", self.services.to_string()),
            ("SWATHE_LOOPBACK_HOSTS", hosts),
        ]
    }

    /// Changes how it behaves from now on.
    pub fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut lock(&self.shared.behaviour));
    }

    /// What it was asked so far.
    pub fn log(&self) -> Vec<Logged> {
        lock(&self.shared.log).clone()
    }

    /// Forgets what it was asked.
    pub fn clear_log(&self) {
        lock(&self.shared.log).clear();
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the threads that wait for a connection.
        for address in [self.services, self.storage] {
            let _ = TcpStream::connect(address);
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(shared: &Arc<Shared>, listener: &TcpListener, on_storage: bool) {
    for stream in listener.incoming() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = shared.clone();
        std::thread::spawn(move || {
            let mut connection = Connection::new(stream);
            while let Some(request) = connection.next_request() {
                let go_on = answer(&shared, &mut connection, &request, on_storage);
                if !go_on || shared.stopped.load(Ordering::SeqCst) {
                    return;
                }
            }
        });
    }
}

/// Answers a request; whether the connection may be used again.
fn answer(
    shared: &Shared,
    connection: &mut Connection,
    request: &Request,
    on_storage: bool,
) -> bool {
    if on_storage {
        return archive::storage(shared, connection, request);
    }
    match request.path.as_str() {
        "/search/granules.umm_json" => catalogue::granules(shared, connection, request),
        "/search/collections.umm_json" => catalogue::collections(shared, connection, request),
        "/search/granules.json" => catalogue::granules_json(shared, connection, request),
        "/api/users/find_or_create_token" => login::token(shared, connection, request),
        "/oauth/authorize" => login::page(shared, connection, request),
        "/s3credentials" => login::s3credentials(shared, connection, request),
        "/control" => behaviour::control(shared, connection, request),
        "/control/log" => behaviour::control_log(shared, connection, request),
        path if path.starts_with("/archive/") => archive::distribution(shared, connection, request),
        _ => connection.refuse(shared, request, Place::Services, 404, "no such address"),
    }
}
