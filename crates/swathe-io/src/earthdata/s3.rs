//! Credentials of S3: those that a data centre gives for its buckets, else the user's own.

use super::login::{Login, renewal};
use crate::lock::lock;
use crate::remote::fault::{Cure, Fault};
use crate::remote::http::{Http, Request};
use crate::remote::policy::shown;
use crate::remote::secret::Secret;
use jiff::Timestamp;
use rusty_s3::{Bucket, S3Action as _, UrlStyle};
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;
use url::Url;

/// The region of NASA's buckets; they can be read from inside it only.
pub const REGION: &str = "us-west-2";
/// Endpoint of credentials for buckets that begin so, where the catalogue was not asked.
const KNOWN: [(&str, &str); 1] = [(
    "ob-cumulus-",
    "https://obdaac-tea.earthdatacloud.nasa.gov/s3credentials",
)];
/// How long signed addresses hold.
const SIGNED: Duration = Duration::from_secs(3600);

/// Signs addresses of S3.
#[derive(Debug, Default)]
pub struct S3 {
    /// Of every bucket, where its credentials come from.
    endpoints: Mutex<HashMap<String, Url>>,
    held: Mutex<HashMap<Url, Held>>,
    /// A server in place of Amazon's.
    server: Option<Url>,
}

#[derive(Debug, Clone)]
struct Held {
    key: Secret,
    secret: Secret,
    session: Option<Secret>,
    renew: Option<Timestamp>,
    end: Option<Timestamp>,
}

impl S3 {
    /// Signs addresses of this server, Amazon's if `None`.
    pub fn new(server: Option<Url>) -> S3 {
        S3 {
            server,
            ..S3::default()
        }
    }

    /// Takes note of where the credentials of a bucket come from.
    pub fn learn(&self, bucket: &str, endpoint: &Url) {
        lock(&self.endpoints).insert(bucket.to_owned(), endpoint.clone());
    }

    /// Forgets credentials that were refused.
    pub fn forget(&self, bucket: &str) {
        if let Some(endpoint) = self.endpoint(bucket) {
            lock(&self.held).remove(&endpoint);
        }
    }

    /// The signed address of an object, and when it is to be signed again.
    ///
    /// # Errors
    /// Credentials cannot be had.
    pub fn sign(
        &self,
        http: &Http,
        login: &Login,
        bucket: &str,
        key: &str,
    ) -> Result<(Url, Option<Timestamp>), Fault> {
        let held = match self.endpoint(bucket) {
            Some(endpoint) => self.held(http, login, &endpoint)?,
            None => own().ok_or_else(|| {
                Fault::sign_in(
                    format!("no credentials are known for the bucket {bucket}"),
                    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use the https address",
                )
            })?,
        };
        let variable = |name| std::env::var(name).ok().filter(|v: &String| !v.is_empty());
        let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
        let region = match self.endpoint(bucket) {
            Some(_) => REGION.to_owned(),
            None => region.unwrap_or_else(|| REGION.to_owned()),
        };
        let unfit = |why: String| Fault::new(Cure::None, format!("s3://{bucket}/{key}: {why}"));
        let (server, style) = match &self.server {
            Some(server) => (server.clone(), UrlStyle::Path),
            None => {
                let server = format!("https://s3.{region}.amazonaws.com");
                let server = Url::parse(&server).map_err(|e| unfit(e.to_string()))?;
                (server, UrlStyle::VirtualHost)
            }
        };
        let place = Bucket::new(server, style, bucket.to_owned(), region);
        let place = place.map_err(|e| unfit(e.to_string()))?;
        let credentials = match &held.session {
            Some(session) => rusty_s3::Credentials::new_with_token(
                held.key.reveal(),
                held.secret.reveal(),
                session.reveal(),
            ),
            None => rusty_s3::Credentials::new(held.key.reveal(), held.secret.reveal()),
        };
        let signed = place.get_object(Some(&credentials), key).sign(SIGNED);
        let now = Timestamp::now();
        let life = Timestamp::from_second(now.as_second() + SIGNED.as_secs() as i64 * 9 / 10);
        let renew = [held.renew, life.ok()].into_iter().flatten().min();
        Ok((signed, renew))
    }

    fn endpoint(&self, bucket: &str) -> Option<Url> {
        if let Some(endpoint) = lock(&self.endpoints).get(bucket) {
            return Some(endpoint.clone());
        }
        let known = KNOWN
            .iter()
            .find(|(prefix, _)| bucket.starts_with(prefix))?;
        Url::parse(known.1).ok()
    }

    fn held(&self, http: &Http, login: &Login, endpoint: &Url) -> Result<Held, Fault> {
        // Held while they are fetched: others wait instead of fetching their own.
        let mut all = lock(&self.held);
        let now = Timestamp::now();
        let good = |held: &&Held| held.renew.is_none_or(|at| now < at);
        if let Some(held) = all.get(endpoint).filter(good) {
            return Ok(held.clone());
        }
        let before = all.get(endpoint).cloned();
        match fetch(http, login, endpoint) {
            Ok(held) => {
                all.insert(endpoint.clone(), held.clone());
                Ok(held)
            }
            // Those in hand still hold.
            Err(fault) => match before.filter(|held| held.end.is_some_and(|end| now < end)) {
                Some(held) if fault.cure == Cure::Retry => Ok(held),
                _ => Err(fault),
            },
        }
    }
}

/// Asks a data centre for credentials.
fn fetch(http: &Http, login: &Login, endpoint: &Url) -> Result<Held, Fault> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Given {
        access_key_id: String,
        secret_access_key: String,
        session_token: String,
        expiration: String,
    }
    let mut renewed = false;
    loop {
        let header = match http.policy().takes_token(endpoint) {
            true => login.authorization(http)?,
            false => None,
        };
        let request = Request {
            headers: vec![("accept", "application/json".into())],
            authorization: header.as_ref(),
            length: 1 << 16,
            ..Request::default()
        };
        let stop = |url: &Url| {
            let page = login.is_sign_in_page(url);
            page.then(|| Fault::new(Cure::SignIn, "sign-in is needed"))
        };
        let outcome =
            http.ask(endpoint, &request, stop)
                .and_then(|mut answer| match answer.status {
                    200 if !answer.is_page() => answer.bytes(),
                    200 | 401 | 403 => Err(Fault::new(Cure::SignIn, "sign-in is needed")),
                    status => Err(crate::remote::status::fault(&answer, status)),
                });
        match outcome {
            Ok(bytes) => {
                let given: Given = serde_json::from_slice(&bytes).map_err(|_| {
                    Fault::new(
                        Cure::None,
                        format!("{} gave no credentials", shown(endpoint)),
                    )
                })?;
                let end = given.expiration.replace(' ', "T").parse::<Timestamp>().ok();
                return Ok(Held {
                    key: Secret::new(given.access_key_id),
                    secret: Secret::new(given.secret_access_key),
                    session: Some(Secret::new(given.session_token)),
                    renew: end.map(|end| renewal(Timestamp::now(), end)),
                    end,
                });
            }
            Err(fault) if fault.cure == Cure::SignIn => {
                if renewed || !login.renew(http, header.as_ref())? {
                    return Err(login.refused(header.is_some()));
                }
                renewed = true;
            }
            Err(fault) => return Err(fault),
        }
    }
}

/// The user's own credentials.
fn own() -> Option<Held> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    Some(Held {
        key: Secret::new(set("AWS_ACCESS_KEY_ID")?),
        secret: Secret::new(set("AWS_SECRET_ACCESS_KEY")?),
        session: set("AWS_SESSION_TOKEN").map(Secret::new),
        renew: None,
        end: None,
    })
}
