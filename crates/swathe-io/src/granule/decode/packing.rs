//! Scale factors and offsets, in the precision that numpy gives to each step.

use crate::dataset::{AttributeValue, Attributes, DataType};
use crate::granule::attributes;

/// Arithmetic of unpacking, with the precision of each step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Packing {
    /// As stored, in the smallest floating type that holds the stored type.
    None,
    /// As stored, in double precision (a factor of one in double precision).
    Widen,
    /// As stored, in single precision (a factor of one in single precision).
    Narrow,
    Scale32(f32),
    Scale64(f64),
    Offset32(f32),
    Offset64(f64),
    Both32(f32, f32),
    Both64(f64, f64),
    /// Product in single precision, sum in double.
    Both32Then64(f32, f64),
    /// Worked out in double precision, rounded once.
    Exact32(f64, f64),
}

impl Packing {
    /// The packing that the attributes of a variable tell.
    ///
    /// # Errors
    /// Attributes that are no single finite number, a factor of zero; the reason in a sentence.
    pub(super) fn of(attributes: &Attributes, dtype: &DataType) -> Result<Packing, String> {
        let stored = stored_precision(dtype);
        let scale = packing_attribute(attributes, "scale_factor")?;
        let offset = packing_attribute(attributes, "add_offset")?;
        if let Some((value, _)) = scale
            && (value == 0.0 || !value.is_finite())
        {
            return Err(format!(
                "scale_factor is {value}: the stored values cannot be unpacked"
            ));
        }
        if let Some((value, _)) = offset
            && !value.is_finite()
        {
            return Err(format!(
                "add_offset is {value}: the stored values cannot be unpacked"
            ));
        }
        let single = |value: f64| value as f32;
        Ok(match (scale, offset) {
            (Some((s, s_type)), Some((o, o_type))) if s != 1.0 || o != 0.0 => {
                let product = promote(stored, s_type);
                match (product, promote(product, o_type)) {
                    (Precision::Single, Precision::Single) => Packing::Both32(single(s), single(o)),
                    (Precision::Single, _) => Packing::Both32Then64(single(s), o),
                    _ => Packing::Both64(s, o),
                }
            }
            (Some((_, Precision::Double)), Some(_)) => Packing::Widen,
            (Some((_, Precision::Single)), Some(_))
                if matches!(stored, Precision::Large | Precision::Double) =>
            {
                Packing::Narrow
            }
            (Some((s, s_type)), None) if s != 1.0 => match promote(stored, s_type) {
                Precision::Single => Packing::Scale32(single(s)),
                _ => Packing::Scale64(s),
            },
            (None, Some((o, o_type))) if o != 0.0 => match promote(stored, o_type) {
                Precision::Single => Packing::Offset32(single(o)),
                _ => Packing::Offset64(o),
            },
            _ => Packing::None,
        })
    }

    /// The factor of a step of the stored values; its sign tells which way they run.
    pub(super) fn factor(self) -> f64 {
        match self {
            Packing::Scale32(s) | Packing::Both32(s, _) | Packing::Both32Then64(s, _) => s.into(),
            Packing::Scale64(s) | Packing::Both64(s, _) | Packing::Exact32(s, _) => s,
            _ => 1.0,
        }
    }

    /// One value, in the precision of each step.
    pub(super) fn unpack(self, v: f64) -> f64 {
        match self {
            Packing::None | Packing::Widen => v,
            Packing::Narrow => (v as f32).into(),
            Packing::Scale32(s) => (v as f32 * s).into(),
            Packing::Scale64(s) => v * s,
            Packing::Offset32(o) => (v as f32 + o).into(),
            Packing::Offset64(o) => v + o,
            Packing::Both32(s, o) => (v as f32 * s + o).into(),
            Packing::Both64(s, o) => v * s + o,
            Packing::Exact32(s, o) => ((v * s + o) as f32).into(),
            Packing::Both32Then64(s, o) => f64::from(v as f32 * s) + o,
        }
    }
}

/// Precision that numpy gives to the product of a stored type and a single-precision factor.
fn stored_precision(dtype: &DataType) -> Precision {
    match dtype {
        DataType::I8 | DataType::U8 | DataType::I16 | DataType::U16 => Precision::Small,
        DataType::F32 => Precision::Single,
        DataType::F64 => Precision::Double,
        _ => Precision::Large,
    }
}

/// A type in the eyes of numpy's promotion.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Precision {
    /// Integers of at most 16 bits, exact in single precision.
    Small,
    /// Integers of 32 bits and more: single precision does not hold them.
    Large,
    Single,
    Double,
}

/// `numpy.promote_types`, with integers among themselves taken as double precision.
fn promote(a: Precision, b: Precision) -> Precision {
    use Precision::{Double, Single, Small};
    match (a, b) {
        (Single, Single | Small) | (Small, Single) => Single,
        _ => Double,
    }
}

/// An attribute that is one number, with the precision of its type.
fn packing_attribute(
    attributes: &Attributes,
    name: &str,
) -> Result<Option<(f64, Precision)>, String> {
    let Some((_, value)) = attributes.iter().find(|(key, _)| key == name) else {
        return Ok(None);
    };
    let precision = match value {
        AttributeValue::I8(_)
        | AttributeValue::U8(_)
        | AttributeValue::I16(_)
        | AttributeValue::U16(_) => Precision::Small,
        AttributeValue::F32(_) => Precision::Single,
        AttributeValue::F64(_) => Precision::Double,
        AttributeValue::Text(text) => {
            return match text.trim().parse::<f64>() {
                Ok(value) => Ok(Some((value, Precision::Double))),
                Err(_) => Err(format!("{name} is {text:?}, not a number")),
            };
        }
        AttributeValue::Texts(_) => return Err(format!("{name} is text, not a number")),
        _ => Precision::Large,
    };
    match attributes::numbers(value).as_deref() {
        Some([number]) => Ok(Some((number.as_f64(), precision))),
        Some(several) => Err(format!(
            "{name} has {} values where one is expected",
            several.len()
        )),
        None => Err(format!("{name} is text, not a number")),
    }
}
