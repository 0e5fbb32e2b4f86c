//! Earthdata Login: tokens, the sign-in page, credentials of S3.

use crate::behaviour::{FaultKind, Place};
use crate::exchange::{Connection, Request};
use crate::{PASSWORD, S3_SECRET, Shared, TOKEN, USER, lock};
use base64::Engine as _;
use serde_json::json;

/// What a client without a good token sees.
pub(crate) const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Earthdata Login</title></head>\
    <body><form>Username Password</form></body></html>";

/// Tokens that were given, and when they expire.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    given: Vec<(String, i64)>,
    count: usize,
}

impl Tokens {
    fn accepts(&self, token: &str) -> bool {
        let now = now();
        token == TOKEN || self.given.iter().any(|(t, end)| t == token && *end > now)
    }
}

pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Whether a request has a good token.
pub(crate) fn has_token(shared: &Shared, request: &Request) -> bool {
    let sent = request.header("authorization").unwrap_or_default();
    let token = sent.strip_prefix("Bearer ").unwrap_or_default();
    lock(&shared.login).accepts(token)
}

fn knows_password(request: &Request) -> bool {
    let sent = request.header("authorization").unwrap_or_default();
    let basic = sent.strip_prefix("Basic ").unwrap_or_default();
    let pair = base64::engine::general_purpose::STANDARD.decode(basic);
    pair.is_ok_and(|pair| pair == format!("{USER}:{PASSWORD}").as_bytes())
}

/// POST with Basic credentials: a token.
pub(crate) fn token(shared: &Shared, connection: &mut Connection, request: &Request) -> bool {
    let fault = shared.strike(Place::Login);
    if let Some(done) = connection.fail(shared, request, Place::Login, fault.as_ref()) {
        return done;
    }
    if request.method != "POST" {
        return connection.refuse(shared, request, Place::Login, 405, "POST it");
    }
    if !knows_password(request) {
        shared.log(Place::Login, request, 401, 0);
        let body = json!({ "error": "invalid_credentials", "error_description": "Invalid user credentials" });
        return connection.send_json(401, &[], &body);
    }
    let seconds = lock(&shared.behaviour).token_seconds;
    let end = now() + seconds;
    let mut tokens = lock(&shared.login);
    tokens.count += 1;
    let token = format!("given-token-not-to-be-seen-{}", tokens.count);
    tokens.given.push((token.clone(), end));
    drop(tokens);
    let date = jiff::Timestamp::from_second(end).unwrap_or_default();
    // As the service writes it: a day. The stand-in's tokens may live for seconds, so it adds the time.
    let date = match seconds >= 2 * 24 * 3600 {
        true => date.strftime("%m/%d/%Y").to_string(),
        false => date.strftime("%m/%d/%Y %H:%M:%S").to_string(),
    };
    shared.log(Place::Login, request, 200, 0);
    let body = json!({ "access_token": token, "token_type": "Bearer", "expiration_date": date });
    connection.send_json(200, &[], &body)
}

/// The sign-in page.
pub(crate) fn page(shared: &Shared, connection: &mut Connection, request: &Request) -> bool {
    shared.log(Place::Login, request, 200, PAGE.len());
    connection.send(200, &[("Content-Type", "text/html")], PAGE.as_bytes())
}

/// Credentials of S3, with a bearer.
pub(crate) fn s3credentials(
    shared: &Shared,
    connection: &mut Connection,
    request: &Request,
) -> bool {
    let fault = shared.strike(Place::Login);
    if let Some(done) = connection.fail(shared, request, Place::Login, fault.as_ref()) {
        return done;
    }
    if !has_token(shared, request) || fault == Some(FaultKind::ExpireToken) {
        let to = format!("{}/oauth/authorize?client_id=x", shared.services);
        shared.log(Place::Login, request, 302, 0);
        return connection.send(302, &[("Location", &to)], b"");
    }
    let seconds = lock(&shared.behaviour).s3_seconds;
    let count = {
        let mut tokens = lock(&shared.login);
        tokens.count += 1;
        tokens.count
    };
    let end = jiff::Timestamp::from_second(now() + seconds).unwrap_or_default();
    shared.log(Place::Login, request, 200, 0);
    connection.send_json(
        200,
        &[],
        &json!({
            "accessKeyId": format!("ASIA{count}"),
            "secretAccessKey": format!("{S3_SECRET}-{count}"),
            "sessionToken": format!("session-{S3_SECRET}-{count}"),
            // As the service writes it.
            "expiration": end.strftime("%Y-%m-%d %H:%M:%S+00:00").to_string(),
        }),
    )
}
