//! The generator of numpy's `default_rng`: PCG64 (O'Neill, 2014), XSL-RR output of a 128-bit congruence.

use super::seed::SeedSequence;

/// A stream of random bits.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Pcg64 {
    state: u128,
    increment: u128,
    /// The upper half of a draw whose lower half was taken.
    half: Option<u32>,
}

const MULTIPLIER: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;

impl Pcg64 {
    /// As numpy's `PCG64(seeds)`.
    pub fn new(seeds: &SeedSequence) -> Self {
        let [high, low, increment_high, increment_low] = seeds.state().map(u128::from);
        let increment = ((increment_high << 64 | increment_low) << 1) | 1;
        // A step from zero, the seed, and a step.
        let state = increment.wrapping_add(high << 64 | low);
        Pcg64 {
            state: state.wrapping_mul(MULTIPLIER).wrapping_add(increment),
            increment,
            half: None,
        }
    }

    /// In a state that numpy's `PCG64.state` tells.
    pub fn from_state(state: u128, increment: u128, half: Option<u32>) -> Self {
        Pcg64 {
            state,
            increment,
            half,
        }
    }

    /// State, increment and half a draw, as numpy's `PCG64.state` tells them.
    pub fn state(&self) -> (u128, u128, Option<u32>) {
        (self.state, self.increment, self.half)
    }

    /// 64 bits.
    #[inline(always)]
    pub fn bits(&mut self) -> u64 {
        self.state = self
            .state
            .wrapping_mul(MULTIPLIER)
            .wrapping_add(self.increment);
        let folded = (self.state >> 64) as u64 ^ self.state as u64;
        folded.rotate_right((self.state >> 122) as u32)
    }

    /// 32 bits; two of these take the halves of one draw, the lower first.
    #[inline]
    pub fn half_bits(&mut self) -> u32 {
        if let Some(half) = self.half.take() {
            return half;
        }
        let bits = self.bits();
        self.half = Some((bits >> 32) as u32);
        bits as u32
    }

    /// Uniform in [0, 1), a multiple of 2^-53.
    #[inline(always)]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Skips so many draws of 64 bits (Brown, 1994).
    pub fn advance(&mut self, mut draws: u128) {
        let (mut multiplier, mut plus) = (MULTIPLIER, self.increment);
        while draws > 0 {
            if draws & 1 == 1 {
                self.state = self.state.wrapping_mul(multiplier).wrapping_add(plus);
            }
            plus = plus.wrapping_mul(multiplier.wrapping_add(1));
            multiplier = multiplier.wrapping_mul(multiplier);
            draws >>= 1;
        }
        self.half = None;
    }
}
