//! Ids as two words: eight-byte alignment keeps the records that hold them a quarter smaller than `u128` would.

use crate::words;

/// A 128-bit id; its order is the order of its big-endian bytes, which for a `UUIDv7` is the order of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    high: u64,
    low: u64,
}

impl Id {
    /// Its two words, most significant first.
    #[must_use]
    pub fn words(self) -> [u64; 2] {
        [self.high, self.low]
    }
}

impl From<u128> for Id {
    fn from(id: u128) -> Self {
        let [high, low] = words(id);
        Self { high, low }
    }
}

impl From<Id> for u128 {
    fn from(id: Id) -> Self {
        (Self::from(id.high) << 64) | Self::from(id.low)
    }
}
