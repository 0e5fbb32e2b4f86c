//! Requests read and answers written on a socket: HTTP/1.1, with a say over every byte.

use crate::behaviour::{FaultKind, Place};
use crate::{Shared, lock};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A request.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub method: String,
    /// Decoded, without the query.
    pub path: String,
    /// Decoded pairs of the query; of a form that was posted, too.
    pub query: Vec<(String, String)>,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let pairs = self.query.iter();
        pairs
            .filter(move |(key, _)| key == name || key.strip_suffix("[]") == Some(name))
            .map(|(_, value)| value.as_str())
    }
}

/// A request that came, and what became of it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Logged {
    /// Where it came.
    pub place: Place,
    /// Its path.
    pub path: String,
    /// Its query, as names and values.
    pub query: Vec<(String, String)>,
    /// What its headers held: name in lower case, value.
    pub headers: Vec<(String, String)>,
    /// The answer's status.
    pub status: u16,
    /// Bytes of the answer's body.
    pub bytes: u64,
}

/// A client's connection.
pub(crate) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
    /// The request wants no body.
    head_only: bool,
}

impl Connection {
    pub fn new(stream: TcpStream) -> Self {
        let _ = stream.set_nodelay(true);
        Connection {
            stream,
            read: Vec::new(),
            head_only: false,
        }
    }

    /// The next request; `None` at the end of the connection.
    pub fn next_request(&mut self) -> Option<Request> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut parsed = httparse::Request::new(&mut headers);
            if let httparse::Status::Complete(length) = parsed.parse(&self.read).ok()? {
                let mut request = Request {
                    method: parsed.method?.to_owned(),
                    ..Request::default()
                };
                for header in parsed.headers.iter() {
                    let value = String::from_utf8_lossy(header.value).into_owned();
                    request.headers.push((header.name.to_lowercase(), value));
                }
                let address = url::Url::parse("http://host")
                    .ok()?
                    .join(parsed.path?)
                    .ok()?;
                let pairs = |pairs: url::form_urlencoded::Parse<'_>| -> Vec<(String, String)> {
                    pairs.into_owned().collect()
                };
                request.query = pairs(address.query_pairs());
                // A path is a form's value but for the plus sign.
                let path = address.path().replace('+', "%2B");
                let path = url::form_urlencoded::parse(path.as_bytes()).next();
                request.path = path.map(|(path, _)| path.into_owned())?;
                self.head_only = request.method == "HEAD";
                self.read.drain(..length);
                let body: usize = request
                    .header("content-length")
                    .and_then(|n| n.parse().ok())
                    .unwrap_or(0);
                while self.read.len() < body {
                    self.more()?;
                }
                request.body = self.read.drain(..body).collect();
                let kind = request.header("content-type").unwrap_or_default();
                if kind.starts_with("application/x-www-form-urlencoded") {
                    let form = pairs(url::form_urlencoded::parse(&request.body));
                    request.query.extend(form);
                }
                return Some(request);
            }
            self.more()?;
        }
    }

    fn more(&mut self) -> Option<()> {
        let mut buffer = [0; 16 << 10];
        match self.stream.read(&mut buffer) {
            Ok(0) | Err(_) => None,
            Ok(count) => {
                self.read.extend_from_slice(&buffer[..count]);
                Some(())
            }
        }
    }

    fn head(&mut self, status: u16, headers: &[(&str, &str)], length: usize) -> bool {
        let mut head = format!("HTTP/1.1 {status} Answer\r\nContent-Length: {length}\r\n");
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "\r\n";
        self.stream.write_all(head.as_bytes()).is_ok()
    }

    /// Sends an answer at once; whether that worked.
    pub fn send(&mut self, status: u16, headers: &[(&str, &str)], body: &[u8]) -> bool {
        let body_too = |stream: &mut TcpStream| stream.write_all(body).is_ok();
        self.head(status, headers, body.len()) && (self.head_only || body_too(&mut self.stream))
    }

    pub fn send_json(&mut self, status: u16, headers: &[(&str, &str)], body: &Value) -> bool {
        let mut all = vec![("Content-Type", "application/json;charset=utf-8")];
        all.extend(headers);
        self.send(status, &all, body.to_string().as_bytes())
    }

    /// Sends an answer no faster than `bandwidth` bytes a second, and as a fault has it.
    pub fn send_slowly(
        &mut self,
        status: u16,
        headers: &[(&str, &str)],
        body: &[u8],
        bandwidth: Option<f64>,
        fault: Option<&FaultKind>,
    ) -> bool {
        if !self.head(status, headers, body.len()) {
            return false;
        }
        if self.head_only {
            return true;
        }
        let upto = match fault {
            Some(FaultKind::Reset | FaultKind::Cut | FaultKind::Stall(_)) => body.len() / 2,
            _ => body.len(),
        };
        let begun = Instant::now();
        let mut sent = 0;
        for piece in body[..upto].chunks(256 << 10) {
            if self.stream.write_all(piece).is_err() {
                return false;
            }
            sent += piece.len();
            if let Some(bandwidth) = bandwidth {
                let due = Duration::from_secs_f64(sent as f64 / bandwidth);
                std::thread::sleep(due.saturating_sub(begun.elapsed()));
            }
        }
        match fault {
            Some(FaultKind::Reset) => {
                // A socket that does not linger is reset when it is closed.
                let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
                false
            }
            Some(FaultKind::Cut) => false,
            Some(FaultKind::Stall(milliseconds)) => {
                std::thread::sleep(Duration::from_millis(*milliseconds));
                false
            }
            _ => true,
        }
    }

    /// Refuses a request, and logs it.
    pub fn refuse(
        &mut self,
        shared: &Shared,
        request: &Request,
        place: Place,
        status: u16,
        why: &str,
    ) -> bool {
        shared.log(place, request, status, why.len());
        self.send(status, &[("Content-Type", "text/plain")], why.as_bytes())
    }

    /// Does what a fault does to any request; `None` if the request is to be answered after all.
    pub fn fail(
        &mut self,
        shared: &Shared,
        request: &Request,
        place: Place,
        fault: Option<&FaultKind>,
    ) -> Option<bool> {
        let latency = lock(&shared.behaviour).latency;
        std::thread::sleep(Duration::from_millis(latency));
        let own = format!("{}{}", shared.services, request.path);
        let status = match fault? {
            FaultKind::Status(status, wait) => {
                let wait = wait.map(|seconds| seconds.to_string());
                let headers: Vec<_> = wait.iter().map(|w| ("Retry-After", w.as_str())).collect();
                shared.log(place, request, *status, 0);
                return Some(self.send(*status, &headers, b"a fault on demand"));
            }
            FaultKind::RedirectLoop => {
                shared.log(place, request, 302, 0);
                return Some(self.send(302, &[("Location", &own)], b""));
            }
            FaultKind::RedirectTo(to) => {
                shared.log(place, request, 302, 0);
                return Some(self.send(302, &[("Location", to)], b""));
            }
            FaultKind::RedirectToNowhere => 302,
            FaultKind::LoginPage => {
                shared.log(place, request, 200, 0);
                let page = crate::login::PAGE.as_bytes();
                return Some(self.send(200, &[("Content-Type", "text/html")], page));
            }
            FaultKind::Delay(milliseconds) => {
                std::thread::sleep(Duration::from_millis(*milliseconds));
                return None;
            }
            _ => return None,
        };
        shared.log(place, request, status, 0);
        Some(self.send(status, &[], b""))
    }
}

impl Shared {
    pub fn log(&self, place: Place, request: &Request, status: u16, bytes: usize) {
        lock(&self.log).push(Logged {
            place,
            path: request.path.clone(),
            query: request.query.clone(),
            headers: request.headers.clone(),
            status,
            bytes: bytes as u64,
        });
    }

    pub fn strike(&self, place: Place) -> Option<FaultKind> {
        lock(&self.behaviour).strike(place)
    }
}
