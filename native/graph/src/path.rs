//! The shortest chain of follows between two people.

use crate::adjacency::Adjacency;
use crate::lists::Listing;
use crate::{Id, Map, Set};

/// How far a search may go.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// The longest path that counts, in edges.
    pub max_depth: usize,
    /// People that may be looked at before the search gives up.
    pub max_visited: usize,
}

/// One side of the search: where it stands, and how each person was reached.
struct Side {
    listing: Listing,
    frontier: Vec<Id>,
    parents: Map<Id, Id>,
}

enum Step {
    Met(Id),
    Open,
    Exhausted,
}

impl Side {
    fn new(start: Id, listing: Listing) -> Self {
        Self { listing, frontier: vec![start], parents: Map::from_iter([(start, start)]) }
    }

    /// The edges that the next step would look at.
    fn cost(&self, graph: &Adjacency) -> usize {
        let degree = |id: &Id| graph.person(*id).map_or(0, |person| person.list(self.listing).len());
        self.frontier.iter().map(degree).sum()
    }

    /// The chain from a person back to where this side started, that person included.
    fn chain(&self, from: Id) -> Vec<Id> {
        let mut chain = vec![from];
        let mut at = from;
        while self.parents[&at] != at {
            at = self.parents[&at];
            chain.push(at);
        }
        chain
    }

    /// Takes one step along every edge of the frontier. Both sides have walked whole levels, so the first
    /// person found on the other side lies on a shortest path.
    fn step(&mut self, graph: &Adjacency, other: &Self, excluded: &Set<Id>, budget: &mut usize) -> Step {
        let mut next = Vec::new();
        for &person in &self.frontier {
            let Some(record) = graph.person(person) else { continue };
            for &(_, neighbour) in record.list(self.listing).iter().rev() {
                if self.parents.contains_key(&neighbour) || excluded.contains(&neighbour) {
                    continue;
                }
                self.parents.insert(neighbour, person);
                if other.parents.contains_key(&neighbour) {
                    return Step::Met(neighbour);
                }
                if *budget == 0 {
                    return Step::Exhausted;
                }
                *budget -= 1;
                next.push(neighbour);
            }
        }
        self.frontier = next;
        if self.frontier.is_empty() { Step::Exhausted } else { Step::Open }
    }
}

impl Adjacency {
    /// A shortest path of follows from `source` to `target`, both included, that passes nobody excluded.
    /// `None` when there is none within the depth, or when the budget of the search ran out.
    ///
    /// Two breadth-first searches meet in the middle; the cheaper side steps.
    #[must_use]
    pub fn path(&self, source: Id, target: Id, search: Search, excluded: &Set<Id>) -> Option<Vec<Id>> {
        if excluded.contains(&source) || excluded.contains(&target) {
            return None;
        }
        if source == target {
            return Some(vec![source]);
        }
        let mut forward = Side::new(source, Listing::Following);
        let mut backward = Side::new(target, Listing::Followers);
        let mut budget = search.max_visited;
        for _ in 0..search.max_depth {
            let step = if forward.cost(self) <= backward.cost(self) {
                forward.step(self, &backward, excluded, &mut budget)
            } else {
                backward.step(self, &forward, excluded, &mut budget)
            };
            match step {
                Step::Met(middle) => return Some(join(&forward, &backward, middle)),
                Step::Exhausted => return None,
                Step::Open => {}
            }
        }
        None
    }
}

fn join(forward: &Side, backward: &Side, middle: Id) -> Vec<Id> {
    let mut path = forward.chain(middle);
    path.reverse();
    path.extend(backward.chain(middle).into_iter().skip(1));
    path
}
