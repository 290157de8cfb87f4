//! Ids, and one order-independent hash for the contents of every projection.
//!
//! A projection is rebuilt beside the living one and their hashes are compared, so the hash must not depend
//! on the order in which records arrived. Each record is hashed to 128 bits by itself and the hashes are added.

#![forbid(unsafe_code)]

mod id;

pub use id::Id;

/// Seeds of the two 64-bit halves: the fractional bits of the square roots of 2 and 3.
const SEEDS: [u64; 2] = [0x6A09_E667_F3BC_C908, 0xBB67_AE85_84CA_A73B];

/// A sum of record hashes: equal multisets of records give equal sums, whatever their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContentHash(u128);

impl ContentHash {
    /// Adds one record, given as 64-bit words. Records of one projection all have the same number of words.
    pub fn add(&mut self, words: &[u64]) {
        let [high, low] = SEEDS.map(|seed| fold(seed, words));
        self.0 = self.0.wrapping_add((u128::from(high) << 64) | u128::from(low));
    }

    /// The 16 bytes of the sum, most significant first.
    #[must_use]
    pub fn bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

/// The two words of an id, most significant first.
#[must_use]
#[allow(clippy::cast_possible_truncation)] // cutting is what it does
pub const fn words(id: u128) -> [u64; 2] {
    [(id >> 64) as u64, id as u64]
}

fn fold(seed: u64, words: &[u64]) -> u64 {
    words.iter().fold(seed, |state, word| mix(state ^ word))
}

/// The output function of `SplitMix64` (Steele, Lea, Flood 2014), which is a bijection.
const fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(records: &[[u64; 2]]) -> ContentHash {
        let mut hash = ContentHash::default();
        for record in records {
            hash.add(record);
        }
        hash
    }

    #[test]
    fn order_does_not_matter() {
        assert_eq!(sum(&[[1, 2], [3, 4]]), sum(&[[3, 4], [1, 2]]));
    }

    #[test]
    fn word_order_repetition_and_absence_matter() {
        let all = [sum(&[]), sum(&[[1, 2]]), sum(&[[2, 1]]), sum(&[[1, 2], [1, 2]]), sum(&[[0, 0]])];
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b));
        }
    }

    #[test]
    fn an_id_is_cut_into_its_halves() {
        assert_eq!(words((7 << 64) | 9), [7, 9]);
    }
}
