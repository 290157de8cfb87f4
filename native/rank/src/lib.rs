//! Linear multi-head scoring with author diversity.
//!
//! Heads without an activation are folded into one weight a feature when a ranker is made, and summed in f64:
//! such a score is one dot product, and decomposes exactly into what each feature contributed.

#![deny(unsafe_code)]

mod error;
mod explain;
mod kernel;
mod linear;
mod slate;

pub use error::Error;
pub use explain::Explanation;
pub use linear::Linear;
pub use slate::{Diversity, Slate};

type Map<K, V> = rustc_hash::FxHashMap<K, V>;
