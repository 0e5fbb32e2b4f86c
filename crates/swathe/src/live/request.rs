//! What is asked for: a path that is compared with fixed ones, and numbers.

/// Longest address.
const MOST_TARGET: usize = 1 << 10;

/// A request that is well formed. Nothing of it is used but what is asked for by name.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    path: String,
    query: Vec<(String, String)>,
    host: Option<String>,
    head_only: bool,
}

/// Why a request is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It is no request.
    Malformed,
    /// It is neither GET nor HEAD.
    Method,
    /// It has a body.
    Body,
    /// Its head or its address is too long.
    TooLong,
    /// Its head took too long to come.
    TooSlow,
}

impl Refused {
    /// The HTTP status that says so.
    pub fn status(self) -> u16 {
        match self {
            Refused::Malformed => 400,
            Refused::Method => 405,
            Refused::Body => 413,
            Refused::TooLong => 431,
            Refused::TooSlow => 408,
        }
    }
}

impl Request {
    /// Reads a head, up to and with its empty line.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn parse(head: &[u8]) -> Result<Request, Refused> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Request::new(&mut headers);
        match parsed.parse(head) {
            Ok(httparse::Status::Complete(_)) => {}
            Err(httparse::Error::TooManyHeaders) => return Err(Refused::TooLong),
            _ => return Err(Refused::Malformed),
        }
        let head_only = match parsed.method {
            Some("GET") => false,
            Some("HEAD") => true,
            _ => return Err(Refused::Method),
        };
        let target = parsed.path.unwrap_or_default();
        if target.len() > MOST_TARGET {
            return Err(Refused::TooLong);
        }
        if !target.starts_with('/') || !target.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Refused::Malformed);
        }
        let mut host = None;
        for header in parsed.headers.iter() {
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            let text = || std::str::from_utf8(header.value).map_err(|_| Refused::Malformed);
            if is("transfer-encoding") || (is("content-length") && text()?.trim() != "0") {
                return Err(Refused::Body);
            }
            if is("host") && host.replace(text()?.trim().to_owned()).is_some() {
                return Err(Refused::Malformed);
            }
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        Ok(Request {
            path: path.to_owned(),
            query: pairs
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            host,
            head_only,
        })
    }

    /// Whether the head of the answer is all that is asked for.
    pub fn is_head_only(&self) -> bool {
        self.head_only
    }

    /// What is asked for, to be compared.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A whole number of the query.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        let digits = self.value(name)?;
        // What other readers of numbers take, as a sign, is refused.
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse().ok())?
    }

    fn value(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether it has the token, compared in a time that does not tell how much of it is right.
    pub fn has_token(&self, token: &str) -> bool {
        let given = self.value("token").unwrap_or_default();
        let pairs = given.bytes().zip(token.bytes());
        let different = pairs.fold(0, |all, (a, b)| all | (a ^ b));
        given.len() == token.len() && different == 0
    }

    /// Whether it was sent to a name of this machine, at any port: one may have been forwarded.
    pub fn host_is_local(&self) -> bool {
        let Some(host) = &self.host else {
            return false;
        };
        let is_port = |port: &str| port.parse::<u16>().is_ok();
        ["localhost", "127.0.0.1", "[::1]"].iter().any(|name| {
            let rest = host.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Request, Refused> {
        Request::parse(text.as_bytes())
    }

    #[test]
    fn a_request_is_a_path_and_numbers() {
        let request = parse(
            "GET /tile?layer=2&row=17&x=-1&y=+1&z=1e3 HTTP/1.1\r\nHost: localhost:80\r\n\r\n",
        )
        .unwrap();
        assert_eq!(request.path(), "/tile");
        assert_eq!(request.number("layer"), Some(2));
        assert_eq!(request.number("row"), Some(17_u32));
        for name in ["x", "y", "z", "column"] {
            assert_eq!(request.number::<i64>(name), None, "{name}");
        }
    }

    #[test]
    fn what_is_no_plain_reading_is_refused() {
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(3000));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(70));
        for (text, refused) in [
            ("\r\n\r\n", Refused::Malformed),
            ("hello\r\n\r\n", Refused::Malformed),
            ("GET http://x/ HTTP/1.1\r\n\r\n", Refused::Malformed),
            ("GET /\u{e9} HTTP/1.1\r\n\r\n", Refused::Malformed),
            ("POST / HTTP/1.1\r\n\r\n", Refused::Method),
            ("head / HTTP/1.1\r\n\r\n", Refused::Method),
            ("OPTIONS / HTTP/1.1\r\n\r\n", Refused::Method),
            ("GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", Refused::Body),
            (
                "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
                Refused::Body,
            ),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                Refused::Malformed,
            ),
            (long.as_str(), Refused::TooLong),
            (many.as_str(), Refused::TooLong),
        ] {
            assert_eq!(parse(text), Err(refused), "{text:.60}");
        }
    }

    #[test]
    fn only_names_of_this_machine_are_its_own() {
        for (host, local) in [
            ("localhost", true),
            ("localhost:9000", true),
            ("127.0.0.1:8765", true),
            ("[::1]:8765", true),
            ("localhost.example.org", false),
            ("localhost:80@example.org", false),
            ("example.org:8765", false),
            ("127.0.0.1.example.org", false),
            ("localhost:99999", false),
            ("", false),
        ] {
            let request = parse(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).unwrap();
            assert_eq!(request.host_is_local(), local, "{host}");
        }
        assert!(!parse("GET / HTTP/1.0\r\n\r\n").unwrap().host_is_local());
    }

    #[test]
    fn a_token_is_the_whole_token() {
        for (given, right) in [
            ("abc", true),
            ("ab", false),
            ("abcd", false),
            ("abd", false),
            ("", false),
        ] {
            let request = parse(&format!("GET /?token={given} HTTP/1.1\r\n\r\n")).unwrap();
            assert_eq!(request.has_token("abc"), right, "{given}");
        }
        assert!(!parse("GET / HTTP/1.1\r\n\r\n").unwrap().has_token("abc"));
    }
}
