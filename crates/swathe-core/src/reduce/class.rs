//! Classes, as CF's `flag_values` and `flag_masks` tell them.

/// A class: the whole numbers whose bits under a mask are these. Negative numbers are taken in two's complement.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Class {
    /// Bits that are looked at.
    pub mask: u32,
    /// What they are.
    pub value: u32,
}

impl Class {
    /// Every whole number.
    pub const ANY: Class = Class { mask: 0, value: 0 };

    /// One number.
    pub fn of_value(value: i64) -> Self {
        Class {
            mask: u32::MAX,
            value: value as u32,
        }
    }

    /// The numbers that have all bits of a mask.
    pub fn of_mask(mask: u32) -> Self {
        Class { mask, value: mask }
    }

    /// Whether a value is of the class.
    pub fn holds(&self, value: f64) -> bool {
        let whole = value as i64;
        whole as f64 == value && whole as u32 & self.mask == self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_masks() {
        assert!(Class::of_value(-1).holds(-1.0) && !Class::of_value(-1).holds(1.0));
        assert!(Class::of_value(3).holds(3.0) && !Class::of_value(3).holds(3.5));
        assert!(Class::of_mask(4).holds(6.0) && !Class::of_mask(4).holds(3.0));
        // The sign bit of l2_flags.
        let sign = Class::of_mask(1 << 31);
        assert!(sign.holds(f64::from(i32::MIN)) && sign.holds(2_147_483_648.0));
        assert!(Class::ANY.holds(7.0) && !Class::ANY.holds(7.5));
    }
}
