//! Posting lists of authors and their merge into timelines.
//!
//! A timeline is pulled, not pushed: the newest posts of the people whom a viewer follows, merged at read.
//! Posts have ids ordered by time (`UUIDv7`), so lists are kept in the order of ids and no clock is asked.

#![forbid(unsafe_code)]

mod latest;
mod list;
mod lists;
mod merge;

pub use lists::{PostingLists, Sizes};

/// A post as a list holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Post {
    /// Its id.
    pub id: u128,
    /// Who wrote it.
    pub author: u128,
    /// Flags of the caller's own making.
    pub meta: u32,
}

/// Which posts count: those whose flags under `mask` are `value`. The default lets every post pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The flags that are looked at.
    pub mask: u32,
    /// What they must be.
    pub value: u32,
}

impl Filter {
    fn passes(self, meta: u32) -> bool {
        meta & self.mask == self.value
    }
}

type Map<K, V> = rustc_hash::FxHashMap<K, V>;
