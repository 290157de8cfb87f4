//! One person's view of the others.

use std::collections::BTreeSet;

use crate::edge::Kind;
use crate::lists::{Listing, Order};
use crate::relations::bit;
use crate::{Id, Map};

/// Everything that one lookup must find about a person: one map for all relations, ordered lists beside it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Person {
    links: Map<Id, u16>,
    lists: [Order; Listing::COUNT],
    hidden: BTreeSet<Id>,
}

impl Person {
    pub fn link(&self, other: Id) -> u16 {
        self.links.get(&other).copied().unwrap_or(0)
    }

    pub fn links(&self) -> impl Iterator<Item = (Id, u16)> {
        self.links.iter().map(|(&other, &bits)| (other, bits))
    }

    pub fn list(&self, listing: Listing) -> &Order {
        &self.lists[listing as usize]
    }

    /// Ids blocked either way, ascending.
    pub fn hidden(&self) -> &BTreeSet<Id> {
        &self.hidden
    }

    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// Adds one end of an edge: its bit, and its place in the list that shows it.
    pub fn attach(&mut self, other: Id, end: End, at_ms: i64) {
        let bits = self.links.entry(other).or_insert(0);
        *bits |= end.bit;
        if *bits & bit::HIDES != 0 {
            self.hidden.insert(other);
        }
        if let Some(listing) = end.listing {
            self.lists[listing as usize].insert((at_ms, other));
        }
    }

    /// Takes away what `attach` added.
    pub fn detach(&mut self, other: Id, end: End, at_ms: i64) {
        let bits = self.link(other) & !end.bit;
        if bits == 0 {
            self.links.remove(&other);
        } else {
            self.links.insert(other, bits);
        }
        if bits & bit::HIDES == 0 {
            self.hidden.remove(&other);
        }
        if let Some(listing) = end.listing {
            self.lists[listing as usize].remove(&(at_ms, other));
        }
    }
}

/// How an edge shows at one of its ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub bit: u16,
    pub listing: Option<Listing>,
}

impl Kind {
    /// How an edge of this kind shows at its source and at its target.
    pub(crate) fn ends(self) -> [End; 2] {
        let [source, target] = match self.listings() {
            Some(listings) => listings.map(Some),
            None => [None; 2],
        };
        [End { bit: self.outgoing_bit(), listing: source }, End { bit: self.incoming_bit(), listing: target }]
    }
}
