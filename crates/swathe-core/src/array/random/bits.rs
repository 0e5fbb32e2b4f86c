//! Where random bits come from.

use super::pcg64::Pcg64;

/// A source of random bits.
pub trait Bits {
    /// 64 bits.
    fn bits(&mut self) -> u64;
    /// 32 bits.
    fn half_bits(&mut self) -> u32;
    /// What comes now is for the next number; whether bits left of the last one serve it too.
    #[inline(always)]
    fn next_number(&mut self) -> bool {
        true
    }
    /// Fills a buffer with numbers.
    #[inline(always)]
    fn fill(&mut self, out: &mut [f64], one: impl Fn(&mut Self) -> f64)
    where
        Self: Sized,
    {
        for place in out {
            *place = one(self);
        }
    }
    /// Uniform in [0, 1), a multiple of 2^-53.
    #[inline(always)]
    fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }
}

impl Bits for Pcg64 {
    #[inline(always)]
    fn bits(&mut self) -> u64 {
        Pcg64::bits(self)
    }

    #[inline]
    fn half_bits(&mut self) -> u32 {
        Pcg64::half_bits(self)
    }
}

/// Bits by place: those of a number are a pure function of key and place, whatever is drawn at others and in
/// which order.
///
/// The first 64 are SplitMix64's (Steele, Lea and Flood, 2014) after as many steps as the place says; what a
/// few places need besides comes from a generator of the same kind, seeded by them.
#[derive(Debug, Clone)]
pub struct Places {
    next: u64,
    state: u64,
    is_first: bool,
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Places {
    /// Those of this place and the ones after it.
    pub fn new(key: u64, place: u64) -> Self {
        Places {
            next: key.wrapping_add(place.wrapping_mul(STEP)),
            state: 0,
            is_first: true,
        }
    }
}

impl Bits for Places {
    #[inline(always)]
    fn bits(&mut self) -> u64 {
        if !self.is_first {
            // The places' own states are a multiple of STEP apart: these must not be.
            self.state = mixed(self.state ^ 0x6a09_e667_f3bc_c909).wrapping_add(STEP);
        }
        self.is_first = false;
        mixed(self.state)
    }

    #[inline]
    fn half_bits(&mut self) -> u32 {
        self.bits() as u32
    }

    #[inline(always)]
    fn fill(&mut self, out: &mut [f64], one: impl Fn(&mut Self) -> f64) {
        let mut next = self.next;
        for place in out {
            // One of its own for each: the rare calls that take it keep nothing of the loop in memory.
            let mut own = Places {
                next,
                state: next,
                is_first: true,
            };
            next = next.wrapping_add(STEP);
            *place = one(&mut own);
        }
        self.next = next;
    }

    #[inline(always)]
    fn next_number(&mut self) -> bool {
        self.state = self.next;
        self.next = self.next.wrapping_add(STEP);
        self.is_first = true;
        false
    }
}

/// The finalizer of SplitMix64.
#[inline(always)]
fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
