//! Edges are last-writer-wins registers: whatever order events come in, and however often, the end is the same.

use nova_graph::{Adjacency, Id, Kind, Listing, Pair, bit};
use proptest::prelude::*;

const PEOPLE: u128 = 6;

#[derive(Clone, Copy, Debug)]
enum Event {
    Put(Kind, Pair, i64, i64),
    Remove(Kind, Pair, i64),
    Private(Id, bool, i64),
}

fn apply(graph: &mut Adjacency, event: Event) -> bool {
    match event {
        Event::Put(kind, pair, at_ms, version) => graph.put(kind, pair, at_ms, version),
        Event::Remove(kind, pair, version) => graph.remove(kind, pair, version),
        Event::Private(user, private, version) => graph.set_private(user, private, version),
    }
}

fn built(events: &[Event]) -> Adjacency {
    let mut graph = Adjacency::default();
    for &event in events {
        apply(&mut graph, event);
    }
    graph
}

fn a_pair() -> impl Strategy<Value = Pair> {
    (0..PEOPLE, 1..PEOPLE).prop_map(|(source, step)| {
        Pair::new(source.into(), ((source + step) % PEOPLE).into()).expect("the step is not a whole round")
    })
}

fn an_event() -> impl Strategy<Value = Event> {
    let kind = prop::sample::select(Kind::ALL.to_vec());
    prop_oneof![
        4 => (kind.clone(), a_pair(), 0..5_i64, 0..5_i64)
            .prop_map(|(kind, pair, at_ms, version)| Event::Put(kind, pair, at_ms, version)),
        2 => (kind, a_pair(), 0..5_i64).prop_map(|(kind, pair, version)| Event::Remove(kind, pair, version)),
        1 => (0..PEOPLE, any::<bool>(), 0..5_i64)
            .prop_map(|(user, private, version)| Event::Private(user.into(), private, version)),
    ]
}

fn view(graph: &Adjacency) -> impl PartialEq + std::fmt::Debug + use<> {
    let people: Vec<Id> = (0..PEOPLE).map(Id::from).collect();
    let nobody = std::iter::empty::<Id>().collect();
    let relations: Vec<_> = people.iter().map(|&viewer| graph.relations(viewer, &people, 3)).collect();
    let hidden: Vec<_> = people.iter().map(|&viewer| graph.hidden(viewer)).collect();
    let following: Vec<_> =
        people.iter().map(|&of| graph.page(Listing::Following, of, 99, None, &nobody)).collect();
    let sizes = graph.sizes();
    (relations, hidden, following, sizes.edges, sizes.people, sizes.private, graph.content_hash())
}

proptest! {
    #[test]
    fn order_and_repetition_do_not_matter(
        events in prop::collection::vec(an_event(), 0..40).prop_flat_map(|events| {
            (Just(events.clone()), Just(events).prop_shuffle(), any::<prop::sample::Index>())
        })
    ) {
        let (events, mut shuffled, again) = events;
        if !events.is_empty() {
            shuffled.push(events[again.index(events.len())]);
        }
        prop_assert_eq!(view(&built(&events)), view(&built(&shuffled)));
    }

    #[test]
    fn a_replay_changes_nothing(events in prop::collection::vec(an_event(), 0..40)) {
        let mut graph = built(&events);
        let before = view(&graph);
        for &event in &events {
            prop_assert!(!apply(&mut graph, event));
        }
        prop_assert_eq!(before, view(&graph));
    }

    #[test]
    fn both_ends_tell_the_same(events in prop::collection::vec(an_event(), 0..40)) {
        let graph = built(&events);
        let people: Vec<Id> = (0..PEOPLE).map(Id::from).collect();
        let table: Vec<_> = people.iter().map(|&viewer| graph.relations(viewer, &people, 3)).collect();
        for (a, row) in table.iter().enumerate() {
            for (b, &bits) in row.iter().enumerate() {
                let back = table[b][a];
                for (mine, theirs) in [
                    (bit::FOLLOWS, bit::FOLLOWED_BY),
                    (bit::REQUESTED, bit::REQUESTED_BY),
                    (bit::BLOCKS, bit::BLOCKED_BY),
                ] {
                    prop_assert_eq!(bits & mine != 0, back & theirs != 0);
                }
            }
        }
    }
}

fn pair(source: u128, target: u128) -> Pair {
    Pair::new(source.into(), target.into()).expect("two people")
}

#[test]
fn a_removal_wins_at_its_own_version_and_loses_to_a_later_one() {
    let mut graph = Adjacency::default();
    assert!(!graph.remove(Kind::Follow, pair(1, 2), 5));
    assert!(!graph.put(Kind::Follow, pair(1, 2), 100, 5));
    assert!(graph.put(Kind::Follow, pair(1, 2), 100, 6));
    assert!(graph.remove(Kind::Follow, pair(1, 2), 6));
    assert_eq!(graph.sizes().tombstones, 1);
}

#[test]
fn pruning_keeps_young_tombstones() {
    let mut graph = Adjacency::default();
    graph.remove(Kind::Follow, pair(1, 2), 5);
    graph.remove(Kind::Block, pair(1, 2), 7);
    graph.set_private(1.into(), false, 3);
    assert_eq!(graph.prune_tombstones(6), 2);
    assert_eq!(graph.sizes().tombstones, 1);
    assert!(!graph.put(Kind::Block, pair(1, 2), 0, 7));
    assert!(graph.put(Kind::Follow, pair(1, 2), 0, 1));
}

#[test]
fn nobody_is_an_edge_to_oneself() {
    assert!(Pair::new(1.into(), 1.into()).is_err());
}

#[test]
fn people_without_edges_take_no_room() {
    let mut graph = Adjacency::default();
    graph.put(Kind::Mute, pair(1, 2), 0, 1);
    assert_eq!(graph.sizes().people, 1);
    graph.remove(Kind::Mute, pair(1, 2), 2);
    assert_eq!(graph.sizes().people, 0);
}
