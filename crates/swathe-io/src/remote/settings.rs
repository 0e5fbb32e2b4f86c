//! What a session is told: services, rules, cache.

use super::policy::Policy;
use crate::earthdata::login::Credentials;
use crate::error::{Error, Result};
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// The catalogue.
const CMR: &str = "https://cmr.earthdata.nasa.gov";
/// Earthdata Login.
const LOGIN: &str = "https://urs.earthdata.nasa.gov";
/// Size of the cache unless told otherwise: what an area needs of some thousand granules.
const CACHE_LIMIT: u64 = 4 << 30;

/// Which link to a granule is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// S3 where it works, else https.
    #[default]
    Auto,
    /// S3.
    S3,
    /// https.
    Https,
}

/// Where ranges of files are kept for the next run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheSettings {
    /// A folder of its own.
    pub folder: PathBuf,
    /// Bytes.
    pub limit: u64,
}

/// Settings of a [`super::Session`].
#[derive(Debug, Clone)]
pub struct Settings {
    /// Base address of the catalogue.
    pub cmr: Url,
    /// Base address of Earthdata Login.
    pub login: Url,
    /// A server in place of Amazon's S3.
    pub s3_server: Option<Url>,
    /// Who may be asked.
    pub policy: Policy,
    /// What the user signs in with.
    pub credentials: Credentials,
    /// `None`: nothing is kept.
    pub cache: Option<CacheSettings>,
    /// First pause after a failed request; it doubles.
    pub backoff: Duration,
    /// How long an answer may take to begin.
    pub patience: Duration,
    /// Granules on a page of the catalogue: at most 2000.
    pub page_size: usize,
}

impl Settings {
    /// By the environment: `SWATHE_CMR`, `SWATHE_EARTHDATA_LOGIN` (base addresses), `AWS_ENDPOINT_URL_S3`,
    /// `SWATHE_LOOPBACK_HOSTS` (hosts with ports, on loopback, that are asked by plain http),
    /// `SWATHE_TOKEN_HOSTS` (others than nasa.gov that get the token), `SWATHE_INTERNAL_HOSTS=allow`,
    /// `SWATHE_CACHE` (a folder, or `none`), `SWATHE_CACHE_SIZE` (MiB), `SWATHE_BACKOFF` and
    /// `SWATHE_PATIENCE` (milliseconds), and the credentials.
    ///
    /// # Errors
    /// A value that cannot be understood.
    pub fn from_environment() -> Result<Settings> {
        let address = |name: &str, usual: Option<&str>| -> Result<Option<Url>> {
            let text = variable(name).or(usual.map(str::to_owned));
            let parsed = text.map(|text| Url::parse(&text).map_err(|e| unfit(name, e)));
            parsed.transpose()
        };
        let number = |name: &str, usual: u64| -> Result<u64> {
            let text = variable(name);
            text.map_or(Ok(usual), |text| text.parse().map_err(|e| unfit(name, e)))
        };
        let hosts = |name: &str| -> Vec<String> {
            let text = variable(name).unwrap_or_default();
            let hosts = text
                .split(',')
                .map(str::trim)
                .filter(|host| !host.is_empty());
            hosts.map(str::to_owned).collect()
        };
        let missing = || unfit("SWATHE_CMR", "an address is needed");
        let login = address("SWATHE_EARTHDATA_LOGIN", Some(LOGIN))?.ok_or_else(missing)?;
        let folder = match variable("SWATHE_CACHE") {
            Some(word) if word == "none" => None,
            Some(folder) => {
                // Who names a folder wants it used; the usual one may be missing or full.
                let folder = PathBuf::from(folder);
                super::cache::private_folder(&folder).map_err(|e| Error::Io {
                    path: format!("SWATHE_CACHE={}", folder.display()),
                    source: e,
                })?;
                Some(folder)
            }
            None => usual_folder(),
        };
        let limit = number("SWATHE_CACHE_SIZE", CACHE_LIMIT >> 20)? << 20;
        Ok(Settings {
            cmr: address("SWATHE_CMR", Some(CMR))?.ok_or_else(missing)?,
            credentials: Credentials::find(login.host_str().unwrap_or_default()),
            login,
            s3_server: match address("AWS_ENDPOINT_URL_S3", None)? {
                Some(server) => Some(server),
                None => address("AWS_ENDPOINT_URL", None)?,
            },
            policy: Policy {
                loopback: hosts("SWATHE_LOOPBACK_HOSTS"),
                token_hosts: hosts("SWATHE_TOKEN_HOSTS"),
                internal: variable("SWATHE_INTERNAL_HOSTS").is_some_and(|word| word == "allow"),
            },
            cache: folder.map(|folder| CacheSettings { folder, limit }),
            backoff: Duration::from_millis(number("SWATHE_BACKOFF", 250)?),
            patience: Duration::from_millis(number("SWATHE_PATIENCE", 30_000)?),
            page_size: number("SWATHE_PAGE_SIZE", 2000)?.clamp(1, 2000) as usize,
        })
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn unfit(name: &str, why: impl std::fmt::Display) -> Error {
    Error::Remote {
        path: name.to_owned(),
        reason: format!("the setting cannot be understood: {why}"),
    }
}

/// As programs agree on it (the XDG base directories).
fn usual_folder() -> Option<PathBuf> {
    let base = match variable("XDG_CACHE_HOME") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(variable("HOME")?).join(".cache"),
    };
    Some(base.join("swathe"))
}
