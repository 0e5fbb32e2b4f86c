//! Words of an expression, with their places.

use super::ExpressionError;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Number(f64),
    /// A variable or a function; `Rrs@443` and `Rrs[3]` are one word.
    Name(String),
    Symbol(&'static str),
}

/// Longest first.
const SYMBOLS: [(&str, &str); 18] = [
    ("<=", "<="),
    (">=", ">="),
    ("==", "=="),
    ("!=", "!="),
    ("**", "^"),
    ("&&", "and"),
    ("||", "or"),
    ("<", "<"),
    (">", ">"),
    ("+", "+"),
    ("-", "-"),
    ("*", "*"),
    ("/", "/"),
    ("^", "^"),
    ("(", "("),
    (")", ")"),
    (",", ","),
    ("!", "not"),
];

/// Tokens with the number of characters before each.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, usize)>, ExpressionError> {
    let error = |place: usize, reason: String| ExpressionError {
        reason,
        text: text.to_owned(),
        place,
    };
    let mut found = Vec::new();
    let (mut rest, mut place) = (text, 0);
    while let Some(first) = rest.chars().next() {
        let (token, length) = if first.is_whitespace() {
            place += 1;
            rest = &rest[first.len_utf8()..];
            continue;
        } else if first.is_ascii_digit() || first == '.' {
            let length = number_length(rest);
            let number = rest[..length].parse().ok().filter(|n: &f64| n.is_finite());
            let number = number.ok_or_else(|| error(place, "this is no number".into()))?;
            (Token::Number(number), length)
        } else if first.is_ascii_alphabetic() || first == '_' {
            let length = name_length(rest).map_err(|(at, reason)| error(place + at, reason))?;
            let token = match &rest[..length] {
                "and" => Token::Symbol("and"),
                "or" => Token::Symbol("or"),
                "not" => Token::Symbol("not"),
                name => Token::Name(name.to_owned()),
            };
            (token, length)
        } else if let Some((symbol, meant)) = SYMBOLS.iter().find(|(s, _)| rest.starts_with(s)) {
            (Token::Symbol(meant), symbol.len())
        } else {
            let meant = match first {
                '=' => ": write == to compare",
                '&' => ": write and",
                '|' => ": write or",
                _ => "",
            };
            return Err(error(
                place,
                format!("the character {first:?} has no meaning here{meant}"),
            ));
        };
        found.push((token, place));
        // Tokens are ASCII.
        place += length;
        rest = &rest[length..];
    }
    Ok(found)
}

fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.iter().take_while(|b| b.is_ascii_digit()).count()
    };
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') {
        end += 1 + digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    end
}

/// Length of a name with its band; on failure where in it, and why.
fn name_length(text: &str) -> Result<usize, (usize, String)> {
    let word = |b: &&u8| b.is_ascii_alphanumeric() || **b == b'_';
    let bytes = text.as_bytes();
    let end = bytes.iter().take_while(word).count();
    match bytes.get(end) {
        Some(b'@') => {
            let length = number_length(&text[end + 1..]);
            match length {
                0 => Err((end + 1, "a band is a number, as in Rrs@443".into())),
                _ => Ok(end + 1 + length),
            }
        }
        Some(b'[') => {
            let close = text[end..].find(']');
            let inside = close.and_then(|close| text.get(end + 1..end + close));
            match inside.map(|inside| inside.trim().parse::<usize>()) {
                Some(Ok(_)) => Ok(end + close.unwrap_or(0) + 1),
                _ => Err((
                    end + 1,
                    "a band's number is a whole number, as in Rrs[3]".into(),
                )),
            }
        }
        _ => Ok(end),
    }
}
