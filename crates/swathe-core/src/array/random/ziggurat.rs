//! Normal and exponential numbers by the ziggurat method (Marsaglia and Tsang, 2000), bit for bit as numpy
//! draws them from the same bits.
//!
//! The tables come from their formulas (`data/make_ziggurat.py`). The method, the order in which bits are used
//! and the area of a strip are those of numpy, (c) NumPy Developers, BSD-3-Clause.

use super::bits::Bits;

const STRIPS: usize = 256;

/// Where the tail of the normal distribution begins.
const NORMAL_TAIL: f64 = 3.654_152_885_361_009;
const NORMAL_TAIL_INVERSE: f64 = 0.273_661_237_329_758_3;
/// Where that of the exponential distribution begins.
const EXPONENTIAL_TAIL: f64 = 7.697_117_470_131_05;

/// Strips of a density from its top: for each the limit below which a draw lies inside for sure, and what it
/// is multiplied with.
struct Ziggurat {
    strips: [(u64, f64); STRIPS],
    heights: [f64; STRIPS],
}

static STORED: &[u8; 2 * 3 * 8 * STRIPS] = include_bytes!("../../../data/ziggurat.bin");
static NORMAL: Ziggurat = stored(0);
static EXPONENTIAL: Ziggurat = stored(3 * 8 * STRIPS);

const fn word(at: usize) -> u64 {
    let (mut word, mut i) = (0, 8);
    while i > 0 {
        i -= 1;
        word = word << 8 | STORED[at + i] as u64;
    }
    word
}

const fn stored(from: usize) -> Ziggurat {
    let mut table = Ziggurat {
        strips: [(0, 0.0); STRIPS],
        heights: [0.0; STRIPS],
    };
    let mut i = 0;
    while i < STRIPS {
        table.strips[i] = (word(from + 16 * i), f64::from_bits(word(from + 16 * i + 8)));
        table.heights[i] = f64::from_bits(word(from + 16 * STRIPS + 8 * i));
        i += 1;
    }
    table
}

impl Ziggurat {
    /// Whether a point at a random height in a strip's rim lies under the density.
    fn is_under(&self, strip: usize, random: f64, density: f64) -> bool {
        let (above, below) = (self.heights[strip - 1], self.heights[strip]);
        (above - below) * random + below < density
    }
}

/// One number of the standard normal distribution.
#[inline(always)]
pub fn normal(bits: &mut impl Bits) -> f64 {
    let drawn = bits.bits();
    let (limit, width) = NORMAL.strips[(drawn & 0xff) as usize];
    let distance = (drawn >> 9) & 0x000f_ffff_ffff_ffff;
    let x = distance as i64 as f64 * width;
    let x = f64::from_bits(x.to_bits() ^ (drawn >> 8) << 63);
    if distance < limit {
        return x;
    }
    rare_normal(bits, drawn, x)
}

/// What a hundredth of the draws come to: the tail, the rim of a strip, or another draw.
#[cold]
fn rare_normal(bits: &mut impl Bits, drawn: u64, x: f64) -> f64 {
    let strip = (drawn & 0xff) as usize;
    if strip != 0 {
        return match NORMAL.is_under(strip, bits.unit(), (-0.5 * x * x).exp()) {
            true => x,
            false => normal(bits),
        };
    }
    loop {
        let beyond = -NORMAL_TAIL_INVERSE * (-bits.unit()).ln_1p();
        let height = -(-bits.unit()).ln_1p();
        if height + height > beyond * beyond {
            let x = NORMAL_TAIL + beyond;
            return if drawn >> 17 & 1 == 1 { -x } else { x };
        }
    }
}

/// One number of the exponential distribution of mean 1.
#[inline(always)]
pub fn exponential(bits: &mut impl Bits) -> f64 {
    let drawn = bits.bits() >> 3;
    let (limit, width) = EXPONENTIAL.strips[(drawn & 0xff) as usize];
    let x = (drawn >> 8) as i64 as f64 * width;
    if drawn >> 8 < limit {
        return x;
    }
    rare_exponential(bits, (drawn & 0xff) as usize, x)
}

#[cold]
fn rare_exponential(bits: &mut impl Bits, strip: usize, x: f64) -> f64 {
    if strip == 0 {
        return EXPONENTIAL_TAIL - (-bits.unit()).ln_1p();
    }
    match EXPONENTIAL.is_under(strip, bits.unit(), (-x).exp()) {
        true => x,
        false => exponential(bits),
    }
}
