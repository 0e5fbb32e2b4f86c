//! What a command says on standard error: lines for people, or one JSON object on every line.

use serde_json::{Value, json};
use std::borrow::Cow;
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

/// Characters of a word of a message at most: more than names of files and addresses have.
const WORD: usize = 400;
/// Characters of a message at most.
const MESSAGE: usize = 4000;

/// A message without the middle of what nobody would read, as of an argument of 100 kB that it repeats.
pub fn shortened(text: &str) -> Cow<'_, str> {
    let words = || text.split_inclusive(char::is_whitespace);
    if text.len() <= MESSAGE && words().all(|word| word.len() <= WORD) {
        return text.into();
    }
    let words: String = words().map(|word| without_middle(word, WORD)).collect();
    without_middle(&words, MESSAGE).into_owned().into()
}

/// Of a text that is longer, its beginning and its end: half as much as it might have.
fn without_middle(text: &str, most: usize) -> Cow<'_, str> {
    let characters = text.chars().count();
    if characters <= most {
        return text.into();
    }
    let begins: String = text.chars().take(most * 3 / 8).collect();
    let ends: String = text.chars().skip(characters - most / 8).collect();
    format!("{begins}...{ends}").into()
}

/// Says something worth knowing.
pub fn note(text: &str) {
    let text = &*shortened(text);
    match in_json() {
        true => event("note", json!({ "text": text })),
        false => say!("{text}"),
    }
}

/// Says what may be wrong with a result.
pub fn warning(text: &str) {
    let text = &*shortened(text);
    match in_json() {
        true => event("warning", json!({ "text": text })),
        false => say!("warning: {text}"),
    }
}

/// Says that a command has failed.
pub fn error(text: &str, hint: Option<&str>, code: u8) {
    let text = &*shortened(text);
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

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn long_words_lose_their_middle() {
        let text = "no such file: a/b.nc (hint: look)";
        assert_eq!(shortened(text), text);
        let long = format!("no variable \"{}\" in\ta.nc\n", "\u{e9}".repeat(100_000));
        let short = shortened(&long);
        assert!(short.chars().count() < 250, "{short}");
        assert!(short.starts_with("no variable \"\u{e9}\u{e9}"), "{short}");
        assert!(short.ends_with("\u{e9}\u{e9}\" in\ta.nc\n"), "{short}");
        assert!(short.contains("\u{e9}...\u{e9}"), "{short}");
        let many = "a b ".repeat(100_000);
        assert!(shortened(&many).len() < 4000);
    }
}
