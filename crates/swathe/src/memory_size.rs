//! How much memory may be taken, as people write it.

const EXPECTED: &str = "expected a size, as in 512MiB or 4GiB";

/// Reads a size in bytes, as `512MiB`, `4GiB`, `1.5g` or `2000000`: more than nothing.
///
/// # Errors
/// What was expected.
pub fn memory_size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, suffix) = text.split_at(digits.unwrap_or(text.len()));
    let factor = match suffix.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kib" => f64::from(1u32 << 10),
        "m" | "mib" => f64::from(1u32 << 20),
        "g" | "gib" => f64::from(1u32 << 30),
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "t" | "tib" => f64::from(1u32 << 20) * f64::from(1u32 << 20),
        "tb" => 1e12,
        _ => return Err(EXPECTED.into()),
    };
    match number.parse::<f64>() {
        Ok(number) if number * factor >= 1.0 && number * factor < 1e18 => {
            Ok((number * factor) as u64)
        }
        _ => Err(EXPECTED.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::memory_size;

    #[test]
    fn sizes_are_read_with_their_units() {
        for (text, bytes) in [
            ("1", 1),
            ("2000000", 2_000_000),
            (" 512MiB ", 512 << 20),
            ("512 mib", 512 << 20),
            ("1.5g", 3 << 29),
            ("4GiB", 4 << 30),
            ("4GB", 4_000_000_000),
            ("1tib", 1 << 40),
        ] {
            assert_eq!(memory_size(text), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "0",
            "0.5",
            "-1",
            "MiB",
            "1 pound",
            "1e3",
            "nan",
            "2000000TiB",
            "1..2k",
        ] {
            assert!(memory_size(text).is_err(), "{text}");
        }
    }
}
