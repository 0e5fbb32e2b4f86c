//! One request and its answer, and the redirects in between: the only place that talks to the network.

use super::fault::{Cure, Fault};
use super::policy::{Policy, authority, shown};
use super::secret::Secret;
use std::io::Read;
use std::net::ToSocketAddrs as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use ureq::config::Config;
use ureq::http::{self, HeaderMap, Uri};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use url::Url;

/// Redirects that are followed.
const MOST_REDIRECTS: usize = 5;
/// Bytes a second that a connection must give, else it is taken for dead.
const SLOWEST: u64 = 50_000;
/// The same of texts, after a while: the catalogue is slower than files.
const SLOWEST_TEXT: u64 = 5_000;
/// Longest text of a service that is read.
const MOST_TEXT: u64 = 256 << 20;
const CONNECT: Duration = Duration::from_secs(10);
/// Connections kept open for further requests.
const KEPT: usize = 128;

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct Request<'a> {
    /// The body of a POST; `None`: GET.
    pub post: Option<String>,
    /// Names and values of headers.
    pub headers: Vec<(&'static str, String)>,
    /// The Authorization header, for the host of the first address alone.
    pub authorization: Option<&'a Secret>,
    /// Bytes that the answer may have, for the time it may take.
    pub length: u64,
}

/// An answer whose body is still to be read.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Who answered, in the end.
    pub url: Url,
    headers: HeaderMap,
    body: ureq::Body,
    patience: Duration,
}

impl Answer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether it is a page for people.
    pub fn is_page(&self) -> bool {
        self.header("content-type")
            .is_some_and(|kind| kind.starts_with("text/html"))
    }

    /// The body.
    pub fn reader(&mut self) -> impl Read {
        self.body.as_reader()
    }

    /// The body as bytes.
    ///
    /// # Errors
    /// It ends too early, is too long, or comes too slowly.
    pub fn bytes(&mut self) -> Result<Vec<u8>, Fault> {
        let (mut bytes, mut piece) = (Vec::new(), vec![0; 1 << 16]);
        let began = Instant::now();
        let mut body = self.body.as_reader();
        let fault = |why: String| Fault::new(Cure::Retry, format!("{} {why}", shown(&self.url)));
        loop {
            match body.read(&mut piece) {
                Ok(0) => return Ok(bytes),
                Ok(count) => bytes.extend_from_slice(&piece[..count]),
                Err(error) => {
                    return Err(Fault {
                        lasting: error.kind() == std::io::ErrorKind::TimedOut,
                        ..fault(format!("broke off its answer: {error}"))
                    });
                }
            }
            if bytes.len() as u64 > MOST_TEXT {
                return Err(Fault::new(Cure::None, "the answer is too long"));
            }
            let waited = began.elapsed();
            let expected = SLOWEST_TEXT as f64 * waited.as_secs_f64();
            if waited > self.patience && (bytes.len() as f64) < expected {
                return Err(Fault {
                    lasting: true,
                    ..fault("answers too slowly".into())
                });
            }
        }
    }

    /// The beginning of the body as text: what a server says about a refusal.
    pub fn said(&mut self) -> String {
        let mut bytes = Vec::new();
        // What cannot be read is not said.
        let _ = self.body.as_reader().take(4096).read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The client.
#[derive(Debug)]
pub struct Http {
    agent: ureq::Agent,
    policy: Policy,
    patience: Duration,
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Http {
    /// A client that keeps to these rules and waits so long for an answer to begin.
    pub fn new(policy: Policy, patience: Duration) -> Http {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("swathe/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT.min(patience)))
            .timeout_recv_response(Some(patience))
            .max_idle_connections(KEPT)
            .max_idle_connections_per_host(KEPT);
        // Loopback is not reached through a proxy.
        let config = match policy.loopback.is_empty() {
            true => config,
            false => config.proxy(None),
        };
        let resolver = Guarded(policy.clone());
        let agent = ureq::Agent::with_parts(config.build(), DefaultConnector::default(), resolver);
        Http {
            agent,
            policy,
            patience,
            requests: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    /// The rules.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Requests made, and bytes of files received, so far.
    pub fn counters(&self) -> (u64, u64) {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (load(&self.requests), load(&self.bytes))
    }

    /// Counts bytes of files.
    pub(super) fn count(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Asks, and follows redirects; `stop` may end the way at an address, by a fault of its own.
    ///
    /// # Errors
    /// No answer, or a way that is refused.
    pub fn ask(
        &self,
        url: &Url,
        request: &Request<'_>,
        stop: impl Fn(&Url) -> Option<Fault>,
    ) -> Result<Answer, Fault> {
        self.policy.check(url)?;
        let mut url = url.clone();
        let mut authorization = request.authorization;
        for _ in 0..=MOST_REDIRECTS {
            let answer = self.send(&url, request, authorization)?;
            if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
                return Ok(answer);
            }
            let to = self.policy.redirected(&url, answer.header("location"))?;
            if let Some(fault) = stop(&to) {
                return Err(fault);
            }
            if request.post.is_some() {
                return Err(Fault::new(
                    Cure::None,
                    format!(
                        "{} redirects what was sent to it, which is refused",
                        shown(&url)
                    ),
                ));
            }
            if to.scheme() != url.scheme() || authority(&to) != authority(&url) {
                authorization = None;
            }
            url = to;
        }
        Err(Fault::new(
            Cure::None,
            format!("{} redirects again and again", shown(&url)),
        ))
    }

    /// One request.
    fn send(
        &self,
        url: &Url,
        request: &Request<'_>,
        authorization: Option<&Secret>,
    ) -> Result<Answer, Fault> {
        let method = if request.post.is_some() {
            "POST"
        } else {
            "GET"
        };
        let mut built = http::Request::builder().method(method).uri(url.as_str());
        for (name, value) in &request.headers {
            built = built.header(*name, value);
        }
        if let Some(secret) = authorization {
            built = built.header("authorization", secret.reveal());
        }
        let unfit = |_| Fault::new(Cure::None, format!("{}: not an address", shown(url)));
        let patience = self.patience + Duration::from_secs(request.length / SLOWEST);
        self.requests.fetch_add(1, Ordering::Relaxed);
        let answer = match &request.post {
            Some(body) => {
                let built = built.body(body.as_str()).map_err(unfit)?;
                let built = self.agent.configure_request(built);
                self.agent
                    .run(built.timeout_recv_body(Some(patience)).build())
            }
            None => {
                let built = self.agent.configure_request(built.body(()).map_err(unfit)?);
                self.agent
                    .run(built.timeout_recv_body(Some(patience)).build())
            }
        };
        match answer {
            Ok(answer) => {
                let (parts, body) = answer.into_parts();
                Ok(Answer {
                    status: parts.status.as_u16(),
                    url: url.clone(),
                    headers: parts.headers,
                    body,
                    patience: self.patience,
                })
            }
            Err(error) => Err(unanswered(url, &error)),
        }
    }
}

/// Why no answer came.
fn unanswered(url: &Url, error: &ureq::Error) -> Fault {
    let host = authority(url);
    if matches!(error, ureq::Error::HostNotFound) {
        return Fault {
            lasting: true,
            ..Fault::new(Cure::Retry, format!("{host} is not known"))
        }
        .with_hint("is this machine connected?");
    }
    let (cure, why) = match error {
        ureq::Error::Timeout(_) => (Cure::Retry, "does not answer in time".to_owned()),
        ureq::Error::ConnectionFailed => (Cure::Retry, "cannot be reached".into()),
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            (Cure::None, format!("cannot be asked: {error}"))
        }
        ureq::Error::Io(error) => (Cure::Retry, format!("cannot be reached: {error}")),
        ureq::Error::Protocol(_) => (Cure::Retry, "broke off its answer".into()),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => {
            (Cure::None, format!("has no secure connection: {error}"))
        }
        // Others might hold the address, and with it a secret.
        _ => (Cure::None, "cannot be asked".into()),
    };
    Fault::new(cure, format!("{host} {why}"))
}

/// Finds the addresses of a name, without those that may not be asked.
#[derive(Debug)]
struct Guarded(Policy);

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().unwrap_or_default();
        let port = uri.port_u16().unwrap_or(match uri.scheme_str() {
            Some("http") => 80,
            _ => 443,
        });
        let name = format!("{host}:{port}");
        let found = name
            .to_socket_addrs()
            .map_err(|_| ureq::Error::HostNotFound)?;
        let mut admitted = self.empty();
        let mut refused = false;
        for address in found.take(16) {
            match self.0.admits(&name, address.ip()) {
                true => admitted.push(address),
                false => refused = true,
            }
        }
        match (admitted.is_empty(), refused) {
            (false, _) => Ok(admitted),
            (true, true) => Err(ureq::Error::Io(std::io::Error::new(
                std::io::ErrorKind::PermissionDenied,
                "its address is an internal one, which is refused",
            ))),
            (true, false) => Err(ureq::Error::HostNotFound),
        }
    }
}
