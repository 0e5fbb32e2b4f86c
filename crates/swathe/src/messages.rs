//! What a command says on standard error: lines for people, or one JSON object on every line.

use serde_json::{Value, json};
use std::ffi::OsString;
use std::fmt::Arguments;
use std::io::{ErrorKind, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

/// One for the process: an interruption and an error are said in the same form as all else.
static JSON: AtomicBool = AtomicBool::new(false);

/// From now on everything is said in JSON if a command's words ask for it. The words are looked at as they
/// are, so that mistakes in the others are told in JSON too.
pub fn heed(words: &[OsString]) {
    let pair = |pair: &[OsString]| pair[0] == "--progress" && pair[1] == "json";
    let asked = words.iter().any(|word| word == "--progress=json") || words.windows(2).any(pair);
    JSON.store(asked, Ordering::Relaxed);
}

/// Whether everything is said in JSON.
pub fn in_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

/// A line on standard output, the answer of a command, written as `println!` takes it. Where nobody reads on
/// (`swathe info x.nc | head`) there is nothing more to do.
macro_rules! tell {
    ($($words:tt)*) => {
        $crate::messages::tell_line(format_args!($($words)*))
    };
}
pub(crate) use tell;

/// What `tell!` does.
pub fn tell_line(line: Arguments<'_>) {
    let Err(failed) = writeln!(std::io::stdout(), "{line}") else {
        return;
    };
    if failed.kind() == ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    error(&format!("standard output: {failed}"), None, 1);
    std::process::exit(1);
}

/// A line on standard error, written as `eprintln!` takes it. Where nobody reads it the work goes on.
macro_rules! say {
    ($($words:tt)*) => {
        $crate::messages::say_line(format_args!($($words)*))
    };
}
pub(crate) use say;

/// What `say!` does.
pub fn say_line(line: Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Says something worth knowing.
pub fn note(text: &str) {
    match in_json() {
        true => event("note", json!({ "text": text })),
        false => say!("{text}"),
    }
}

/// Says what may be wrong with a result.
pub fn warning(text: &str) {
    match in_json() {
        true => event("warning", json!({ "text": text })),
        false => say!("warning: {text}"),
    }
}

/// Says that a command has failed.
pub fn error(text: &str, hint: Option<&str>, code: u8) {
    if in_json() {
        event("error", json!({ "text": text, "hint": hint, "code": code }));
        return;
    }
    say!("error: {text}");
    if let Some(hint) = hint {
        say!("  hint: {hint}");
    }
}

/// What is said of a run that was stopped and left its journal.
pub const RESUME: &str = "what was done is kept: --resume goes on with it";

/// Says that a command was interrupted.
pub fn interrupted(hint: Option<&str>) {
    if in_json() {
        event("interrupted", json!({ "hint": hint }));
        return;
    }
    say!("interrupted");
    if let Some(hint) = hint {
        say!("  hint: {hint}");
    }
}

/// A line of JSON: an object with the name of an event, and what is known of it. What is not known (null)
/// is left out.
pub fn event(name: &str, mut known: Value) {
    if let Some(known) = known.as_object_mut() {
        known.retain(|_, value| !value.is_null());
        known.insert("event".into(), name.into());
    }
    say!("{known}");
}
