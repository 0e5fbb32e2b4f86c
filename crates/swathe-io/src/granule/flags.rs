//! Flags and classes: what the bits and numbers of a flag variable mean, by name.

use crate::dataset::{Array, AttributeValue, Attributes, Variable};
use swathe_core::mask::FlagTable;

use super::attributes;

/// What a variable with CF flag attributes is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlagKind {
    /// Independent bits (`flag_masks`): names and masks.
    Bits(Vec<(String, u64)>),
    /// Mutually exclusive classes (`flag_values`): names and values.
    Classes(Vec<(String, i64)>),
}

impl FlagKind {
    /// What a variable's attributes declare.
    pub fn of(attributes: &Attributes) -> Option<Self> {
        flag_kind(attributes)
    }
}

/// Reads CF section 3.5: `flag_meanings` with `flag_masks`, `flag_values` or both. A mask that goes
/// with several values is a class inside a bit field and belongs to neither kind: it is left out.
pub(super) fn flag_kind(attributes: &Attributes) -> Option<FlagKind> {
    let names: Vec<&str> = match attributes::find(attributes, "flag_meanings")? {
        AttributeValue::Text(text) => text.split_whitespace().collect(),
        AttributeValue::Texts(texts) => texts.iter().map(String::as_str).collect(),
        _ => return None,
    };
    let integers = |name: &str| -> Option<Vec<i128>> {
        match attributes::find(attributes, name)? {
            // Some writers list the numbers as text.
            AttributeValue::Text(text) => text
                .split(|c: char| c == ',' || c.is_whitespace())
                .map(|word| word.trim_end_matches(|c: char| c.is_ascii_alphabetic()))
                .filter(|word| !word.is_empty())
                .map(|word| word.parse().ok())
                .collect(),
            value => attributes::numbers(value)?
                .into_iter()
                .map(|number| match number {
                    attributes::Number::Integer(value) => Some(value),
                    attributes::Number::Float(value) if value.fract() == 0.0 => Some(value as i128),
                    attributes::Number::Float(_) => None,
                })
                .collect(),
        }
    };
    let masks = integers("flag_masks").map(|masks| {
        let width = mask_width(attributes);
        masks
            .into_iter()
            .map(|mask| (mask as u64) & width)
            .collect::<Vec<u64>>()
    });
    let values = integers("flag_values");
    match (masks, values) {
        (Some(masks), None) => Some(FlagKind::Bits(named(&names, masks))),
        (Some(masks), Some(values)) => {
            let width = mask_width(attributes);
            let alone = |mask: &u64| masks.iter().filter(|other| *other == mask).count() == 1;
            let bits = masks.iter().zip(&values).zip(&names);
            let bits =
                bits.filter(|((mask, value), _)| **mask == (**value as u64) & width && alone(mask));
            let bits: Vec<(String, u64)> = bits
                .map(|((mask, _), name)| ((*name).to_owned(), *mask))
                .collect();
            if bits.is_empty() {
                let values = values.into_iter().map(|value| value as i64).collect();
                Some(FlagKind::Classes(named(&names, values)))
            } else {
                Some(FlagKind::Bits(bits))
            }
        }
        (None, Some(values)) => {
            let values = values.into_iter().map(|value| value as i64).collect();
            Some(FlagKind::Classes(named(&names, values)))
        }
        (None, None) => None,
    }
}

/// The bits that masks of the attribute's type have: a negative 32-bit mask is bit 31, not 33 bits.
fn mask_width(attributes: &Attributes) -> u64 {
    match attributes::find(attributes, "flag_masks") {
        Some(AttributeValue::I8(_) | AttributeValue::U8(_)) => u8::MAX.into(),
        Some(AttributeValue::I16(_) | AttributeValue::U16(_)) => u16::MAX.into(),
        Some(AttributeValue::I32(_) | AttributeValue::U32(_)) => u32::MAX.into(),
        _ => u64::MAX,
    }
}

fn named<T>(names: &[&str], values: Vec<T>) -> Vec<(String, T)> {
    names
        .iter()
        .map(|name| (*name).to_owned())
        .zip(values)
        .collect()
}

/// The bit table of a variable, if it has one that fits 32 bits.
pub(super) fn bit_table(variable: &Variable) -> Option<FlagTable> {
    match flag_kind(&variable.attributes)? {
        FlagKind::Bits(bits) => {
            let flags = bits
                .into_iter()
                .map(|(name, mask)| u32::try_from(mask).ok().map(|mask| (name, mask)))
                .collect::<Option<Vec<_>>>()?;
            Some(FlagTable::new(flags))
        }
        FlagKind::Classes(_) => None,
    }
}

/// Stored flags as bits. A pixel that is `_FillValue` has every bit set: its quality is not known,
/// so whatever set of flags is asked for removes it.
pub(super) fn bits(stored: Array, variable: &Variable) -> Option<Vec<u32>> {
    let fill = attributes::find(&variable.attributes, "_FillValue")
        .and_then(attributes::numbers)
        .and_then(|numbers| match numbers[..] {
            [attributes::Number::Integer(value)] => Some(value),
            _ => None,
        });
    macro_rules! convert {
        ($data:expr, $unsigned:ty) => {
            $data
                .into_iter()
                .map(|v| {
                    if fill == Some(i128::from(v)) {
                        u32::MAX
                    } else {
                        v as $unsigned as u32
                    }
                })
                .collect()
        };
    }
    Some(match stored {
        Array::I8(data) => convert!(data, u8),
        Array::U8(data) => convert!(data, u8),
        Array::I16(data) => convert!(data, u16),
        Array::U16(data) => convert!(data, u16),
        Array::I32(data) if fill.is_none() => data.into_iter().map(|v| v as u32).collect(),
        Array::I32(data) => convert!(data, u32),
        Array::U32(data) => convert!(data, u32),
        Array::I64(data) => convert!(data, u64),
        Array::U64(data) => convert!(data, u64),
        Array::F32(_) | Array::F64(_) | Array::Text(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(masks: AttributeValue) -> Attributes {
        vec![
            (
                "flag_meanings".into(),
                AttributeValue::Text("LAND SPARE CLDICE SPARE".into()),
            ),
            ("flag_masks".into(), masks),
        ]
    }

    #[test]
    fn masks_of_any_sign_are_bits() {
        let variable = Variable {
            path: "/g/l2_flags".into(),
            dtype: crate::dataset::DataType::I32,
            dims: vec![],
            shape: vec![],
            attributes: attributes(AttributeValue::I32(vec![2, 4, i32::MIN, 8])),
            chunk_shape: None,
        };
        let table = bit_table(&variable).expect("bits");
        assert_eq!(table.bits("CLDICE"), Some(0x8000_0000));
        assert_eq!(table.names().collect::<Vec<_>>(), ["LAND", "CLDICE"]);
    }

    #[test]
    fn classes_and_fields_are_not_bits() {
        let classes = vec![
            (
                "flag_meanings".into(),
                AttributeValue::Text("sea land".into()),
            ),
            ("flag_values".into(), AttributeValue::I8(vec![0, 1])),
        ];
        assert_eq!(
            flag_kind(&classes),
            Some(FlagKind::Classes(vec![
                ("sea".into(), 0),
                ("land".into(), 1)
            ]))
        );
        // CF 3.5, example 3.5: one bit alone, and a two-bit field.
        let both = vec![
            (
                "flag_meanings".into(),
                AttributeValue::Text("bad low mid high".into()),
            ),
            ("flag_masks".into(), AttributeValue::U8(vec![1, 6, 6, 6])),
            ("flag_values".into(), AttributeValue::U8(vec![1, 2, 4, 6])),
        ];
        assert_eq!(
            flag_kind(&both),
            Some(FlagKind::Bits(vec![("bad".into(), 1)]))
        );
    }

    #[test]
    fn fill_sets_every_bit_only_where_the_file_declares_it() {
        let mut variable = Variable {
            path: "/wvc_quality_flag".into(),
            dtype: crate::dataset::DataType::I32,
            dims: vec![],
            shape: vec![],
            attributes: vec![],
            chunk_shape: None,
        };
        let stored = Array::I32(vec![-2_147_483_647, 64]);
        assert_eq!(bits(stored.clone(), &variable), Some(vec![0x8000_0001, 64]));
        variable.attributes.push((
            "_FillValue".into(),
            AttributeValue::I32(vec![-2_147_483_647]),
        ));
        assert_eq!(bits(stored, &variable), Some(vec![u32::MAX, 64]));
    }
}
