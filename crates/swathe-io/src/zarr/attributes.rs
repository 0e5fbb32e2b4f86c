//! Attributes as JSON. Single precision keeps its value, as double precision; numbers that JSON cannot
//! write are the texts `NaN`, `Infinity` and `-Infinity`, as in Zarr's fill values.

use serde_json::Value;

use crate::dataset::{AttributeValue, Attributes, DataType};

/// Name of the attribute that says which element stands for a missing one.
pub(super) const FILL: &str = "_FillValue";

/// A JSON object in order of its entries.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entries<V = Value>(pub Vec<(String, V)>);

impl<V> Default for Entries<V> {
    fn default() -> Self {
        Entries(Vec::new())
    }
}

impl<V: serde::Serialize> serde::Serialize for Entries<V> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de, V: serde::Deserialize<'de>> serde::Deserialize<'de> for Entries<V> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<V>(std::marker::PhantomData<V>);
        impl<'de, V: serde::Deserialize<'de>> serde::de::Visitor<'de> for Visitor<V> {
            type Value = Entries<V>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Entries<V>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Visitor(std::marker::PhantomData))
    }
}

/// Attributes as they come back from a store.
pub(crate) fn as_stored(attributes: &Attributes) -> Attributes {
    from_entries(&to_entries(attributes), None).0
}

pub(super) fn to_entries(attributes: &Attributes) -> Entries {
    let json = |(name, value): &(String, AttributeValue)| (name.clone(), to_json(value));
    Entries(attributes.iter().map(json).collect())
}

fn to_json(value: &AttributeValue) -> Value {
    fn list<T: Copy>(values: &[T], json: impl Fn(T) -> Value) -> Value {
        match values {
            [value] => json(*value),
            _ => values.iter().map(|&v| json(v)).collect(),
        }
    }
    match value {
        AttributeValue::Text(text) => text.as_str().into(),
        AttributeValue::Texts(texts) => texts.clone().into(),
        AttributeValue::I8(v) => list(v, Value::from),
        AttributeValue::U8(v) => list(v, Value::from),
        AttributeValue::I16(v) => list(v, Value::from),
        AttributeValue::U16(v) => list(v, Value::from),
        AttributeValue::I32(v) => list(v, Value::from),
        AttributeValue::U32(v) => list(v, Value::from),
        AttributeValue::I64(v) => list(v, Value::from),
        AttributeValue::U64(v) => list(v, Value::from),
        AttributeValue::F32(v) => list(v, |x| number(f64::from(x))),
        AttributeValue::F64(v) => list(v, number),
    }
}

/// A number, or its name where JSON has none.
pub(super) fn number(value: f64) -> Value {
    match serde_json::Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => "NaN".into(),
        None if value > 0.0 => "Infinity".into(),
        None => "-Infinity".into(),
    }
}

/// Attributes in order, `_FillValue` apart from them as an element of the array's type.
pub(super) fn from_entries(
    entries: &Entries,
    dtype: Option<&DataType>,
) -> (Attributes, Option<AttributeValue>) {
    let mut fill = None;
    let mut attributes = Attributes::new();
    for (name, value) in &entries.0 {
        if let (FILL, Some(found)) = (name.as_str(), dtype.and_then(|d| fill_from_json(value, d))) {
            fill = Some(found);
        } else {
            attributes.push((name.clone(), from_json(value)));
        }
    }
    (attributes, fill)
}

fn from_json(value: &Value) -> AttributeValue {
    let as_text = || AttributeValue::Text(value.to_string());
    match value {
        Value::String(text) => AttributeValue::Text(text.clone()),
        Value::Number(_) => numbers(std::slice::from_ref(value)).unwrap_or_else(as_text),
        Value::Array(values) if values.iter().all(Value::is_string) && !values.is_empty() => {
            let texts = values.iter().filter_map(Value::as_str).map(str::to_owned);
            AttributeValue::Texts(texts.collect())
        }
        Value::Array(values) => numbers(values).unwrap_or_else(as_text),
        _ => as_text(),
    }
}

/// In the narrowest of `I32`, `I64`, `F64` that holds them.
fn numbers(values: &[Value]) -> Option<AttributeValue> {
    let whole: Option<Vec<i64>> = values.iter().map(Value::as_i64).collect();
    if let Some(whole) = whole {
        let narrow: Result<Vec<i32>, _> = whole.iter().map(|&v| i32::try_from(v)).collect();
        return Some(narrow.map_or(AttributeValue::I64(whole), AttributeValue::I32));
    }
    let real: Option<Vec<f64>> = values.iter().map(Value::as_f64).collect();
    real.map(AttributeValue::F64)
}

/// `_FillValue` as xarray has it in Zarr v3: integers as they are, floating point as base64 of its eight
/// bytes in double precision.
pub(super) fn fill_to_json(fill: &AttributeValue) -> Value {
    match fill {
        AttributeValue::F32(v) => base64(v.first().map_or(f64::NAN, |&x| f64::from(x))).into(),
        AttributeValue::F64(v) => base64(v.first().copied().unwrap_or(f64::NAN)).into(),
        other => to_json(other),
    }
}

fn fill_from_json(value: &Value, dtype: &DataType) -> Option<AttributeValue> {
    let real = || match value {
        Value::String(text) => from_base64(text),
        other => other.as_f64(),
    };
    match dtype {
        DataType::F32 => Some(AttributeValue::F32(vec![real()? as f32])),
        DataType::F64 => Some(AttributeValue::F64(vec![real()?])),
        _ => element_from_json(value, dtype),
    }
}

/// A number of a type, as in `fill_value`: floating point may be a name or the bits in hexadecimal.
pub(super) fn element_from_json(value: &Value, dtype: &DataType) -> Option<AttributeValue> {
    fn whole<T: TryFrom<i128>>(value: &Value) -> Option<Vec<T>> {
        let wide = value.as_i64().map(i128::from);
        let wide = wide.or_else(|| value.as_u64().map(i128::from));
        Some(vec![T::try_from(wide?).ok()?])
    }
    let bits = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    Some(match dtype {
        DataType::I8 => AttributeValue::I8(whole(value)?),
        DataType::U8 => AttributeValue::U8(whole(value)?),
        DataType::I16 => AttributeValue::I16(whole(value)?),
        DataType::U16 => AttributeValue::U16(whole(value)?),
        DataType::I32 => AttributeValue::I32(whole(value)?),
        DataType::U32 => AttributeValue::U32(whole(value)?),
        DataType::I64 => AttributeValue::I64(whole(value)?),
        DataType::U64 => AttributeValue::U64(whole(value)?),
        DataType::F32 | DataType::F64 => {
            let single = *dtype == DataType::F32;
            let real = match value.as_str() {
                None => value.as_f64()?,
                Some("NaN") => f64::NAN,
                Some("Infinity") => f64::INFINITY,
                Some("-Infinity") => f64::NEG_INFINITY,
                Some(text) if single => f32::from_bits(u32::try_from(bits(text)?).ok()?).into(),
                Some(text) => f64::from_bits(bits(text)?),
            };
            match single {
                true => AttributeValue::F32(vec![real as f32]),
                false => AttributeValue::F64(vec![real]),
            }
        }
        DataType::Text | DataType::Other(_) => return None,
    })
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 (RFC 4648) of the eight bytes of a number.
fn base64(value: f64) -> String {
    let bits = u128::from(value.to_bits().swap_bytes()) << 2;
    let digit = |i: usize| char::from(DIGITS[(bits >> (60 - 6 * i) & 63) as usize]);
    (0..11).map(digit).chain(['=']).collect()
}

fn from_base64(text: &str) -> Option<f64> {
    let digits = text.strip_suffix('=').filter(|digits| digits.len() == 11)?;
    let bits = digits.bytes().try_fold(0u128, |bits, byte| {
        let digit = DIGITS.iter().position(|&d| d == byte)?;
        Some(bits << 6 | digit as u128)
    })?;
    Some(f64::from_bits(((bits >> 2) as u64).swap_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Python: base64.b64encode(struct.pack("<d", value))
    #[test]
    fn fill_values_are_those_of_xarray() {
        for (value, text) in [
            (-32767.0, "AAAAAMD/38A="),
            (f64::NAN, "AAAAAAAA+H8="),
            (0.1, "mpmZmZmZuT8="),
        ] {
            assert_eq!(base64(value), text);
            let back = from_base64(text).unwrap();
            assert!(back == value || value.is_nan() && back.is_nan());
        }
        for wrong in ["", "AAAA", "AAAAAMD/38!=", "AAAAAMD/38AA"] {
            assert_eq!(from_base64(wrong), None);
        }
    }

    #[test]
    fn attributes_come_back() {
        let attributes: Attributes = vec![
            ("z".into(), AttributeValue::Text("µm".into())),
            ("single".into(), AttributeValue::F32(vec![0.1])),
            ("nan".into(), AttributeValue::F64(vec![f64::NAN])),
            ("list".into(), AttributeValue::I16(vec![1, -2])),
            ("long".into(), AttributeValue::I64(vec![1 << 40])),
            (
                "a".into(),
                AttributeValue::Texts(vec!["x".into(), "y".into()]),
            ),
        ];
        let text = serde_json::to_string(&to_entries(&attributes)).unwrap();
        assert_eq!(
            text,
            "{\"z\":\"µm\",\"single\":0.10000000149011612,\"nan\":\"NaN\",\"list\":[1,-2],\
             \"long\":1099511627776,\"a\":[\"x\",\"y\"]}"
        );
        let (back, fill) = from_entries(&serde_json::from_str(&text).unwrap(), None);
        assert_eq!(fill, None);
        assert_eq!(back[1].1, AttributeValue::F64(vec![f64::from(0.1f32)]));
        assert_eq!(back[2].1, AttributeValue::Text("NaN".into()));
        assert_eq!(back[3].1, AttributeValue::I32(vec![1, -2]));
        assert_eq!(
            [&back[0], &back[4], &back[5]],
            [&attributes[0], &attributes[4], &attributes[5]]
        );
    }

    #[test]
    fn elements_of_other_programs() {
        let element =
            |text: &str, dtype| element_from_json(&serde_json::from_str(text).unwrap(), &dtype);
        assert_eq!(
            element("255", DataType::U8),
            Some(AttributeValue::U8(vec![255]))
        );
        assert_eq!(element("256", DataType::U8), None);
        assert_eq!(
            element("\"0x7fc00000\"", DataType::F32).map(|v| format!("{v:?}")),
            Some("F32([NaN])".into())
        );
        assert_eq!(
            element("\"-Infinity\"", DataType::F64),
            Some(AttributeValue::F64(vec![f64::NEG_INFINITY]))
        );
        assert_eq!(element("\"x\"", DataType::F64), None);
    }
}
