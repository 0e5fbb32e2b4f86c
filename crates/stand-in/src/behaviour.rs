//! What the server does besides serving: latency, bandwidth, faults.

use crate::exchange::{Connection, Request};
use crate::random::Random;
use crate::{Shared, lock};
use serde::Deserialize;
use serde_json::json;

/// Where a request arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The catalogue.
    Catalogue,
    /// Tokens, and S3 credentials.
    Login,
    /// The host that redirects to signed addresses.
    Distribution,
    /// The host that holds the files.
    Storage,
    /// Anything else.
    Services,
}

/// What goes wrong with a request.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// A status, and seconds of Retry-After.
    Status(u16, Option<u64>),
    /// The connection is reset in the middle of the body.
    Reset,
    /// The connection ends in the middle of the body.
    Cut,
    /// Content-Range names other bytes than asked for.
    WrongContentRange,
    /// More or fewer bytes than Content-Range says, with a matching Content-Length.
    WrongLength,
    /// A page that asks to sign in, with status 200.
    LoginPage,
    /// A redirect to itself.
    RedirectLoop,
    /// A redirect without a Location.
    RedirectToNowhere,
    /// A redirect to this address.
    RedirectTo(String),
    /// So many milliseconds of silence before the answer.
    Delay(u64),
    /// Silence in the middle of the body, then the end: milliseconds.
    Stall(u64),
    /// The file has another ETag from now on.
    NewTag,
    /// The signed address has expired.
    ExpireAddress,
    /// The token is no longer good.
    ExpireToken,
    /// A page of the catalogue lacks its last record, and says that no other follows.
    LostRecords,
}

/// A fault, where it strikes, and how often.
#[derive(Debug, Clone, Deserialize)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// What.
    pub kind: FaultKind,
    /// How often at most.
    #[serde(default = "always")]
    pub times: u64,
    /// With which probability, 0 to 1.
    #[serde(default = "certain")]
    pub rate: f64,
}

fn always() -> u64 {
    u64::MAX
}

fn certain() -> f64 {
    1.0
}

impl Fault {
    /// A fault that strikes the first so many requests.
    pub fn first(times: u64, place: Place, kind: FaultKind) -> Fault {
        Fault {
            place,
            kind,
            times,
            rate: 1.0,
        }
    }

    /// A fault that strikes all requests.
    pub fn always(place: Place, kind: FaultKind) -> Fault {
        Fault::first(u64::MAX, place, kind)
    }
}

/// How the server behaves.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Behaviour {
    /// Milliseconds before every answer.
    pub latency: u64,
    /// Bytes a second on each connection of storage; none: as fast as it goes.
    pub bandwidth: Option<f64>,
    /// Faults.
    pub faults: Vec<Fault>,
    /// Seed of their probabilities.
    pub seed: u64,
    /// Seconds that signed addresses hold.
    pub address_seconds: i64,
    /// Seconds that tokens of the token endpoint hold.
    pub token_seconds: i64,
    /// Seconds that S3 credentials hold.
    pub s3_seconds: i64,
    /// What the ETags of files end in.
    pub tag: String,
    /// Whether the user has approved the application; without it data is answered by a sign-in page.
    pub approved: bool,
    /// Whether the user has accepted the licence of the data.
    pub licence: bool,
    /// Whether the archive understands ranges; else they are answered with 416.
    pub ranges: bool,
    #[serde(skip)]
    random: Random,
}

impl Default for Behaviour {
    fn default() -> Self {
        Behaviour {
            latency: 0,
            bandwidth: None,
            faults: Vec::new(),
            seed: 0,
            address_seconds: 3600,
            token_seconds: 60 * 24 * 3600,
            s3_seconds: 3600,
            tag: "1".into(),
            approved: true,
            licence: true,
            ranges: true,
            random: Random::default(),
        }
    }
}

impl Behaviour {
    /// The fault that strikes a request, if any.
    pub(crate) fn strike(&mut self, place: Place) -> Option<FaultKind> {
        if self.random.0 == 0 {
            self.random = Random(self.seed.wrapping_add(1));
        }
        let mut found = None;
        for fault in self.faults.iter_mut().filter(|f| f.place == place) {
            let strikes = fault.times > 0 && self.random.share() < fault.rate;
            if strikes && found.is_none() {
                fault.times -= 1;
                found = Some(fault.kind.clone());
            }
        }
        if found == Some(FaultKind::NewTag) {
            self.tag.push('x');
        }
        found
    }
}

/// POST of a [`Behaviour`] as JSON.
pub(crate) fn control(shared: &Shared, connection: &mut Connection, request: &Request) -> bool {
    match serde_json::from_slice::<Behaviour>(&request.body) {
        Ok(behaviour) => {
            *lock(&shared.behaviour) = behaviour;
            lock(&shared.log).clear();
            connection.send_json(200, &[], &json!({}))
        }
        Err(error) => connection.send_json(400, &[], &json!({ "error": error.to_string() })),
    }
}

/// The log as JSON.
pub(crate) fn control_log(shared: &Shared, connection: &mut Connection, _: &Request) -> bool {
    let log = lock(&shared.log).clone();
    connection.send_json(200, &[], &json!(log))
}
