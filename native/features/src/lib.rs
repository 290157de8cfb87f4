//! Rows of decaying float32 features by id.
//!
//! A row is one packed value, here and in the stores behind. Counters that fade are decayed when they are read:
//! writing is one addition, and no task walks the table.

#![forbid(unsafe_code)]

mod error;
mod packed;
mod schema;
mod snapshot;
mod table;

pub use error::Error;
pub use schema::Schema;
pub use table::{Increment, Rows, Table};

type Map<K, V> = rustc_hash::FxHashMap<K, V>;
