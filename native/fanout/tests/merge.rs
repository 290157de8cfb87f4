//! A merge equals sorting everything, whatever the lists, the cursor, the filter and the repetitions.

use nova_fanout::{Filter, Post, PostingLists, Sizes};
use proptest::prelude::*;

fn a_post() -> impl Strategy<Value = Post> {
    (0..300_u128, 0..12_u128, 0..4_u32).prop_map(|(id, author, meta)| Post { id, author, meta })
}

fn lists(posts: &[Post]) -> PostingLists {
    let mut lists = PostingLists::default();
    for &post in posts {
        lists.insert(post);
    }
    lists
}

/// What is kept of many writes: the last flags of each (author, post).
fn kept(posts: &[Post]) -> Vec<Post> {
    let mut kept: Vec<Post> = Vec::new();
    for &post in posts {
        kept.retain(|other| (other.id, other.author) != (post.id, post.author));
        kept.push(post);
    }
    kept
}

fn expected(
    posts: &[Post],
    authors: &[u128],
    want: usize,
    before: Option<u128>,
    filter: Filter,
) -> Vec<Post> {
    let place = |post: &Post| authors.iter().position(|&author| author == post.author);
    let mut found: Vec<Post> = kept(posts)
        .into_iter()
        .filter(|post| place(post).is_some() && before.is_none_or(|before| post.id < before))
        .filter(|post| post.meta & filter.mask == filter.value)
        .collect();
    found.sort_by_key(|post| (std::cmp::Reverse(post.id), place(post)));
    found.dedup_by_key(|post| post.id);
    found.truncate(want);
    found
}

fn a_filter() -> impl Strategy<Value = Filter> {
    prop_oneof![
        Just(Filter::default()),
        (0..4_u32, 0..4_u32).prop_map(|(mask, value)| Filter { mask, value })
    ]
}

proptest! {
    #[test]
    fn a_merge_is_a_sort(
        posts in prop::collection::vec(a_post(), 0..200),
        authors in prop::collection::vec(0..14_u128, 0..20),
        want in prop_oneof![0..40_usize, Just(usize::MAX)],
        before in prop::option::of(0..300_u128),
        filter in a_filter(),
    ) {
        let found = lists(&posts).merge(&authors, want, before, filter);
        prop_assert_eq!(found, expected(&posts, &authors, want, before, filter));
    }

    #[test]
    fn the_latest_are_a_merge_of_everybody(
        posts in prop::collection::vec(a_post(), 0..200),
        want in 0..40_usize,
        before in prop::option::of(0..300_u128),
        filter in a_filter(),
    ) {
        let everybody: Vec<u128> = (0..12).rev().collect();
        let found = lists(&posts).latest(want, before, filter);
        prop_assert_eq!(found, expected(&posts, &everybody, want, before, filter));
    }

    #[test]
    fn pages_show_every_post_once(posts in prop::collection::vec(a_post(), 0..200), want in 1..20_usize) {
        let (lists, authors): (_, Vec<u128>) = (lists(&posts), (0..12).collect());
        let mut seen: Vec<Post> = Vec::new();
        loop {
            let page = lists.merge(&authors, want, seen.last().map(|post| post.id), Filter::default());
            seen.extend(&page);
            if page.len() < want {
                break;
            }
        }
        prop_assert_eq!(seen, expected(&posts, &authors, usize::MAX, None, Filter::default()));
    }

    #[test]
    fn many_authors_are_merged_in_bands(seed in any::<u64>(), want in 1..700_usize) {
        let mut random = seed;
        let mut next = || { random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1); random >> 33 };
        let posts: Vec<Post> = (0..3_000)
            .map(|_| Post { id: u128::from(next()), author: u128::from(next() % 30 * (next() % 30)), meta: 0 })
            .collect();
        let authors: Vec<u128> = (0..900).collect();
        let found = lists(&posts).merge(&authors, want, None, Filter::default());
        prop_assert_eq!(found, expected_fast(posts, want));
    }

    #[test]
    fn writes_in_any_order_end_the_same(
        posts in prop::collection::vec(a_post(), 0..60).prop_map(|posts| kept(&posts)).prop_flat_map(|posts| {
            (Just(posts.clone()), Just(posts).prop_shuffle())
        }),
    ) {
        let (posts, shuffled) = posts;
        prop_assert_eq!(lists(&posts).content_hash(), lists(&shuffled).content_hash());
    }
}

fn expected_fast(mut posts: Vec<Post>, want: usize) -> Vec<Post> {
    posts.sort_by_key(|post| (std::cmp::Reverse(post.id), post.author));
    posts.dedup_by_key(|post| post.id);
    posts.truncate(want);
    posts
}

#[test]
fn removing_pruning_and_dropping_leave_nothing_behind() {
    let posts: Vec<Post> = (0..30).map(|id| Post { id, author: id % 3, meta: 0 }).collect();
    let mut lists = lists(&posts);
    assert!(!lists.insert(posts[0]));
    assert!(lists.remove(0, 0));
    assert!(!lists.remove(0, 0));
    assert_eq!(lists.prune(10), 9);
    assert_eq!(lists.counts(&[0, 1, 2, 3]), [6, 7, 7, 0]);
    assert_eq!(lists.drop_author(1), 7);
    assert_eq!(lists.sizes(), Sizes { posts: 13, authors: 2 });
    assert_eq!(lists.prune(u128::MAX), 13);
    assert_eq!(lists.sizes(), Sizes::default());
    assert_eq!(lists.content_hash(), PostingLists::default().content_hash());
}
