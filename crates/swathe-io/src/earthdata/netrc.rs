//! The netrc file: user names and passwords by machine.

/// User and password for a machine, else those of `default`.
pub(super) fn find(text: &str, machine: &str) -> Option<(String, String)> {
    let mut words = words(text).into_iter();
    let mut fallback = None;
    let mut current: Option<Entry> = None;
    loop {
        let word = words.next();
        let ends = matches!(
            word.as_deref(),
            None | Some("machine" | "default" | "macdef")
        );
        if ends && let Some(entry) = current.take() {
            match (entry.user, entry.password) {
                (Some(user), Some(password)) if entry.machine.as_deref() == Some(machine) => {
                    return Some((user, password));
                }
                (Some(user), Some(password)) if entry.machine.is_none() => {
                    fallback.get_or_insert((user, password));
                }
                _ => {}
            }
        }
        let Some(word) = word else {
            return fallback;
        };
        match (word.as_str(), &mut current) {
            ("machine", _) => {
                current = Some(Entry {
                    machine: words.next(),
                    ..Entry::default()
                });
            }
            ("default", _) => current = Some(Entry::default()),
            ("login", Some(entry)) => entry.user = words.next(),
            ("password", Some(entry)) => entry.password = words.next(),
            ("account", Some(_)) => drop(words.next()),
            _ => {}
        }
    }
}

#[derive(Default)]
struct Entry {
    machine: Option<String>,
    user: Option<String>,
    password: Option<String>,
}

/// Words, which may be in double quotes with backslashes; a `#` that begins a word begins a comment; a
/// macro runs to an empty line.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut rest = line.trim_start();
        let mut first = true;
        while !rest.is_empty() {
            if rest.starts_with('#') && !takes_any_word(words.last()) {
                break;
            }
            let (word, after) = match rest.strip_prefix('"') {
                Some(quoted) => unquote(quoted),
                None => {
                    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                    (rest[..end].to_owned(), &rest[end..])
                }
            };
            if first && word == "macdef" {
                lines.by_ref().find(|line| line.trim().is_empty());
            }
            words.push(word);
            rest = after.trim_start();
            first = false;
        }
    }
    words
}

/// A password may begin with `#`.
fn takes_any_word(before: Option<&String>) -> bool {
    matches!(
        before.map(String::as_str),
        Some("password" | "login" | "account")
    )
}

fn unquote(text: &str) -> (String, &str) {
    let mut word = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (word, &text[at + 1..]),
            '\\' => word.extend(chars.next().map(|(_, c)| c)),
            c => word.push(c),
        }
    }
    (word, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_by_machine() {
        let text = "# comment\nmachine other.org login a password b\n\
            macdef init\nmachine urs.earthdata.nasa.gov login no password no\n\n\
            machine urs.earthdata.nasa.gov\n\tlogin ocean\n\tpassword #pa\"ss\n\
            default login any password \"quo ted\\\"\"\n";
        let of = |machine| find(text, machine);
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(of("urs.earthdata.nasa.gov"), pair("ocean", "#pa\"ss"));
        assert_eq!(of("other.org"), pair("a", "b"));
        assert_eq!(of("third.org"), pair("any", "quo ted\""));
        assert_eq!(find("machine a login b", "a"), None);
        assert_eq!(find("", "a"), None);
        assert_eq!(find("machine", "a"), None);
    }
}
