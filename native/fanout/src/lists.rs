//! All posting lists: writing, counting, forgetting.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;

use nova_hash::{ContentHash, words};

use crate::list::List;
use crate::{Map, Post};

/// The lists of all authors, and all their posts in the order of time.
#[derive(Clone, Debug, Default)]
pub struct PostingLists {
    pub(crate) lists: Map<u128, List>,
    /// Flags by (post, author).
    pub(crate) all: BTreeMap<(u128, u128), u32>,
}

/// How much the lists hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Posts, once for each author.
    pub posts: usize,
    /// Authors with at least one post.
    pub authors: usize,
}

impl PostingLists {
    /// Adds a post, or gives a known one new flags. Returns whether it is new.
    pub fn insert(&mut self, post: Post) -> bool {
        self.all.insert((post.id, post.author), post.meta);
        match self.lists.entry(post.author) {
            Entry::Occupied(list) => list.into_mut().insert(post.id, post.meta),
            Entry::Vacant(slot) => {
                slot.insert(List::new(post.id, post.meta));
                true
            }
        }
    }

    /// Removes a post. Returns whether it was there.
    pub fn remove(&mut self, author: u128, id: u128) -> bool {
        let Entry::Occupied(mut list) = self.lists.entry(author) else { return false };
        let removed = list.get_mut().remove(id);
        if list.get().entries().is_empty() {
            list.remove();
        }
        removed && self.all.remove(&(id, author)).is_some()
    }

    /// Removes all posts of an author, and returns how many.
    pub fn drop_author(&mut self, author: u128) -> usize {
        let Some(list) = self.lists.remove(&author) else { return 0 };
        for entry in list.entries() {
            self.all.remove(&(entry.id(), author));
        }
        list.entries().len()
    }

    /// Removes all posts with an id below `before`, and returns how many.
    pub fn prune(&mut self, before: u128) -> usize {
        let posts = self.all.len();
        self.all = self.all.split_off(&(before, 0));
        if self.all.len() < posts {
            self.lists.retain(|_, list| {
                list.prune(before);
                !list.entries().is_empty()
            });
        }
        posts - self.all.len()
    }

    /// Posts of each author.
    #[must_use]
    pub fn counts(&self, authors: &[u128]) -> Vec<usize> {
        authors.iter().map(|author| self.lists.get(author).map_or(0, |list| list.entries().len())).collect()
    }

    /// Counts of everything held.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        Sizes { posts: self.all.len(), authors: self.lists.len() }
    }

    /// A hash of all posts with their authors and flags, whatever the order of arrival.
    #[must_use]
    pub fn content_hash(&self) -> [u8; 16] {
        let mut hash = ContentHash::default();
        for (&author, list) in &self.lists {
            for entry in list.entries() {
                let ([a, b], [c, d]) = (words(author), words(entry.id()));
                hash.add(&[a, b, c, d, u64::from(entry.meta)]);
            }
        }
        hash.bytes()
    }
}
