//! A small HTTP server for one page: it answers GET on fixed addresses, one request a connection.
//!
//! What comes in is never trusted: heads are short and must come quickly, bodies are refused, connections are
//! few and each has a thread of its own, so that one that is slow keeps nobody waiting. No part of a request
//! is used as a path. Where others on the network can reach it, every request must carry the token of the
//! link; on this machine alone, the name that was asked for must be one of this machine, so that a page from
//! elsewhere cannot reach it by a name that it lets point here.

use super::request::{Refused, Request};
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The port where nothing is said, if it is free.
const USUAL_PORT: u16 = 8765;
/// Connections at a time; others are closed at once.
const MOST_CONNECTIONS: usize = 32;
/// A head must be there within this time.
const HEAD_TIME: Duration = Duration::from_secs(3);
/// An answer must be taken within this time.
const ANSWER_TIME: Duration = Duration::from_secs(20);
/// Longest head.
const MOST_HEAD: usize = 8 << 10;

/// Where to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    ip: IpAddr,
    /// `None`: the usual one, or any that is free.
    port: Option<u16>,
}

impl Default for Address {
    /// This machine alone.
    fn default() -> Self {
        Address {
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: None,
        }
    }
}

impl std::str::FromStr for Address {
    type Err = String;

    /// `8765`, `0.0.0.0`, `192.168.1.5:8765`, `[::1]:8765`, `localhost:8765`.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(port) = text.parse() {
            return Ok(Address {
                port: Some(port),
                ..Address::default()
            });
        }
        let numeric = text.replacen("localhost", "127.0.0.1", 1);
        if let Ok(address) = numeric.parse::<SocketAddr>() {
            return Ok(Address {
                ip: address.ip(),
                port: Some(address.port()),
            });
        }
        match numeric.trim_matches(['[', ']']).parse() {
            Ok(ip) => Ok(Address { ip, port: None }),
            Err(_) => Err("expected a port or an address, as in 8765 or 0.0.0.0:8765".into()),
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.port {
            Some(port) => std::net::SocketAddr::new(self.ip, port).fmt(f),
            None => self.ip.fmt(f),
        }
    }
}

impl Address {
    /// Only this machine can reach it.
    pub fn is_local(&self) -> bool {
        self.ip.is_loopback()
    }

    fn listen(&self) -> io::Result<TcpListener> {
        match self.port {
            Some(port) => TcpListener::bind((self.ip, port)),
            None => TcpListener::bind((self.ip, USUAL_PORT))
                .or_else(|_| TcpListener::bind((self.ip, 0))),
        }
    }
}

/// What is sent back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub kind: &'static str,
    pub body: Vec<u8>,
    /// The content security policy of a page.
    pub policy: Option<String>,
}

impl Answer {
    /// Some content.
    pub fn new(kind: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Answer {
            status: 200,
            kind,
            body: body.into(),
            policy: None,
        }
    }

    /// A refusal; nothing of the request is in it.
    pub fn refusal(status: u16) -> Self {
        let body = format!("{status} {}\n", reason(status));
        Answer {
            status,
            ..Answer::new("text/plain; charset=utf-8", body)
        }
    }

    /// A value as JSON.
    pub fn json(value: &serde_json::Value) -> Self {
        Answer::new("application/json", value.to_string())
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        421 => "Misdirected Request",
        431 => "Request Header Fields Too Large",
        _ => "Error",
    }
}

/// What there is to ask for.
pub trait Pages: Send + Sync + 'static {
    /// The answer to a request that has been let in; `None`: there is no such address.
    fn answer(&self, request: &Request) -> Option<Answer>;
}

/// A server that listens until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    token: Option<String>,
    stop: Arc<AtomicBool>,
}

impl Server {
    /// Begins to listen. `guarded`: a token is asked for though only this machine can reach it, as behind a
    /// proxy that others can.
    ///
    /// # Errors
    /// The address cannot be listened at; no random numbers.
    pub fn start(address: Address, guarded: bool, pages: Arc<dyn Pages>) -> io::Result<Server> {
        let listener = address.listen()?;
        let token = match address.is_local() && !guarded {
            true => None,
            false => Some(random_token()?),
        };
        let server = Server {
            address: listener.local_addr()?,
            token: token.clone(),
            stop: Arc::default(),
        };
        let desk = Arc::new(Desk {
            pages,
            token,
            open: AtomicUsize::new(0),
        });
        let stop = server.stop.clone();
        std::thread::Builder::new()
            .name("page".into())
            .spawn(move || listen(&listener, &desk, &stop))?;
        Ok(server)
    }

    /// The address of the page, with the token if one is asked for.
    pub fn link(&self) -> String {
        let query = self.token.as_ref().map(|token| format!("?token={token}"));
        format!("http://{}/{}", self.address, query.unwrap_or_default())
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // The thread waits for a connection: here is one. If it does not come, it ends with the process.
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
        let _ = TcpStream::connect_timeout(&address, Duration::from_millis(200));
    }
}

/// 128 random bits.
fn random_token() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What connections share.
struct Desk {
    pages: Arc<dyn Pages>,
    token: Option<String>,
    open: AtomicUsize,
}

fn listen(listener: &TcpListener, desk: &Arc<Desk>, stop: &AtomicBool) {
    for connection in listener.incoming() {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let Ok(connection) = connection else {
            // Out of file handles, for one: others may be given back soon.
            std::thread::sleep(Duration::from_millis(20));
            continue;
        };
        if desk.open.fetch_add(1, Ordering::SeqCst) >= MOST_CONNECTIONS {
            desk.open.fetch_sub(1, Ordering::SeqCst);
            continue;
        }
        let at_desk = desk.clone();
        let serve = move || {
            let left = Left(at_desk);
            left.0.serve(connection);
        };
        let thread = std::thread::Builder::new()
            .name("page".into())
            .stack_size(512 << 10);
        if thread.spawn(serve).is_err() {
            // The closure, which would have counted it out, was never run.
            desk.open.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// Counts a connection out, whatever became of it.
struct Left(Arc<Desk>);

impl Drop for Left {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Desk {
    /// What goes wrong with a connection is its own matter.
    fn serve(&self, mut connection: TcpStream) {
        let (answer, head_only) = match read_head(&mut connection) {
            Ok(head) => self.answer(&head),
            Err(Some(refused)) => (Answer::refusal(refused.status()), false),
            Err(None) => return,
        };
        if send(&mut connection, &answer, head_only).is_ok() {
            let _ = connection.shutdown(Shutdown::Write);
            drain(&mut connection);
        }
    }

    /// The answer to a request, and whether its head is all that is asked for.
    fn answer(&self, head: &[u8]) -> (Answer, bool) {
        match Request::parse(head) {
            Ok(request) => (self.answer_to(&request), request.is_head_only()),
            Err(refused) => (Answer::refusal(refused.status()), false),
        }
    }

    fn answer_to(&self, request: &Request) -> Answer {
        let let_in = match &self.token {
            Some(token) => request.has_token(token),
            None => request.host_is_local(),
        };
        if !let_in {
            return Answer::refusal(if self.token.is_some() { 403 } else { 421 });
        }
        let answer = self.pages.answer(request);
        answer.unwrap_or_else(|| Answer::refusal(404))
    }
}

/// Everything up to the empty line. `Err(None)`: nothing came, or the connection broke.
fn read_head(connection: &mut TcpStream) -> Result<Vec<u8>, Option<Refused>> {
    let until = Instant::now() + HEAD_TIME;
    let mut head = Vec::new();
    let mut piece = [0; 2048];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Some(Refused::TooSlow));
        }
        connection
            .set_read_timeout(Some(left.max(Duration::from_millis(1))))
            .map_err(|_| None)?;
        match connection.read(&mut piece) {
            Ok(0) => return Err(None),
            Ok(count) => {
                let from = head.len().saturating_sub(3);
                head.extend_from_slice(&piece[..count]);
                if let Some(end) = head[from..].windows(4).position(|w| w == b"\r\n\r\n") {
                    head.truncate(from + end + 4);
                    return Ok(head);
                }
                if head.len() > MOST_HEAD {
                    return Err(Some(Refused::TooLong));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) =>
            {
                return Err(Some(Refused::TooSlow));
            }
            Err(_) => return Err(None),
        }
    }
}

/// Sends an answer; of one whose head alone is asked for, the length of what there would be.
fn send(connection: &mut TcpStream, answer: &Answer, head_only: bool) -> io::Result<()> {
    let until = Instant::now() + ANSWER_TIME;
    let policy = answer.policy.as_deref().unwrap_or("default-src 'none'");
    let head = format!(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
         Cross-Origin-Resource-Policy: same-origin\r\nContent-Security-Policy: {policy}\r\n\r\n",
        answer.status,
        reason(answer.status),
        answer.kind,
        answer.body.len(),
    );
    // The last bytes go at once, and do not wait for the others to be acknowledged: 40 ms.
    connection.set_nodelay(true)?;
    let body = if head_only { &[][..] } else { &answer.body };
    let whole = [head.as_bytes(), body].concat();
    let mut rest = whole.as_slice();
    while !rest.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        connection.set_write_timeout(Some(left))?;
        match connection.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What a client still sends is read for a moment: closing before would take the answer from it.
fn drain(connection: &mut TcpStream) {
    let until = Instant::now() + Duration::from_millis(300);
    let mut rest = [0; 2048];
    let _ = connection.set_read_timeout(Some(Duration::from_millis(100)));
    while Instant::now() < until && matches!(connection.read(&mut rest), Ok(1..)) {}
}
