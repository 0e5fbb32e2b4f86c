//! What an answer's status means.

use super::fault::{Cure, Fault};
use super::http::Answer;
use super::policy::authority;
use std::time::Duration;

/// The fault of a status that is no success.
pub fn fault(answer: &Answer, status: u16) -> Fault {
    let host = authority(&answer.url);
    let said = |what: &str| format!("{host} {what} (status {status})");
    match status {
        404 | 410 => Fault::new(Cure::None, said("has no such file")),
        408 | 425 | 429 | 500 | 502 | 503 | 504 => Fault {
            wait: wait(answer.header("retry-after")),
            ..Fault::new(Cure::Retry, said("is busy or out of order"))
        },
        401 => Fault::new(Cure::SignIn, said("wants a sign-in")),
        403 => Fault::new(Cure::None, said("does not allow it")),
        _ => Fault::new(Cure::None, said("does not give it")),
    }
}

/// Retry-After: seconds, or a date.
fn wait(header: Option<&str>) -> Option<Duration> {
    let text = header?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let left = at.as_second() - jiff::Timestamp::now().as_second();
    u64::try_from(left).ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(wait(Some("7")), Some(Duration::from_secs(7)));
        assert_eq!(wait(Some("Wed, 21 Oct 2015 07:28:00 GMT")), None);
        let later = jiff::Timestamp::now().as_second() + 100;
        let later = jiff::Timestamp::from_second(later).unwrap();
        let text = later.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let waited = wait(Some(&text)).unwrap().as_secs();
        assert!((98..=100).contains(&waited), "{text} {waited}");
        assert_eq!(wait(Some("soon")), None);
        assert_eq!(wait(None), None);
    }
}
