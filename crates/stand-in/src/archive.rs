//! The distribution host, which signs addresses, and the storage host, which serves them.

use crate::behaviour::{FaultKind, Place};
use crate::exchange::{Connection, Request};
use crate::login::{has_token, now};
use crate::{Shared, lock};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;

/// `/archive/<file>`: with a good token, a redirect to the signed address of the file.
pub(crate) fn distribution(
    shared: &Shared,
    connection: &mut Connection,
    request: &Request,
) -> bool {
    let place = Place::Distribution;
    let fault = shared.strike(place);
    if let Some(done) = connection.fail(shared, request, place, fault.as_ref()) {
        return done;
    }
    let (approved, licence, ranges, seconds) = {
        let behaviour = lock(&shared.behaviour);
        let b = &behaviour;
        (b.approved, b.licence, b.ranges, b.address_seconds)
    };
    if fault == Some(FaultKind::ExpireToken) {
        return connection.refuse(shared, request, place, 401, "the token has expired");
    }
    if request.header("authorization").is_some() && !has_token(shared, request) {
        return connection.refuse(shared, request, place, 401, "Unauthorized: invalid token");
    }
    if !has_token(shared, request) || !approved {
        let to = format!(
            "{}/oauth/authorize?client_id=x&response_type=code",
            shared.services
        );
        shared.log(place, request, 302, 0);
        return connection.send(302, &[("Location", &to)], b"");
    }
    if !licence {
        let why = "Forbidden: you must accept the EULA of this collection first";
        return connection.refuse(shared, request, place, 403, why);
    }
    if !ranges && request.header("range").is_some() {
        return connection.refuse(shared, request, place, 416, "ranges are not supported");
    }
    let name = request.path.trim_start_matches("/archive/");
    if file(shared, name).is_none() {
        return connection.refuse(shared, request, place, 404, "no such file");
    }
    let end = now() + seconds;
    let signature = signature(name, end);
    let encoded: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let to = format!(
        "{}/signed/{encoded}?A-userid=ocean&expires={end}&signature={signature}",
        shared.storage
    );
    shared.log(place, request, 303, 0);
    connection.send(
        303,
        &[("Location", &to), ("Cache-Control", "private, max-age=600")],
        b"",
    )
}

/// `/signed/<file>`: the bytes, or a range of them.
pub(crate) fn storage(shared: &Shared, connection: &mut Connection, request: &Request) -> bool {
    let place = Place::Storage;
    let fault = shared.strike(place);
    if let Some(done) = connection.fail(shared, request, place, fault.as_ref()) {
        return done;
    }
    if request.header("authorization").is_some() {
        let why = "<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism allowed</Message></Error>";
        return connection.refuse(shared, request, place, 400, why);
    }
    let name = request.path.trim_start_matches("/signed/");
    let end: i64 = request
        .get("expires")
        .and_then(|e| e.parse().ok())
        .unwrap_or(0);
    let signed = request.get("signature") == Some(&signature(name, end));
    if !signed || end <= now() || fault == Some(FaultKind::ExpireAddress) {
        let why = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
        return connection.refuse(shared, request, place, 403, why);
    }
    let Some(path) = file(shared, name) else {
        return connection.refuse(
            shared,
            request,
            place,
            404,
            "<Error><Code>NoSuchKey</Code></Error>",
        );
    };
    let (bandwidth, tag) = {
        let behaviour = lock(&shared.behaviour);
        (behaviour.bandwidth, format!("\"{name}-{}\"", behaviour.tag))
    };
    let Ok(bytes) = std::fs::File::open(&path) else {
        return connection.refuse(shared, request, place, 500, "cannot be read");
    };
    let length = bytes.metadata().map_or(0, |m| m.len());
    if request
        .header("if-match")
        .is_some_and(|wanted| wanted != tag)
    {
        return connection.refuse(
            shared,
            request,
            place,
            412,
            "<Error><Code>PreconditionFailed</Code></Error>",
        );
    }
    let asked = request.header("range").map(|range| range_of(range, length));
    let (start, end) = match asked {
        None => (0, length),
        Some(Some(range)) => range,
        Some(None) => {
            shared.log(place, request, 416, 0);
            let total = format!("bytes */{length}");
            return connection.send(416, &[("Content-Range", &total)], b"");
        }
    };
    let mut body = vec![0; (end - start) as usize];
    if std::os::unix::fs::FileExt::read_exact_at(&bytes, &mut body, start).is_err() {
        return connection.refuse(shared, request, place, 500, "cannot be read");
    }
    let mut said = (start, end);
    match fault {
        Some(FaultKind::WrongContentRange) => said = (start + 1, end + 1),
        Some(FaultKind::WrongLength) => {
            body.truncate(body.len() / 2);
        }
        _ => {}
    }
    let range = format!("bytes {}-{}/{length}", said.0, said.1.saturating_sub(1));
    let mut headers = vec![("ETag", tag.as_str()), ("Accept-Ranges", "bytes")];
    headers.push(("Content-Type", "application/x-netcdf"));
    if asked.is_some() {
        headers.push(("Content-Range", &range));
    }
    let status = if asked.is_some() { 206 } else { 200 };
    shared.log(place, request, status, body.len());
    connection.send_slowly(status, &headers, &body, bandwidth, fault.as_ref())
}

/// A file of the folder; nothing outside it.
fn file(shared: &Shared, name: &str) -> Option<PathBuf> {
    let plain = !name.contains(['/', '\\']) && !name.starts_with('.');
    let path = shared.folder.join(name);
    (plain && path.is_file()).then_some(path)
}

fn signature(name: &str, end: i64) -> String {
    let mut hasher = DefaultHasher::new();
    ("a key that only the server knows", name, end).hash(&mut hasher);
    format!("signature-not-to-be-seen-{:016x}", hasher.finish())
}

/// The bytes of a Range header, `None` if it asks for none that there are.
fn range_of(header: &str, length: u64) -> Option<(u64, u64)> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let (start, end) = match (first, last) {
        ("", count) => (length.saturating_sub(count.parse().ok()?), length),
        (first, "") => (first.parse().ok()?, length),
        (first, last) => (first.parse().ok()?, last.parse::<u64>().ok()? + 1),
    };
    (start < end.min(length)).then(|| (start, end.min(length)))
}
