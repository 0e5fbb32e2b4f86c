//! Earthdata Login: who the user is, and the token that data requests carry.

use super::netrc;
use crate::lock::lock;
use crate::remote::fault::{Cure, Fault};
use crate::remote::http::{Http, Request};
use crate::remote::policy::shown;
use crate::remote::secret::Secret;
use base64::Engine as _;
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use url::Url;

/// Where credentials were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A token, and where from.
    Token(Secret, String),
    /// User name and password, and where from.
    Password {
        /// Name.
        user: String,
        /// Password.
        password: Secret,
        /// Where they come from.
        from: String,
    },
    /// None were found; the file where there might be some cannot be read: which, and why.
    Unread(String),
    /// None were found.
    None,
}

impl Credentials {
    /// Looks for a token, then for user and password, in the environment, then in the netrc file.
    pub fn find(host: &str) -> Credentials {
        let set = |name: &str| {
            std::env::var(name)
                .ok()
                .filter(|value| !value.trim().is_empty())
        };
        if let Some(token) = set("EARTHDATA_TOKEN") {
            return Credentials::Token(Secret::new(token.trim()), "EARTHDATA_TOKEN".into());
        }
        if let (Some(user), Some(password)) = (set("EARTHDATA_USERNAME"), set("EARTHDATA_PASSWORD"))
        {
            return Credentials::Password {
                user,
                password: Secret::new(password),
                from: "EARTHDATA_USERNAME".into(),
            };
        }
        let path = match set("NETRC") {
            Some(path) => PathBuf::from(path),
            None => {
                let home = set("HOME")
                    .or_else(|| set("USERPROFILE"))
                    .unwrap_or_default();
                Path::new(&home).join(".netrc")
            }
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Credentials::None,
            Err(error) => return Credentials::Unread(format!("{}: {error}", path.display())),
        };
        match netrc::find(&text, host) {
            Some((user, password)) => Credentials::Password {
                user,
                password: Secret::new(password),
                from: path.display().to_string(),
            },
            None => Credentials::None,
        }
    }
}

/// A signed-in user, or one that can be signed in.
#[derive(Debug)]
pub struct Login {
    /// Of Earthdata Login.
    base: Url,
    credentials: Mutex<Credentials>,
    current: Mutex<Option<Token>>,
}

#[derive(Debug, Clone)]
struct Token {
    /// The whole header.
    header: Secret,
    /// When to renew it; `None`: when it is refused.
    renew: Option<Timestamp>,
}

/// What `swathe login` tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginReport {
    /// The user's name, where it is known.
    pub user: Option<String>,
    /// Where the credentials come from.
    pub from: String,
    /// When the token expires, where that is known.
    pub expires: Option<Timestamp>,
}

const NO_CREDENTIALS: &str = "set EARTHDATA_TOKEN, or EARTHDATA_USERNAME and EARTHDATA_PASSWORD, or \
    name machine urs.earthdata.nasa.gov in ~/.netrc; an account is free: \
    https://urs.earthdata.nasa.gov/users/new";
const NEW_TOKEN: &str =
    "make a new token at https://urs.earthdata.nasa.gov, in the menu Generate Token";

impl Login {
    /// Signs in at `base` when it is needed.
    pub fn new(base: Url, credentials: Credentials) -> Login {
        Login {
            base,
            credentials: Mutex::new(credentials),
            current: Mutex::new(None),
        }
    }

    /// Takes a token, in place of what was found.
    pub fn set_token(&self, token: Secret, from: &str) {
        *lock(&self.credentials) = Credentials::Token(token, from.to_owned());
        *lock(&self.current) = None;
    }

    /// The sign-in page: a redirect there means that a token was not enough.
    pub fn is_sign_in_page(&self, url: &Url) -> bool {
        url.host_str() == self.base.host_str()
            && url.port_or_known_default() == self.base.port_or_known_default()
            && url.path().starts_with("/oauth/")
    }

    /// The Authorization header; `None` without credentials.
    ///
    /// # Errors
    /// A token cannot be had.
    pub fn authorization(&self, http: &Http) -> Result<Option<Secret>, Fault> {
        // Held while a token is fetched: others wait for it instead of fetching their own.
        let mut current = lock(&self.current);
        let now = Timestamp::now();
        if let Some(token) = current
            .as_ref()
            .filter(|t| t.renew.is_none_or(|at| now < at))
        {
            return Ok(Some(token.header.clone()));
        }
        let credentials = lock(&self.credentials).clone();
        let token = match &credentials {
            Credentials::None | Credentials::Unread(_) => return Ok(None),
            Credentials::Token(token, from) => {
                if let Some(end) = expiry_of(token.reveal())
                    && end <= now
                {
                    let reason = format!("the token from {from} has expired");
                    return Err(Fault::sign_in(reason, NEW_TOKEN));
                }
                bearer(token.reveal(), None)
            }
            Credentials::Password {
                user,
                password,
                from,
            } => {
                let (token, end) = self.fetch(http, user, password, from)?;
                bearer(token.reveal(), end.map(|end| renewal(now, end)))
            }
        };
        *current = Some(token.clone());
        Ok(Some(token.header))
    }

    /// Gets another token after `used` was refused; whether there is one.
    ///
    /// # Errors
    /// A token cannot be had.
    pub fn renew(&self, http: &Http, used: Option<&Secret>) -> Result<bool, Fault> {
        let renewable = matches!(*lock(&self.credentials), Credentials::Password { .. });
        if !renewable {
            return Ok(false);
        }
        {
            let mut current = lock(&self.current);
            // Another thread may have renewed it since.
            if current
                .as_ref()
                .is_some_and(|token| Some(&token.header) != used)
            {
                return Ok(true);
            }
            *current = None;
        }
        self.authorization(http)
            .map(|header| header.as_ref() != used)
    }

    /// Why a request with these credentials was sent to the sign-in page, or refused.
    pub fn refused(&self, sent: bool) -> Fault {
        let from = match &*lock(&self.credentials) {
            Credentials::Unread(why) => {
                return Fault::sign_in(
                    format!("sign-in is needed, and no credentials were found: {why}"),
                    NO_CREDENTIALS,
                );
            }
            credentials if !sent || *credentials == Credentials::None => {
                return Fault::sign_in(
                    "sign-in is needed, and no credentials were found",
                    NO_CREDENTIALS,
                );
            }
            Credentials::Token(_, from) => {
                let reason =
                    format!("the token from {from} is not accepted: it is wrong, or has expired");
                return Fault::sign_in(reason, NEW_TOKEN);
            }
            Credentials::Password { from, .. } => from.clone(),
            Credentials::None => String::new(),
        };
        Fault::sign_in(
            format!("Earthdata does not accept the sign-in with the credentials from {from}"),
            "sign in at https://urs.earthdata.nasa.gov to see why",
        )
    }

    /// What is known once the user is signed in.
    ///
    /// # Errors
    /// There are no credentials, or they are not accepted.
    pub fn check(&self, http: &Http) -> Result<LoginReport, Fault> {
        let credentials = lock(&self.credentials).clone();
        let header = self.authorization(http)?;
        let Some(header) = header else {
            return Err(self.refused(false));
        };
        let token = header.reveal().trim_start_matches("Bearer ");
        let (user, from) = match credentials {
            Credentials::Password { user, from, .. } => (Some(user), from),
            Credentials::Token(_, from) => (claim(token, "uid"), from),
            Credentials::None | Credentials::Unread(_) => (None, String::new()),
        };
        Ok(LoginReport {
            user,
            from,
            expires: expiry_of(token),
        })
    }

    /// Gets the user's token, or makes one.
    fn fetch(
        &self,
        http: &Http,
        user: &str,
        password: &Secret,
        from: &str,
    ) -> Result<(Secret, Option<Timestamp>), Fault> {
        let address = self.base.join("/api/users/find_or_create_token");
        let address = address.map_err(|_| Fault::new(Cure::None, "not an address of a sign-in"))?;
        let pair = format!("{user}:{}", password.reveal());
        let basic = base64::engine::general_purpose::STANDARD.encode(pair);
        let basic = Secret::new(format!("Basic {basic}"));
        let request = Request {
            post: Some(String::new()),
            headers: vec![("accept", "application/json".into())],
            authorization: Some(&basic),
            length: 1 << 16,
        };
        let mut answer = http.ask(&address, &request, |_| None)?;
        match answer.status {
            200 | 201 => {}
            401 | 403 => {
                return Err(Fault::sign_in(
                    format!(
                        "Earthdata Login does not accept the user name or password from {from}"
                    ),
                    "check them at https://urs.earthdata.nasa.gov",
                ));
            }
            status => return Err(crate::remote::status::fault(&answer, status)),
        }
        #[derive(serde::Deserialize)]
        struct Given {
            access_token: String,
            #[serde(default)]
            expiration_date: String,
        }
        let given: Given = serde_json::from_slice(&answer.bytes()?)
            .map_err(|_| Fault::new(Cure::None, format!("{} gave no token", shown(&self.base))))?;
        let end = expiry_of(&given.access_token).or_else(|| date(&given.expiration_date));
        Ok((Secret::new(given.access_token), end))
    }
}

/// When to renew what expires: with a tenth of its life left, or five minutes.
pub(crate) fn renewal(now: Timestamp, end: Timestamp) -> Timestamp {
    let left = end.as_second() - now.as_second();
    let early = (left / 10).clamp(1, 300);
    Timestamp::from_second(end.as_second() - early).unwrap_or(end)
}

fn bearer(token: &str, renew: Option<Timestamp>) -> Token {
    Token {
        header: Secret::new(format!("Bearer {token}")),
        renew,
    }
}

/// A day as the service writes it, `08/30/2024`, perhaps with a time; or ISO.
fn date(text: &str) -> Option<Timestamp> {
    use jiff::civil::{Date, DateTime};
    let utc = |at: DateTime| jiff::tz::TimeZone::UTC.to_timestamp(at).ok();
    if let Ok(at) = DateTime::strptime("%m/%d/%Y %H:%M:%S", text) {
        return utc(at);
    }
    if let Ok(day) = Date::strptime("%m/%d/%Y", text) {
        return utc(day.at(0, 0, 0, 0));
    }
    text.parse().ok()
}

/// When a token says itself that it expires: tokens are JSON web tokens (RFC 7519).
fn expiry_of(token: &str) -> Option<Timestamp> {
    let seconds: i64 = claim(token, "exp")?.parse().ok()?;
    Timestamp::from_second(seconds).ok()
}

fn claim(token: &str, name: &str) -> Option<String> {
    let payload = token.split('.').nth(1)?;
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(payload)
        .ok()?;
    let json: serde_json::Value = serde_json::from_slice(&json).ok()?;
    match json.get(name)? {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_tell_when_they_expire() {
        let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .encode(r#"{"uid":"ocean","exp":1700000000}"#);
        let token = format!("x.{payload}.y");
        assert_eq!(expiry_of(&token).unwrap().as_second(), 1_700_000_000);
        assert_eq!(claim(&token, "uid").unwrap(), "ocean");
        assert_eq!(expiry_of("not-a-web-token"), None);
        assert_eq!(
            date("11/14/2023").unwrap().to_string(),
            "2023-11-14T00:00:00Z"
        );
        assert_eq!(
            date("11/14/2023 01:02:03").unwrap().to_string(),
            "2023-11-14T01:02:03Z"
        );
        assert_eq!(date(""), None);
    }

    #[test]
    fn what_expires_is_renewed_before() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        assert_eq!(renewal(at(0), at(3600)), at(3300));
        assert_eq!(renewal(at(0), at(100)), at(90));
        assert_eq!(renewal(at(0), at(2)), at(1));
    }

    #[test]
    fn credentials_are_not_shown() {
        let login = Login::new(
            Url::parse("https://urs.earthdata.nasa.gov").unwrap(),
            Credentials::Password {
                user: "ocean".into(),
                password: Secret::new("hidden"),
                from: "a test".into(),
            },
        );
        assert!(!format!("{login:?}").contains("hidden"));
    }
}
