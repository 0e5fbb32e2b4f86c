//! Seeds: numpy's `SeedSequence` (after Melissa O'Neill's seed_seq alternatives), with a pool of four words.

/// Hashes any amount of entropy into the state of a generator, and has as many independent children as
/// are wanted.
///
/// ```
/// use swathe_core::array::random::SeedSequence;
///
/// let seeds = SeedSequence::from(42_u64);
/// assert_eq!(seeds.state()[0], 0x9f1e_2e6d_cd54_0ab7);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct SeedSequence {
    /// Words of all integers given, each from its lowest.
    entropy: Vec<u32>,
    /// Which child of which child this is.
    key: Vec<u32>,
}

const POOL: usize = 4;
const SHIFT: u32 = 16;
const INIT_A: u32 = 0x43b0_d7e5;
const MULT_A: u32 = 0x931e_8875;
const INIT_B: u32 = 0x8b51_f9dd;
const MULT_B: u32 = 0x58f3_8ded;
const MIX_LEFT: u32 = 0xca01_f9dd;
const MIX_RIGHT: u32 = 0x4973_f715;

impl SeedSequence {
    /// Of these words of entropy: those of one integer from its lowest, or of several, one after another. Zero
    /// is one word.
    pub fn new(entropy: Vec<u32>, key: Vec<u32>) -> Self {
        SeedSequence { entropy, key }
    }

    /// The child of this number.
    pub fn child(&self, number: u32) -> Self {
        let mut key = self.key.clone();
        key.push(number);
        SeedSequence {
            entropy: self.entropy.clone(),
            key,
        }
    }

    /// Four words of state for a generator.
    pub fn state(&self) -> [u64; 4] {
        let pool = self.pool();
        let mut constant = INIT_B;
        let mut word = |i: usize| {
            let mut value = pool[i % POOL] ^ constant;
            constant = constant.wrapping_mul(MULT_B);
            value = value.wrapping_mul(constant);
            u64::from(value ^ (value >> SHIFT))
        };
        std::array::from_fn(|i| word(2 * i) | word(2 * i + 1) << 32)
    }

    fn pool(&self) -> [u32; POOL] {
        let mut entropy = self.entropy.clone();
        if !self.key.is_empty() && entropy.len() < POOL {
            entropy.resize(POOL, 0);
        }
        entropy.extend(&self.key);
        let mut constant = INIT_A;
        let mut hashed = |value: u32| {
            let value = value ^ constant;
            constant = constant.wrapping_mul(MULT_A);
            let value = value.wrapping_mul(constant);
            value ^ (value >> SHIFT)
        };
        let mixed = |x: u32, y: u32| {
            let result = MIX_LEFT
                .wrapping_mul(x)
                .wrapping_sub(MIX_RIGHT.wrapping_mul(y));
            result ^ (result >> SHIFT)
        };
        let mut pool: [u32; POOL] =
            std::array::from_fn(|i| hashed(entropy.get(i).copied().unwrap_or(0)));
        for from in 0..POOL {
            for to in 0..POOL {
                if from != to {
                    pool[to] = mixed(pool[to], hashed(pool[from]));
                }
            }
        }
        for &word in entropy.iter().skip(POOL) {
            for mixing in &mut pool {
                *mixing = mixed(*mixing, hashed(word));
            }
        }
        pool
    }
}

impl From<u64> for SeedSequence {
    fn from(seed: u64) -> Self {
        let (low, high) = (seed as u32, (seed >> 32) as u32);
        let entropy = if high == 0 {
            vec![low]
        } else {
            vec![low, high]
        };
        SeedSequence::new(entropy, Vec::new())
    }
}

/// The words of a decimal integer of any size, from its lowest; `None` where it is none.
pub fn words_of_decimal(digits: &str) -> Option<Vec<u32>> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut words: Vec<u32> = vec![0];
    for digit in digits.bytes() {
        let mut carry = u64::from(digit - b'0');
        for word in &mut words {
            carry += u64::from(*word) * 10;
            *word = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            words.push(carry as u32);
        }
    }
    Some(words)
}
