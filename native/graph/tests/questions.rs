//! Relations, lists, paths and candidates, each on a network small enough to see.

use nova_graph::{Adjacency, Id, Kind, Listing, Pair, Reach, Search, bit};

const NOBODY: [u128; 0] = [];
const FAR: Search = Search { max_depth: 10, max_visited: 1_000 };
const WIDE: Reach = Reach { max_middles: 100, max_per_middle: 100 };

fn network(follows: &[(u128, u128)]) -> Adjacency {
    let mut graph = Adjacency::default();
    for (since, &(source, target)) in (1..).zip(follows) {
        put(&mut graph, Kind::Follow, source, target, since);
    }
    graph
}

fn put(graph: &mut Adjacency, kind: Kind, source: u128, target: u128, at_ms: i64) {
    graph.put(kind, Pair::new(source.into(), target.into()).expect("two people"), at_ms, at_ms);
}

fn ids<T: FromIterator<Id>>(ids: impl IntoIterator<Item = u128>) -> T {
    ids.into_iter().map(Id::from).collect()
}

fn path(graph: &Adjacency, source: u128, target: u128, search: Search, excluded: &[u128]) -> Option<Vec<Id>> {
    graph.path(source.into(), target.into(), search, &ids(excluded.iter().copied()))
}

#[test]
fn a_mute_shows_while_it_lasts_and_only_to_its_owner() {
    let mut graph = Adjacency::default();
    put(&mut graph, Kind::Mute, 1, 2, 100);
    put(&mut graph, Kind::Mute, 1, 3, 0);
    let subjects: Vec<Id> = ids([2, 3]);
    assert_eq!(graph.relations(1.into(), &subjects, 99), [bit::MUTES, bit::MUTES]);
    assert_eq!(graph.relations(1.into(), &subjects, 100), [0, bit::MUTES]);
    assert_eq!(graph.muted(1.into(), 100), ids::<Vec<_>>([3]));
    assert_eq!(graph.relations(2.into(), &ids::<Vec<_>>([1, 2]), 0), [0, bit::SELF]);
}

#[test]
fn pages_go_on_where_the_last_one_ended() {
    let mut graph = Adjacency::default();
    for follower in 2..10 {
        put(&mut graph, Kind::Follow, follower, 1, 5);
    }
    let excluded = ids([7]);
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = graph.page(Listing::Followers, 1.into(), 3, before, &excluded);
        seen.extend(page.iter().map(|&(_, id)| u128::from(id)));
        before = page.last().copied();
        if page.len() < 3 {
            break;
        }
    }
    assert_eq!(seen, [9, 8, 6, 5, 4, 3, 2]);
    assert_eq!(graph.counts(&ids::<Vec<_>>([1]), &excluded), [[7, 0]]);
}

#[test]
fn the_shortest_path_goes_round_the_excluded() {
    let graph = network(&[(1, 2), (2, 5), (1, 3), (3, 4), (4, 5)]);
    assert_eq!(path(&graph, 1, 5, FAR, &NOBODY), Some(ids([1, 2, 5])));
    assert_eq!(path(&graph, 1, 5, FAR, &[2]), Some(ids([1, 3, 4, 5])));
    assert_eq!(path(&graph, 1, 5, FAR, &[2, 3]), None);
    assert_eq!(path(&graph, 5, 1, FAR, &NOBODY), None);
    assert_eq!(path(&graph, 1, 1, FAR, &NOBODY), Some(ids([1])));
    assert_eq!(path(&graph, 1, 5, FAR, &[5]), None);
}

#[test]
fn depth_and_budget_end_a_search() {
    let graph = network(&[(1, 2), (2, 3), (3, 4)]);
    let within = |max_depth, max_visited| path(&graph, 1, 4, Search { max_depth, max_visited }, &NOBODY);
    assert_eq!(within(3, 100), Some(ids([1, 2, 3, 4])));
    assert_eq!(within(2, 100), None);
    assert_eq!(within(3, 1), None);
    assert_eq!(within(0, 100), None);
}

#[test]
fn candidates_are_weighed_and_known_people_left_out() {
    // 1 follows 2 and 3; 2 follows 4 and 5; 3 follows 5, 6 and 7.
    let mut graph = network(&[(1, 2), (1, 3), (2, 4), (2, 5), (3, 5), (3, 6), (3, 7), (3, 1)]);
    put(&mut graph, Kind::Block, 7, 1, 1);
    let found = graph.candidates(1.into(), 10, 0, WIDE, &ids(NOBODY));
    let seen: Vec<(u128, u32)> = found.iter().map(|found| (found.id.into(), found.mutuals)).collect();
    assert_eq!(seen, [(5, 2), (4, 1), (6, 1)]);
    let expected = 1.0 / 3_f64.ln() + 1.0 / 5_f64.ln();
    assert!((found[0].score - expected).abs() < 1e-12);
    assert_eq!(graph.candidates(1.into(), 1, 0, WIDE, &ids([5]))[0].id, 4.into());
    assert!(graph.candidates(1.into(), 10, 0, WIDE, &ids([2, 3])).is_empty());
}

#[test]
fn only_the_newest_edges_of_a_large_neighbourhood_count() {
    let graph = network(&[(1, 2), (1, 3), (2, 4), (3, 5), (3, 6)]);
    let narrow = Reach { max_middles: 1, max_per_middle: 1 };
    let found = graph.candidates(1.into(), 10, 0, narrow, &ids(NOBODY));
    assert_eq!(found.iter().map(|found| u128::from(found.id)).collect::<Vec<_>>(), [6]);
}

#[test]
fn mutuals_are_those_between() {
    let graph = network(&[(1, 2), (1, 3), (1, 4), (2, 9), (4, 9), (5, 9)]);
    assert_eq!(graph.mutuals(1.into(), 9.into(), 10, &ids(NOBODY)), ids::<Vec<_>>([4, 2]));
    assert_eq!(graph.mutual_counts(1.into(), &ids::<Vec<_>>([9, 2]), &ids([4])), [1, 0]);
}
