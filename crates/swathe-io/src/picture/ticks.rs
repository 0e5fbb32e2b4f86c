//! Round numbers along an axis, and how numbers, degrees and units are written.

use super::scale::{Scale, Steps};

/// A mark on the colour bar.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    /// Empty for a small mark between two with numbers.
    pub(super) label: String,
}

/// Marks for the colour bar: about `wanted` numbers, in units of the scale's [`power`].
pub(super) fn ticks(scale: &Scale, wanted: usize) -> Vec<Tick> {
    match scale.steps {
        Steps::Linear => linear(scale.low, scale.high, wanted),
        Steps::Log => logarithmic(scale.low, scale.high, wanted),
    }
}

/// The power of ten that a linear scale's numbers are written in: 0 unless they would be long.
pub(super) fn power(scale: &Scale) -> i32 {
    match scale.steps {
        Steps::Linear => power_of(scale.low, scale.high),
        Steps::Log => 0,
    }
}

fn power_of(low: f64, high: f64) -> i32 {
    let largest = low.abs().max(high.abs());
    if (0.01..99_999.5).contains(&largest) {
        return 0;
    }
    (largest * (1.0 + 1e-9)).log10().floor() as i32
}

/// `10⁻⁵`.
pub(super) fn power_text(power: i32) -> String {
    let exponent: String = power.to_string().chars().map(raised).collect();
    format!("10{exponent}")
}

fn linear(low: f64, high: f64, wanted: usize) -> Vec<Tick> {
    let unit = 10f64.powi(power_of(low, high));
    let step = round_step((high - low) / wanted.max(1) as f64);
    let (first, last) = (
        (low / step - 1e-6).ceil() as i64,
        (high / step + 1e-6).floor() as i64,
    );
    let values: Vec<f64> = (first..=last).map(|i| i as f64 * step).collect();
    let decimals = decimals(step / unit);
    let labels = values.iter().map(|v| {
        // No minus before zero.
        let v = if *v == 0.0 { 0.0 } else { v / unit };
        signed(format!("{v:.decimals$}"))
    });
    let labels: Vec<String> = labels.collect();
    let labelled = values.into_iter().zip(labels);
    labelled
        .map(|(value, label)| Tick { value, label })
        .collect()
}

/// The smallest of 1, 2, 2.5, 5 times a power of ten that is not less.
pub(super) fn round_step(least: f64) -> f64 {
    let power = 10f64.powi(least.log10().floor() as i32);
    let factor = [1.0, 2.0, 2.5, 5.0]
        .into_iter()
        .find(|f| f * power >= least * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

/// Numbers at 1, 2, 5 of each decade, or 1 and 3, or 1, or every nth power of ten, as many as have
/// room; marks at the other whole multiples while the decades are few. Within a fraction of a
/// decade, as on a linear scale.
fn logarithmic(low: f64, high: f64, wanted: usize) -> Vec<Tick> {
    let inside = |v: f64| v >= low * (1.0 - 1e-6) && v <= high * (1.0 + 1e-6);
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let at = |multiples: &[u32], every: i32| -> Vec<f64> {
        let powers = (first..=last).filter(|p| p.rem_euclid(every) == 0);
        let values = powers.flat_map(|p| {
            // Divided rather than multiplied below one: 3/1000 is the double 0.003.
            let scaled = move |m: u32| match p {
                0.. => f64::from(m) * 10f64.powi(p),
                _ => f64::from(m) / 10f64.powi(-p),
            };
            multiples
                .iter()
                .map(move |m| scaled(*m))
                .collect::<Vec<f64>>()
        });
        values.filter(|v| inside(*v)).collect()
    };
    let most = (wanted + wanted / 2).max(3);
    let forms: [(&[u32], i32); 6] = [
        (&[1, 2, 5], 1),
        (&[1, 3], 1),
        (&[1], 1),
        (&[1], 2),
        (&[1], 5),
        (&[1], 10),
    ];
    let labelled = forms
        .iter()
        .map(|(multiples, every)| at(multiples, *every))
        .find(|values| values.len() <= most)
        .unwrap_or_default();
    if labelled.len() < 3 {
        return linear(low, high, wanted);
    }
    let mut ticks: Vec<Tick> = labelled
        .iter()
        .map(|&value| Tick {
            value,
            label: number(value),
        })
        .collect();
    if last - first <= 8 {
        let others = at(&[1, 2, 3, 4, 5, 6, 7, 8, 9], 1);
        ticks.extend(
            others
                .into_iter()
                .filter(|v| !labelled.contains(v))
                .map(|value| Tick {
                    value,
                    label: String::new(),
                }),
        );
    }
    ticks
}

/// Decimals that a step of few digits needs.
pub(super) fn decimals(step: f64) -> usize {
    (0..9)
        .find(|&d| {
            let scaled = step * 10f64.powi(d as i32);
            (scaled - scaled.round()).abs() < 1e-6 * scaled.max(1.0)
        })
        .unwrap_or(9)
}

/// A number of few digits: `0.05`, `200`, `3×10⁻⁵`.
fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || (1e-3 * (1.0 - 1e-9)..1e6).contains(&size) {
        // Shortest text of the number rounded to six digits.
        let digits = (6 - size.max(1e-9).log10().floor() as i32).clamp(0, 12) as usize;
        let text = format!("{value:.digits$}");
        let short = match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        };
        return signed(short);
    }
    let mut power = size.log10().floor() as i32;
    let mut factor = value / 10f64.powi(power);
    if factor.abs() >= 10.0 - 1e-9 {
        factor /= 10.0;
        power += 1;
    }
    let factor = number(factor);
    if factor == "1" {
        power_text(power)
    } else {
        format!("{factor}×{}", power_text(power))
    }
}

fn signed(text: String) -> String {
    text.replace('-', "\u{2212}")
}

fn raised(c: char) -> char {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    match (c, c.to_digit(10)) {
        ('-', _) => '⁻',
        (_, Some(digit)) => DIGITS[digit as usize],
        _ => c,
    }
}

/// Steps of a graticule, degrees.
const DEGREES: [f64; 17] = [
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0,
    60.0,
];

/// The smallest round step of degrees that will do.
pub(super) fn degree_step(will_do: impl Fn(f64) -> bool) -> f64 {
    let found = DEGREES.into_iter().find(|step| will_do(*step));
    found.unwrap_or(90.0)
}

/// `75°W`, `0°`, `180°`, `12.5°E`.
pub(super) fn longitude(lon: f64, step: f64) -> String {
    let lon = lon - 360.0 * (lon / 360.0).round();
    let sign = if lon.abs() < 1e-9 || (lon.abs() - 180.0).abs() < 1e-9 {
        ""
    } else if lon > 0.0 {
        "E"
    } else {
        "W"
    };
    format!("{:.*}°{sign}", decimals(step), lon.abs())
}

/// `38°N`, `0°`, `12.5°S`.
pub(super) fn latitude(lat: f64, step: f64) -> String {
    let sign = if lat.abs() < 1e-9 {
        ""
    } else if lat > 0.0 {
        "N"
    } else {
        "S"
    };
    format!("{:.*}°{sign}", decimals(step), lat.abs())
}

/// Units as people write them: `mg m^-3` becomes `mg m⁻³`, `celsius` `°C`; nothing for pure numbers.
pub(super) fn units(text: &str) -> String {
    let text = text.trim();
    match text.to_lowercase().as_str() {
        "" | "1" | "none" | "unitless" | "dimensionless" | "n/a" | "-" => return String::new(),
        "celsius" | "degree_c" | "degrees_c" | "degree_celsius" | "degrees_celsius" | "deg_c"
        | "degc" | "degree c" | "degrees c" => return "°C".into(),
        "kelvin" | "degk" => return "K".into(),
        "degrees" | "degree" | "degrees_north" | "degrees_east" => return "°".into(),
        "percent" => return "%".into(),
        _ => {}
    }
    let words: Vec<String> = text.split_whitespace().map(unit).collect();
    words.join(" ")
}

/// One word of units, its exponent raised: `m^-3`, `m-3`, `m**2`, `m2`.
fn unit(word: &str) -> String {
    let word = word.replace("**", "^");
    let end = word
        .find(|c: char| c == '^' || c == '-' || c.is_ascii_digit())
        .unwrap_or(word.len());
    let (base, exponent) = word.split_at(end);
    let marked = exponent.starts_with(['^', '-']);
    let digits = exponent.trim_start_matches('^');
    let is_number = !digits.is_empty() && digits.parse::<i32>().is_ok();
    let base = match base {
        "um" | "micron" | "microns" => "µm",
        _ => base,
    };
    // A bare digit is an exponent after a unit of length or time, and else part of a name: CO2.
    let raises = marked || matches!(base, "m" | "cm" | "km" | "mm" | "s" | "nm" | "µm");
    if is_number && raises && !base.is_empty() {
        let exponent: String = digits.chars().map(raised).collect();
        format!("{base}{exponent}")
    } else if base == "µm" {
        format!("{base}{exponent}")
    } else {
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::scale::Limits;

    fn labels(low: f64, high: f64, steps: Steps) -> Vec<String> {
        let scale = Scale::new(&[], steps, Limits::Given(low, high));
        let ticks = ticks(&scale, 6);
        ticks
            .into_iter()
            .map(|t| t.label)
            .filter(|l| !l.is_empty())
            .collect()
    }

    #[test]
    fn linear_marks_are_round() {
        let of = |low, high| labels(low, high, Steps::Linear);
        assert_eq!(of(0.0, 1.0), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(of(-3.0, 3.0), ["−3", "−2", "−1", "0", "1", "2", "3"]);
        assert_eq!(of(271.3, 289.9), ["275", "280", "285"]);
        assert_eq!(
            of(0.0, 3e-5),
            ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5", "3.0"]
        );
        assert_eq!(power_of(0.0, 3e-5), -5);
        assert_eq!(of(2.2e15, 4.1e15), ["2.5", "3.0", "3.5", "4.0"]);
        assert_eq!(power_text(power_of(2.2e15, 4.1e15)), "10¹⁵");
        assert_eq!(power_of(0.0, 1e5), 5);
        assert_eq!(power_of(0.0, 20_000.0), 0);
    }

    #[test]
    fn logarithmic_marks_are_one_two_five() {
        let of = |low, high| labels(low, high, Steps::Log);
        assert_eq!(of(0.1, 10.0), ["0.1", "0.2", "0.5", "1", "2", "5", "10"]);
        assert_eq!(
            of(0.01, 20.0),
            ["0.01", "0.03", "0.1", "0.3", "1", "3", "10"]
        );
        assert_eq!(of(1e-5, 1.0), ["10⁻⁵", "10⁻⁴", "0.001", "0.01", "0.1", "1"]);
        assert_eq!(of(1.2, 1.9), ["1.2", "1.4", "1.6", "1.8"]);
    }

    #[test]
    fn logarithmic_marks_include_small_ones() {
        let scale = Scale::new(&[], Steps::Log, Limits::Given(0.1, 1.0));
        assert_eq!(ticks(&scale, 5).len(), 10);
    }

    #[test]
    fn degrees_have_sides() {
        assert_eq!(longitude(-75.0, 1.0), "75°W");
        assert_eq!(longitude(185.0, 5.0), "175°W");
        assert_eq!(longitude(-180.0, 30.0), "180°");
        assert_eq!(longitude(360.0, 30.0), "0°");
        assert_eq!(longitude(12.5, 0.5), "12.5°E");
        assert_eq!(latitude(-12.0, 2.0), "12°S");
        assert_eq!(latitude(0.0, 30.0), "0°");
        assert_eq!(degree_step(|step| step > 0.7), 1.0);
        assert_eq!(degree_step(|step| step > 70.0), 90.0);
    }

    #[test]
    fn units_are_raised() {
        for (given, shown) in [
            ("mg m^-3", "mg m⁻³"),
            ("mg/m^3", "mg/m³"),
            ("m s-1", "m s⁻¹"),
            ("sr^-1", "sr⁻¹"),
            ("W m-2 um-1 sr-1", "W m⁻² µm⁻¹ sr⁻¹"),
            ("kelvin", "K"),
            ("degree_C", "°C"),
            ("1", ""),
            ("mol CO2 m2", "mol CO2 m²"),
        ] {
            assert_eq!(units(given), shown);
        }
    }
}
