//! The newest posts of some authors.
//!
//! A k-way merge by a heap, with one thought before it: each of the `want` lists with the newest heads holds a
//! post at least as new as any head of the other lists, so the others are not opened unless posts drop out
//! (filtered, or seen twice). The work then depends on `want` and on the number of authors, and not on the
//! length of their lists.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use crate::list::List;
use crate::lists::PostingLists;
use crate::{Filter, Post};

/// A list and the place in it that the merge has reached.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    head: u128,
    /// Place among the authors asked for: the first one shows a post of several.
    author: u32,
    at: u32,
    list: &'a List,
}

impl Cursor<'_> {
    /// Moves on to the next older post, if there is one.
    fn advance(&mut self) -> bool {
        let Some(at) = self.at.checked_sub(1) else { return false };
        self.at = at;
        self.head = self.list.id(at as usize);
        true
    }
}

impl Ord for Cursor<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.head.cmp(&other.head).then(other.author.cmp(&self.author))
    }
}

impl PartialOrd for Cursor<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Cursor<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Cursor<'_> {}

impl PostingLists {
    /// At most `want` posts of `authors`, newest first, with an id below `before`, each once: a post of several
    /// authors comes under the first of them.
    #[must_use]
    pub fn merge(&self, authors: &[u128], want: usize, before: Option<u128>, filter: Filter) -> Vec<Post> {
        let mut cursors = self.cursors(authors, before);
        if want == 0 || cursors.is_empty() {
            return Vec::new();
        }
        let mut closed = Vec::new();
        if cursors.len() > want {
            cursors.select_nth_unstable_by(want - 1, |a, b| b.cmp(a));
            closed = cursors.split_off(want);
        }
        let newest_closed = closed.iter().map(|cursor| cursor.head).max();
        let mut merge = Merge { heap: BinaryHeap::from(cursors), closed, newest_closed };
        merge.run(authors, want, filter)
    }

    fn cursors(&self, authors: &[u128], before: Option<u128>) -> Vec<Cursor<'_>> {
        let mut cursors = Vec::with_capacity(authors.len());
        for (author, id) in (0..).zip(authors) {
            let Some(list) = self.lists.get(id) else { continue };
            let head = list.newest();
            let older = match before {
                Some(before) if head >= before => list.older(before),
                _ => list.len(),
            };
            let Some(at) = older.checked_sub(1) else { continue };
            let head = if at + 1 == list.len() { head } else { list.id(at) };
            cursors.push(Cursor { head, author, at: place(at), list });
        }
        cursors
    }
}

struct Merge<'a> {
    heap: BinaryHeap<Cursor<'a>>,
    closed: Vec<Cursor<'a>>,
    newest_closed: Option<u128>,
}

impl Merge<'_> {
    fn run(&mut self, authors: &[u128], want: usize, filter: Filter) -> Vec<Post> {
        let mut found: Vec<Post> = Vec::with_capacity(want.min(1 << 16));
        while found.len() < want {
            self.open_when_due();
            let Some(mut top) = self.heap.peek_mut() else { break };
            let (id, meta) = (top.head, top.list.meta(top.at as usize));
            if filter.passes(meta) && found.last().is_none_or(|last| last.id != id) {
                found.push(Post { id, author: authors[top.author as usize], meta });
            }
            if !top.advance() {
                PeekMut::pop(top);
            }
        }
        found
    }

    /// Brings in the lists left out, once nothing in the heap is newer than they are.
    fn open_when_due(&mut self) {
        let Some(newest) = self.newest_closed else { return };
        if self.heap.peek().is_none_or(|top| top.head <= newest) {
            self.heap.extend(self.closed.drain(..));
            self.newest_closed = None;
        }
    }
}

/// Half the width of a `usize` keeps a cursor within half a cache line.
fn place(at: usize) -> u32 {
    u32::try_from(at).expect("a list of 2^32 posts would take 64 GiB")
}
