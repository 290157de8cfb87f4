//! People whom a viewer may want to follow: those followed by people the viewer follows.

use std::cmp::Ordering;
use std::collections::hash_map::Entry;

use crate::adjacency::Adjacency;
use crate::lists::Listing;
use crate::person::Person;
use crate::relations::bit;
use crate::{Id, Map, Set};

/// Somebody at two steps from the viewer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Who.
    pub id: Id,
    /// The sum over the people between of 1 / ln(degree).
    pub score: f64,
    /// How many people lie between.
    pub mutuals: u32,
}

/// How much of a large neighbourhood is looked at, newest edges first.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    /// People between, at most.
    pub max_middles: usize,
    /// Follows of each of them, at most.
    pub max_per_middle: usize,
}

/// Relations under which a person is not suggested.
const KNOWN: u16 = bit::FOLLOWS | bit::REQUESTED | bit::BLOCKS | bit::BLOCKED_BY | bit::MUTES;

impl Adjacency {
    /// The `k` best people at two steps, best first; ties go to more mutuals, then to the smaller id.
    ///
    /// The score is the Adamic–Adar index (Adamic and Adar, "Friends and neighbors on the Web", 2003): the
    /// degree of a person between is the number of edges there, both ways, so that someone who follows
    /// everyone says little.
    #[must_use]
    pub fn candidates(
        &self,
        viewer: Id,
        k: usize,
        now_ms: i64,
        reach: Reach,
        excluded: &Set<Id>,
    ) -> Vec<Candidate> {
        let Some(person) = self.person(viewer) else { return Vec::new() };
        let mut found: Map<Id, Option<Candidate>> = Map::default();
        for &(_, middle) in newest(person, reach.max_middles) {
            let Some(between) = self.person(middle) else { continue };
            if excluded.contains(&middle) {
                continue;
            }
            let weight = weight(between);
            for &(_, id) in newest(between, reach.max_per_middle) {
                let slot = match found.entry(id) {
                    Entry::Occupied(slot) => slot.into_mut(),
                    Entry::Vacant(slot) => {
                        let known = self.without_ended_mute(viewer, id, person.link(id), now_ms) & KNOWN != 0;
                        let wanted = id != viewer && !known && !excluded.contains(&id);
                        slot.insert(wanted.then_some(Candidate { id, score: 0.0, mutuals: 0 }))
                    }
                };
                if let Some(candidate) = slot {
                    candidate.score += weight;
                    candidate.mutuals += 1;
                }
            }
        }
        best(found.into_values().flatten().collect(), k)
    }
}

fn newest(person: &Person, limit: usize) -> impl Iterator<Item = &crate::Row> {
    person.list(Listing::Following).iter().rev().take(limit)
}

/// At least one edge comes in and one goes out of a person between, so the logarithm is positive.
#[allow(clippy::cast_precision_loss)] // degrees are far below 2^52
fn weight(between: &Person) -> f64 {
    let degree = between.list(Listing::Following).len() + between.list(Listing::Followers).len();
    1.0 / (degree as f64).ln()
}

fn best(mut candidates: Vec<Candidate>, k: usize) -> Vec<Candidate> {
    if k < candidates.len() {
        candidates.select_nth_unstable_by(k, better);
        candidates.truncate(k);
    }
    candidates.sort_unstable_by(better);
    candidates
}

fn better(a: &Candidate, b: &Candidate) -> Ordering {
    b.score.total_cmp(&a.score).then(b.mutuals.cmp(&a.mutuals)).then(a.id.cmp(&b.id))
}
