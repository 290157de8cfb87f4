//! Who follows, asks, blocks and mutes whom, in memory.
//!
//! A projection of the ledgers of two rooms, fed by their events. Every edge is a last-writer-wins register
//! (version, then removal over presence), so replayed, late and reordered events end in the same state.

#![forbid(unsafe_code)]

mod adjacency;
mod candidates;
mod edge;
mod ledger;
mod lists;
mod path;
mod person;
mod relations;

pub use adjacency::{Adjacency, Sizes};
pub use candidates::{Candidate, Reach};
pub use edge::{Kind, Pair, SelfEdge};
pub use lists::{Listing, Row};
pub use nova_hash::Id;
pub use path::Search;
pub use relations::bit;

type Map<K, V> = rustc_hash::FxHashMap<K, V>;
type Set<K> = rustc_hash::FxHashSet<K>;
