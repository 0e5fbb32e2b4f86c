//! A file at a server: the way to its bytes, and ranges of them, come what may.

use super::fault::{Cure, Fault};
use super::http::{Answer, Request};
use super::policy::shown;
use super::secret::Secret;
use super::{Session, status};
use crate::lock::lock;
use jiff::Timestamp;
use std::io::Read as _;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock};
use url::Url;

/// Times that a new signed address is asked for.
const NEW_ADDRESSES: u32 = 3;

/// No more memory than this is taken before bytes have come.
const MOST_AT_ONCE: usize = 16 << 20;

/// A file at a server.
#[derive(Debug)]
pub(super) struct RemoteFile {
    session: Arc<Session>,
    address: Address,
    name: String,
    /// Where the address led; dropped when it is refused or has expired.
    signed: Mutex<Option<Signed>>,
    /// Why it cannot be read, once that is known.
    given_up: OnceLock<Fault>,
}

#[derive(Debug)]
enum Address {
    Https(Url),
    S3 { bucket: String, key: String },
}

/// An address that needs no Authorization, for a while.
#[derive(Debug, Clone)]
struct Signed {
    url: Secret,
    renew: Option<Timestamp>,
}

/// What tells a file from another one in its place.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Version {
    /// Bytes.
    pub length: u64,
    /// The server's tag.
    pub tag: Option<String>,
}

/// Bytes of a range, as far as they came.
pub(super) struct Received {
    pub version: Version,
    pub bytes: Vec<u8>,
}

impl RemoteFile {
    pub fn new(session: &Arc<Session>, url: Url) -> Result<RemoteFile, Fault> {
        let name = shown(&url);
        let address = match url.scheme() {
            "s3" => {
                let bucket = url.host_str().unwrap_or_default().to_owned();
                let key = percent_decoded(url.path().trim_start_matches('/'));
                if bucket.is_empty() || key.is_empty() {
                    return Err(Fault::new(Cure::None, "an s3 address is s3://bucket/key"));
                }
                Address::S3 { bucket, key }
            }
            _ => {
                session.http.policy().check(&url)?;
                Address::Https(url)
            }
        };
        Ok(RemoteFile {
            session: session.clone(),
            address,
            name,
            signed: Mutex::new(None),
            given_up: OnceLock::new(),
        })
    }

    /// Its address without secrets.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes of a range, fewer where the file ends before. If `known` is given the file must be
    /// that version still.
    pub fn read(&self, range: Range<u64>, known: Option<&Version>) -> Result<Received, Fault> {
        if let Some(fault) = self.given_up.get() {
            return Err(fault.clone());
        }
        let outcome = self.persist(range, known);
        if let Err(fault) = &outcome
            && fault.cure == Cure::None
        {
            // Others who read of it need not find out for themselves.
            let _ = self.given_up.set(fault.clone());
        }
        outcome
    }

    fn persist(&self, range: Range<u64>, known: Option<&Version>) -> Result<Received, Fault> {
        let _flight = self.session.take_off();
        let mut received = Progress {
            version: known.cloned(),
            bytes: Vec::new(),
        };
        let (mut tries, mut addresses, mut signed_in) = (1, 0, false);
        loop {
            let (fault, sent) = match self.attempt(&range, &mut received) {
                Ok(version) => {
                    return Ok(Received {
                        version,
                        bytes: received.bytes,
                    });
                }
                Err(failed) => failed,
            };
            match fault.cure {
                Cure::Retry => self.session.pause(&mut tries, fault)?,
                Cure::NewAddress if addresses < NEW_ADDRESSES => {
                    addresses += 1;
                    self.forget();
                }
                Cure::SignIn => {
                    let (login, http) = (&self.session.login, &self.session.http);
                    if signed_in || !login.renew(http, sent.as_ref())? {
                        return Err(self.not_let_in(fault, sent.is_some(), signed_in));
                    }
                    signed_in = true;
                    self.forget();
                }
                _ => return Err(fault),
            }
        }
    }

    /// All bytes, from a server that knows no ranges, handed to `take` as they come.
    pub fn read_whole(
        &self,
        mut take: impl FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<Version, Fault> {
        let _flight = self.session.take_off();
        let (url, authorization) = self.way()?;
        let request = Request {
            headers: vec![("accept-encoding", "identity".into())],
            authorization: authorization.as_ref(),
            // Nothing is known of its length: an hour.
            length: 180_000_000,
            ..Request::default()
        };
        let mut answer = self.ask(&url, &request)?;
        if answer.status != 200 {
            return Err(self.unwanted(&mut answer));
        }
        if answer.is_page() {
            return Err(page());
        }
        let expected: Option<u64> = answer.header("content-length").and_then(|n| n.parse().ok());
        let tag = answer.header("etag").map(str::to_owned);
        let mut length = 0;
        let mut buffer = vec![0; 256 << 10];
        let mut reader = answer.reader();
        loop {
            let count = reader
                .read(&mut buffer)
                .map_err(|e| Fault::new(Cure::Retry, format!("the answer broke off: {e}")))?;
            if count == 0 {
                break;
            }
            length += count as u64;
            self.session.http.count(count);
            let taken = take(&buffer[..count]);
            taken.map_err(|e| Fault::new(Cure::None, format!("it cannot be kept: {e}")))?;
        }
        if expected.is_some_and(|expected| expected != length) {
            return Err(Fault::new(Cure::Retry, "the answer ended too early"));
        }
        Ok(Version { length, tag })
    }

    /// One try at what is still missing of a range; the Authorization that was sent, with a fault.
    fn attempt(
        &self,
        range: &Range<u64>,
        received: &mut Progress,
    ) -> Result<Version, (Fault, Option<Secret>)> {
        let (url, authorization) = self.way().map_err(|fault| (fault, None))?;
        let start = range.start + received.bytes.len() as u64;
        let request = Request {
            headers: vec![
                (
                    "range",
                    format!("bytes={start}-{}", range.end.saturating_sub(1)),
                ),
                // Ranges are of the file as it is.
                ("accept-encoding", "identity".into()),
            ],
            authorization: authorization.as_ref(),
            length: range.end - start,
            ..Request::default()
        };
        let outcome = self
            .ask(&url, &request)
            .and_then(|answer| self.take(answer, start, range.end, received));
        outcome.map_err(|fault| (fault, authorization))
    }

    /// Checks an answer to a request for a range, and takes its bytes.
    fn take(
        &self,
        mut answer: Answer,
        start: u64,
        end: u64,
        received: &mut Progress,
    ) -> Result<Version, Fault> {
        if answer.status == 206 {
            self.remember(&answer.url);
        }
        if answer.status != 206 {
            return Err(self.unwanted(&mut answer));
        }
        if answer.is_page() {
            return Err(page());
        }
        let wrong = |what: &str| Fault::new(Cure::Retry, format!("the server gave {what}"));
        let given = answer.header("content-range").and_then(content_range);
        let (from, upto, length) = given.ok_or_else(|| wrong("a range without saying which"))?;
        if from != start || upto != end.min(length) {
            return Err(wrong("other bytes than were asked for"));
        }
        let tag = answer.header("etag").map(str::to_owned);
        let version = Version { length, tag };
        match &received.version {
            Some(known) if !known.is_same(&version) => return Err(changed()),
            Some(_) => {}
            None => received.version = Some(version.clone()),
        }
        let wanted = (upto - from) as usize;
        let mut taken = Vec::with_capacity(wanted.min(MOST_AT_ONCE));
        let read = answer
            .reader()
            .take(wanted as u64 + 1)
            .read_to_end(&mut taken);
        self.session.http.count(taken.len());
        if taken.len() > wanted {
            return Err(wrong("more bytes than it said"));
        }
        // What came is good: only the rest is asked for again.
        let complete = taken.len() == wanted;
        received.bytes.append(&mut taken);
        match (complete, read) {
            (true, _) => Ok(version),
            (false, Ok(_)) => Err(wrong("fewer bytes than it said")),
            (false, Err(error)) => Err(wrong(&format!("a part of it only: {error}"))),
        }
    }

    fn ask(&self, url: &Url, request: &Request<'_>) -> Result<Answer, Fault> {
        let stop = |to: &Url| {
            let page = self.session.login.is_sign_in_page(to);
            page.then(|| Fault::new(Cure::SignIn, "sign-in is needed"))
        };
        self.session.http.ask(url, request, stop)
    }

    /// Where to ask, and with what Authorization.
    fn way(&self) -> Result<(Url, Option<Secret>), Fault> {
        let now = Timestamp::now();
        let signed = lock(&self.signed).clone();
        if let Some(signed) = signed.filter(|s| s.renew.is_none_or(|at| now < at))
            && let Ok(url) = Url::parse(signed.url.reveal())
        {
            return Ok((url, None));
        }
        let (http, login) = (&self.session.http, &self.session.login);
        match &self.address {
            Address::Https(url) => {
                let authorization = match http.policy().takes_token(url) {
                    true => login.authorization(http)?,
                    false => None,
                };
                Ok((url.clone(), authorization))
            }
            Address::S3 { bucket, key } => {
                let (url, renew) = self.session.s3.sign(http, login, bucket, key)?;
                *lock(&self.signed) = Some(Signed {
                    url: Secret::new(url.as_str()),
                    renew,
                });
                Ok((url, None))
            }
        }
    }

    /// Takes note of the address that the file's own led to.
    fn remember(&self, url: &Url) {
        if let Address::Https(own) = &self.address
            && own != url
        {
            *lock(&self.signed) = Some(Signed {
                url: Secret::new(url.as_str()),
                renew: expiry(url),
            });
        }
    }

    fn forget(&self) {
        *lock(&self.signed) = None;
        if let Address::S3 { bucket, .. } = &self.address {
            self.session.s3.forget(bucket);
        }
    }

    /// The fault of an answer that has not what was asked for.
    fn unwanted(&self, answer: &mut Answer) -> Fault {
        let own = match &self.address {
            Address::Https(own) => *own == answer.url,
            Address::S3 { .. } => false,
        };
        let s3 = matches!(self.address, Address::S3 { .. });
        match answer.status {
            200 if answer.is_page() => page(),
            200 | 416 => Fault::new(Cure::Whole, "the server knows no ranges"),
            401 if own => Fault::new(Cure::SignIn, "sign-in is needed"),
            301 | 307 | 403 if s3 => {
                let said = answer.said();
                let reason = "S3 does not allow it";
                let region = "NASA's buckets can be read from inside AWS region us-west-2 only: use the \
                    https address, or --access https";
                match said.contains("PermanentRedirect") || said.contains("IllegalLocation") {
                    true => Fault::sign_in(reason, region),
                    false => Fault {
                        hint: Some(region.into()),
                        sign_in: true,
                        ..Fault::new(Cure::NewAddress, reason)
                    },
                }
            }
            400 | 401 | 403 if !own => Fault::new(
                Cure::NewAddress,
                format!("the signed address is refused (status {})", answer.status),
            ),
            403 => {
                let said = answer.said().to_lowercase();
                match said.contains("eula") || said.contains("licen") {
                    true => Fault::sign_in(
                        "the licence (EULA) of this collection is not accepted",
                        "accept it at https://urs.earthdata.nasa.gov, EULAs, Accept New EULAs",
                    ),
                    false => Fault::sign_in(
                        "the archive does not allow it with this sign-in",
                        "look at https://urs.earthdata.nasa.gov whether all EULAs are accepted",
                    ),
                }
            }
            412 => changed(),
            other => status::fault(answer, other),
        }
    }

    /// Why the sign-in was not enough.
    fn not_let_in(&self, fault: Fault, sent: bool, renewed: bool) -> Fault {
        let login = &self.session.login;
        let unapproved = fault.reason == page().reason || fault.reason == "sign-in is needed";
        match sent && renewed && unapproved {
            // A fresh token, and still the sign-in page.
            true => Fault::sign_in(
                "the archive asks to sign in, though the sign-in is good: its application is not approved",
                "approve it at https://urs.earthdata.nasa.gov, Applications, Authorized Apps",
            ),
            false => login.refused(sent),
        }
    }
}

/// What came of a range so far.
struct Progress {
    version: Option<Version>,
    bytes: Vec<u8>,
}

impl Version {
    /// Whether another answer is of the same file: tags count where both have one.
    pub fn is_same(&self, other: &Version) -> bool {
        let tags = self.tag.as_ref().zip(other.tag.as_ref());
        self.length == other.length && tags.is_none_or(|(a, b)| a == b)
    }
}

fn page() -> Fault {
    Fault::new(Cure::SignIn, "the server gave a web page instead of data")
}

fn changed() -> Fault {
    Fault::new(
        Cure::None,
        "it was changed at the server while it was being read",
    )
    .with_hint("run again")
}

/// First byte, end, and length of the file, of a Content-Range header.
fn content_range(header: &str) -> Option<(u64, u64, u64)> {
    let (range, length) = header.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
    let (end, length) = (last.checked_add(1)?, length.parse().ok()?);
    (first < end && end <= length).then_some((first, end, length))
}

/// When a signed address is to be asked for again; `None` if it does not say.
fn expiry(url: &Url) -> Option<Timestamp> {
    let value = |name: &str| {
        let found = url
            .query_pairs()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.into_owned())
    };
    let now = Timestamp::now();
    let end = match value("X-Amz-Expires") {
        Some(seconds) => {
            let signed = value("X-Amz-Date")?;
            let signed = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", signed).ok()?;
            let signed = jiff::tz::TimeZone::UTC.to_timestamp(signed).ok()?;
            Timestamp::from_second(signed.as_second() + seconds.parse::<i64>().ok()?).ok()?
        }
        None => Timestamp::from_second(value("Expires")?.parse().ok()?).ok()?,
    };
    Some(crate::earthdata::login::renewal(now, end))
}

fn percent_decoded(text: &str) -> String {
    // A plus sign is itself in a path.
    let text = text.replace('+', "%2B");
    let mut pairs = url::form_urlencoded::parse(text.as_bytes());
    match pairs.next() {
        Some((key, value)) if value.is_empty() && !text.contains('=') => key.into_owned(),
        _ => text.replace("%2B", "+"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    /// Whoever reads of a file that cannot be read hears it without another request.
    #[test]
    fn a_file_is_given_up_once() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let host = server.local_addr().unwrap().to_string();
        let asked = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let counted = asked.clone();
        std::thread::spawn(move || {
            for stream in server.incoming() {
                counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(
                    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                );
            }
        });
        let mut settings = crate::remote::Settings::from_environment().unwrap();
        settings.cache = None;
        settings.policy.loopback = vec![host.clone()];
        let session = Arc::new(Session::new(settings));
        let file = RemoteFile::new(&session, Url::parse(&format!("http://{host}/x")).unwrap());
        let file = file.unwrap();
        let first = file.read(0..10, None).map(|_| ()).unwrap_err();
        let requests = asked.load(std::sync::atomic::Ordering::SeqCst);
        assert!(requests > 0);
        for _ in 0..3 {
            let again = file.read(5..20, None).map(|_| ()).unwrap_err();
            assert_eq!(again.reason, first.reason);
        }
        assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), requests);
    }

    #[test]
    fn content_ranges() {
        assert_eq!(content_range("bytes 0-9/100"), Some((0, 10, 100)));
        for bad in [
            "bytes 5-4/100",
            "bytes 0-100/100",
            "bytes */100",
            "0-9/100",
            "bytes 0-9/*",
        ] {
            assert_eq!(content_range(bad), None, "{bad}");
        }
        assert_eq!(
            content_range(&format!("bytes 0-{}/{}", u64::MAX, u64::MAX)),
            None
        );
    }

    #[test]
    fn versions_differ_by_length_and_by_tags_that_are_known() {
        let version = |length, tag: Option<&str>| Version {
            length,
            tag: tag.map(str::to_owned),
        };
        assert!(version(1, None).is_same(&version(1, Some("a"))));
        assert!(!version(1, Some("b")).is_same(&version(1, Some("a"))));
        assert!(!version(1, None).is_same(&version(2, None)));
    }

    #[test]
    fn signed_addresses_tell_when_they_expire() {
        let of = |text: &str| expiry(&Url::parse(text).unwrap());
        let soon = Timestamp::now().as_second() + 1000;
        let found = of(&format!("https://a.org/x?Expires={soon}&Signature=1")).unwrap();
        assert!((898..=902).contains(&(found.as_second() - soon + 1000)));
        assert!(of("https://a.org/x?X-Amz-Date=20240801T000000Z&X-Amz-Expires=3600").is_some());
        assert_eq!(of("https://a.org/x"), None);
    }
}
