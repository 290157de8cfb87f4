//! Last-writer-wins registers with tombstones.

use std::hash::Hash;

use crate::Map;

/// What is known of a present entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub version: i64,
    pub at_ms: i64,
}

/// What writing an entry changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Something newer is known.
    Stale,
    /// The entry was absent.
    Added,
    /// The entry was present since another moment.
    Moved { from_ms: i64 },
    /// Only the version grew.
    Confirmed,
}

/// Present entries, and the versions at which absent ones were removed.
#[derive(Clone, Debug)]
pub(crate) struct Ledger<K> {
    present: Map<K, Entry>,
    removed: Map<K, i64>,
}

impl<K> Default for Ledger<K> {
    fn default() -> Self {
        Self { present: Map::default(), removed: Map::default() }
    }
}

impl<K: Copy + Eq + Hash> Ledger<K> {
    /// Writes a presence. At equal versions a removal wins, then the later `at_ms`, so order does not matter.
    pub fn put(&mut self, key: K, at_ms: i64, version: i64) -> Change {
        if self.removed.get(&key).is_some_and(|&removed| removed >= version) {
            return Change::Stale;
        }
        let entry = Entry { version, at_ms };
        let Some(known) = self.present.get_mut(&key) else {
            self.removed.remove(&key);
            self.present.insert(key, entry);
            return Change::Added;
        };
        if (known.version, known.at_ms) >= (version, at_ms) {
            return Change::Stale;
        }
        let from_ms = std::mem::replace(known, entry).at_ms;
        if from_ms == at_ms { Change::Confirmed } else { Change::Moved { from_ms } }
    }

    /// Writes an absence, also of what was never seen: its creation may still be on the way.
    /// Returns the entry that it ended.
    pub fn remove(&mut self, key: K, version: i64) -> Option<Entry> {
        if self.present.get(&key).is_some_and(|known| known.version > version) {
            return None;
        }
        let removed = self.removed.entry(key).or_insert(version);
        *removed = version.max(*removed);
        self.present.remove(&key)
    }

    pub fn get(&self, key: &K) -> Option<Entry> {
        self.present.get(key).copied()
    }

    pub fn contains(&self, key: &K) -> bool {
        self.present.contains_key(key)
    }

    pub fn len(&self) -> usize {
        self.present.len()
    }

    pub fn tombstones(&self) -> usize {
        self.removed.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &Entry)> {
        self.present.iter()
    }

    /// Forgets removals older than a version, and returns how many.
    pub fn prune(&mut self, before_version: i64) -> usize {
        let tombstones = self.removed.len();
        self.removed.retain(|_, version| *version >= before_version);
        self.removed.shrink_to(self.removed.len() * 2);
        tombstones - self.removed.len()
    }
}
