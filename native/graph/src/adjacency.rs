//! The adjacency itself: writing edges, and what can be said of all of them.

use nova_hash::ContentHash;

use crate::edge::{Kind, Pair};
use crate::ledger::{Change, Ledger};
use crate::person::Person;
use crate::{Id, Map};

/// The word that marks a private flag in the content hash, where an edge has the code of its kind.
const PRIVATE_RECORD: u64 = 0xFF;

/// Directed edges between people, and who is private.
#[derive(Clone, Debug, Default)]
pub struct Adjacency {
    pub(crate) people: Map<Id, Person>,
    pub(crate) edges: [Ledger<Pair>; 4],
    pub(crate) private: Ledger<Id>,
}

/// How much an adjacency holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// People with at least one edge.
    pub people: usize,
    /// Edges by the code of their kind.
    pub edges: [usize; 4],
    /// People whose account is private.
    pub private: usize,
    /// Remembered removals.
    pub tombstones: usize,
}

impl Adjacency {
    /// Makes an edge; `at_ms` is since when, or until when for a mute (0: for good). Returns whether anything
    /// changed: a replayed or late write changes nothing.
    pub fn put(&mut self, kind: Kind, pair: Pair, at_ms: i64, version: i64) -> bool {
        match self.edges[kind as usize].put(pair, at_ms, version) {
            Change::Stale => return false,
            Change::Confirmed => {}
            Change::Added => self.attach(kind, pair, at_ms),
            Change::Moved { from_ms } => {
                self.detach(kind, pair, from_ms);
                self.attach(kind, pair, at_ms);
            }
        }
        true
    }

    /// Ends an edge and leaves a tombstone. Returns whether the edge was there.
    pub fn remove(&mut self, kind: Kind, pair: Pair, version: i64) -> bool {
        let Some(ended) = self.edges[kind as usize].remove(pair, version) else { return false };
        self.detach(kind, pair, ended.at_ms);
        true
    }

    /// Says whether an account is private, and returns whether that changed anything.
    pub fn set_private(&mut self, user: Id, private: bool, version: i64) -> bool {
        if private {
            matches!(self.private.put(user, 0, version), Change::Added)
        } else {
            self.private.remove(user, version).is_some()
        }
    }

    /// Forgets removals with a version below `before_version`, and returns how many.
    pub fn prune_tombstones(&mut self, before_version: i64) -> usize {
        let of_edges: usize = self.edges.iter_mut().map(|ledger| ledger.prune(before_version)).sum();
        of_edges + self.private.prune(before_version)
    }

    /// Counts of everything held.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        let of_edges: usize = self.edges.iter().map(Ledger::tombstones).sum();
        Sizes {
            people: self.people.len(),
            edges: std::array::from_fn(|kind| self.edges[kind].len()),
            private: self.private.len(),
            tombstones: of_edges + self.private.tombstones(),
        }
    }

    /// A hash of all edges with their times and of all private flags, whatever the order of arrival. Versions
    /// are left out: a copy loaded from the truth may number them otherwise.
    #[must_use]
    pub fn content_hash(&self) -> [u8; 16] {
        let mut hash = ContentHash::default();
        for kind in Kind::ALL {
            for (pair, entry) in self.edges[kind as usize].iter() {
                hash.add(&record(kind as u64, pair.source, pair.target, entry.at_ms));
            }
        }
        for (&user, entry) in self.private.iter() {
            hash.add(&record(PRIVATE_RECORD, user, user, entry.at_ms));
        }
        hash.bytes()
    }

    pub(crate) fn person(&self, id: Id) -> Option<&Person> {
        self.people.get(&id)
    }

    fn attach(&mut self, kind: Kind, Pair { source, target }: Pair, at_ms: i64) {
        let [outgoing, incoming] = kind.ends();
        self.people.entry(source).or_default().attach(target, outgoing, at_ms);
        if incoming.bit != 0 {
            self.people.entry(target).or_default().attach(source, incoming, at_ms);
        }
    }

    fn detach(&mut self, kind: Kind, Pair { source, target }: Pair, at_ms: i64) {
        let [outgoing, incoming] = kind.ends();
        for (owner, other, end) in [(source, target, outgoing), (target, source, incoming)] {
            if let Some(person) = self.people.get_mut(&owner) {
                person.detach(other, end, at_ms);
                if person.is_empty() {
                    self.people.remove(&owner);
                }
            }
        }
    }
}

fn record(tag: u64, source: Id, target: Id, at_ms: i64) -> [u64; 6] {
    let [[a, b], [c, d]] = [source.words(), target.words()];
    [tag, a, b, c, d, u64::from_ne_bytes(at_ms.to_ne_bytes())]
}
