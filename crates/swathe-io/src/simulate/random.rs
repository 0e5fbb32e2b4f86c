//! Random numbers by counter: the number at a place is a pure function of key and place, whatever else
//! is drawn and in which order.

/// Draws that belong together; places are `u64` counters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream {
    key: u64,
}

impl Stream {
    /// The stream of a seed.
    pub(super) fn new(seed: u64) -> Stream {
        Stream {
            key: mix(seed ^ 0x9E37_79B9_7F4A_7C15),
        }
    }

    /// An independent stream under this one.
    pub(super) fn child(self, label: u64) -> Stream {
        Stream {
            key: self.bits(label),
        }
    }

    /// 64 random bits.
    #[inline]
    pub(super) fn bits(self, place: u64) -> u64 {
        mix(self
            .key
            .wrapping_add(place.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }

    /// Uniform in [-1, 1).
    #[inline]
    pub(super) fn signed(self, place: u64) -> f32 {
        // Bits are taken as they are: 24 of them are exact in f32.
        (self.bits(place) >> 40) as f32 * (1.0 / 8_388_608.0) - 1.0
    }

    /// Mean 0, standard deviation 1, within 3.5: the sum of four uniform numbers (nearly normal).
    #[inline]
    pub(super) fn normal(self, place: u64) -> f64 {
        let bits = self.bits(place);
        let sum = (0..4).map(|i| (bits >> (16 * i)) & 0xFFFF).sum::<u64>();
        // Each is (k + 1/2) / 2^16: mean 1/2, variance 1/12; four of them: standard deviation 3^-1/2.
        ((sum as f64 + 2.0) * (1.0 / 65_536.0) - 2.0) * 3f64.sqrt()
    }
}

/// Mean of `exp(sigma * Stream::normal)`: what a lognormal factor is divided by to have mean 1.
pub(super) fn mean_of_exponential(sigma: f64) -> f64 {
    // Moment generating function of a uniform number on [-1/2, 1/2], to the fourth power.
    let half = sigma * 3f64.sqrt() / 2.0;
    let one = if half == 0.0 {
        1.0
    } else {
        libm::sinh(half) / half
    };
    one * one * one * one
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
#[inline]
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_promised() {
        let stream = Stream::new(7).child(3);
        let n = 400_000;
        let draws: Vec<f64> = (0..n).map(|i| stream.normal(i)).collect();
        let mean = draws.iter().sum::<f64>() / n as f64;
        let variance = draws.iter().map(|x| x * x).sum::<f64>() / n as f64;
        let factor = draws.iter().map(|x| (0.3 * x).exp()).sum::<f64>() / n as f64;
        // Three standard errors: 3 / sqrt(n) = 0.005.
        assert!(mean.abs() < 0.005 && (variance - 1.0).abs() < 0.007);
        assert!((factor / mean_of_exponential(0.3) - 1.0).abs() < 0.002);
        let signed = (0..n).map(|i| f64::from(stream.signed(i))).sum::<f64>() / n as f64;
        assert!(signed.abs() < 0.004);
    }

    #[test]
    fn neighbouring_seeds_and_labels_differ() {
        let mut seen = std::collections::HashSet::new();
        for seed in 0..50 {
            for label in 0..50 {
                assert!(seen.insert(Stream::new(seed).child(label).bits(0)));
            }
        }
    }
}
