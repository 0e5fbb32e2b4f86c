//! Looking up attributes: text and numbers, whatever type the writer chose.

use crate::dataset::{AttributeValue, Attributes};

/// The value of an attribute; names are compared exactly first, then without regard to case.
pub(crate) fn find<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a AttributeValue> {
    attributes
        .iter()
        .find(|(key, _)| key == name)
        .or_else(|| {
            attributes
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
        })
        .map(|(_, value)| value)
}

/// The text of an attribute, trimmed; `None` if it is absent, empty or a number.
pub(crate) fn text<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    let text = match find(attributes, name)? {
        AttributeValue::Text(text) => text,
        AttributeValue::Texts(texts) if texts.len() == 1 => &texts[0],
        _ => return None,
    };
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    (!text.is_empty()).then_some(text)
}

/// Text of an attribute that some writers store as a number (`processing_version = 3`).
pub(crate) fn text_or_number(attributes: &Attributes, name: &str) -> Option<String> {
    text(attributes, name).map(str::to_owned).or_else(|| {
        match numbers(find(attributes, name)?)?.as_slice() {
            [Number::Integer(value)] => Some(value.to_string()),
            [Number::Float(value)] => Some(value.to_string()),
            _ => None,
        }
    })
}

/// The first of several attributes that is there, as text.
pub(crate) fn first_text(attributes: &Attributes, names: &[&str]) -> Option<String> {
    names
        .iter()
        .find_map(|name| text_or_number(attributes, name))
}

/// One element of a numeric attribute, without loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    /// Any integer type.
    Integer(i128),
    /// Single or double precision.
    Float(f64),
}

impl Number {
    /// In double precision.
    #[expect(clippy::cast_precision_loss, reason = "that is what is asked for")]
    pub(crate) fn as_f64(self) -> f64 {
        match self {
            Number::Integer(value) => value as f64,
            Number::Float(value) => value,
        }
    }
}

/// The elements of a numeric attribute; `None` for text.
pub(crate) fn numbers(value: &AttributeValue) -> Option<Vec<Number>> {
    fn integers<T: Copy + Into<i128>>(values: &[T]) -> Vec<Number> {
        values.iter().map(|&v| Number::Integer(v.into())).collect()
    }
    Some(match value {
        AttributeValue::Text(_) | AttributeValue::Texts(_) => return None,
        AttributeValue::I8(v) => integers(v),
        AttributeValue::U8(v) => integers(v),
        AttributeValue::I16(v) => integers(v),
        AttributeValue::U16(v) => integers(v),
        AttributeValue::I32(v) => integers(v),
        AttributeValue::U32(v) => integers(v),
        AttributeValue::I64(v) => integers(v),
        AttributeValue::U64(v) => integers(v),
        AttributeValue::F32(v) => v.iter().map(|&v| Number::Float(v.into())).collect(),
        AttributeValue::F64(v) => v.iter().map(|&v| Number::Float(v)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_trimmed_and_numbers_become_text() {
        let attributes: Attributes = vec![
            ("platform".into(), AttributeValue::Text(" PACE\0".into())),
            ("empty".into(), AttributeValue::Text("".into())),
            ("version".into(), AttributeValue::I32(vec![3])),
            ("Units".into(), AttributeValue::Texts(vec!["m".into()])),
        ];
        assert_eq!(text(&attributes, "platform"), Some("PACE"));
        assert_eq!(text(&attributes, "empty"), None);
        assert_eq!(text(&attributes, "units"), Some("m"));
        assert_eq!(text_or_number(&attributes, "version").as_deref(), Some("3"));
        assert_eq!(
            first_text(&attributes, &["none", "platform"]).as_deref(),
            Some("PACE")
        );
    }
}
