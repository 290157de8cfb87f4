//! The newest posts of some authors.
//!
//! A heap would wait for memory at every step, since each post it takes decides where it reads next. Here posts
//! are taken in bands of time, the newest band first: which posts lie in a band is asked of all lists at once,
//! and only what was found is sorted. A sample of the lists chooses bands of about the right size; the answer
//! does not depend on them. The work depends on `want` and on the number of authors, not on how much they wrote.

use crate::list::Entry;
use crate::lists::PostingLists;
use crate::{Filter, Post};

/// Lists that are asked where their posts lie.
const SAMPLE: usize = 64;

/// A list, and what the merge may still take of it.
struct Open<'a> {
    /// The next post's id, kept here so that a list outside the band need not be read.
    head: u128,
    /// Posts not yet looked at, the oldest first.
    left: &'a [Entry],
    /// Place among the authors asked for: the first one shows a post of several.
    author: u32,
}

/// A post in a band. The order is newest first, then by author.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Taken {
    /// The complement of the id, so that newer is less.
    age: u128,
    author: u32,
    meta: u32,
}

impl PostingLists {
    /// At most `want` posts of `authors`, newest first, with an id below `before`, each once: a post of several
    /// authors comes under the first of them.
    #[must_use]
    pub fn merge(&self, authors: &[u128], want: usize, before: Option<u128>, filter: Filter) -> Vec<Post> {
        let mut found = Vec::new();
        if want == 0 {
            return found;
        }
        let mut open = self.open(authors, before);
        let mut bands = Bands::new(&open, want);
        let mut band = Vec::new();
        loop {
            let oldest = bands.oldest();
            for list in &mut open {
                if list.head >= oldest {
                    list.take(oldest, want, filter, &mut band);
                }
            }
            settle(&mut band, authors, want, &mut found);
            if found.len() == want || oldest == 0 {
                return found;
            }
            bands.widen(want, found.len());
        }
    }

    fn open(&self, authors: &[u128], before: Option<u128>) -> Vec<Open<'_>> {
        let mut open = Vec::with_capacity(authors.len());
        for (author, id) in (0..).zip(authors) {
            let Some(list) = self.lists.get(id) else { continue };
            let (newest, all) = (list.newest(), list.entries());
            match before {
                Some(before) if newest >= before => {
                    let left = &all[..list.older(before)];
                    open.extend(left.last().map(|entry| Open { head: entry.id(), left, author }));
                }
                _ => open.push(Open { head: newest, left: all, author }),
            }
        }
        open
    }
}

impl Open<'_> {
    /// Moves the posts of a band, at most `wanted` of them, from the list to the band.
    fn take(&mut self, oldest: u128, wanted: usize, filter: Filter, band: &mut Vec<Taken>) {
        let mut wanted = wanted;
        while let Some((&entry, left)) = self.left.split_last() {
            self.head = entry.id();
            if self.head < oldest || wanted == 0 {
                return;
            }
            if filter.passes(entry.meta) {
                band.push(Taken { age: !self.head, author: self.author, meta: entry.meta });
                wanted -= 1;
            }
            self.left = left;
        }
        self.head = 0;
    }
}

/// Where bands end: at the heads of a sample of the lists, newest first.
struct Bands {
    sample: Vec<u128>,
    rank: usize,
}

impl Bands {
    /// Aims at a quarter of what is wanted: long lists hold many posts newer than the heads of the others. Where
    /// there are fewer lists than posts wanted, the sample lies as deep in them as each must be read.
    fn new(open: &[Open<'_>], want: usize) -> Self {
        let lists = open.len().max(1);
        let depth = want / lists;
        let at_depth = |list: &Open<'_>| match list.left.len().saturating_sub(depth.saturating_add(1)) {
            _ if depth == 0 => list.head,
            at => list.left[at].id(),
        };
        let mut sample: Vec<u128> = open.iter().step_by(lists.div_ceil(SAMPLE)).map(at_depth).collect();
        sample.sort_unstable_by(|a, b| b.cmp(a));
        let rank = sample.len() * want.min(lists) / (4 * lists);
        Self { sample, rank }
    }

    /// The oldest id of the band; 0 when it holds all the rest.
    fn oldest(&self) -> u128 {
        self.sample.get(self.rank).copied().unwrap_or(0)
    }

    /// Lets the next band reach an eighth less far than the posts found so far promise: further back more lists
    /// take part, so a band holds more than the last one did, and each post too many is read for nothing.
    fn widen(&mut self, want: usize, found: usize) {
        let promised = (self.rank + 1).saturating_mul(want - want / 8) / found.max(1);
        self.rank = promised.clamp(self.rank + 1, 4 * (self.rank + 1));
    }
}

/// Moves the newest posts of a band to those found, until they are as many as wanted.
fn settle(band: &mut Vec<Taken>, authors: &[u128], want: usize, found: &mut Vec<Post>) {
    while !band.is_empty() && found.len() < want {
        let mut later = Vec::new();
        let wanted = want - found.len();
        if band.len() > wanted {
            band.select_nth_unstable(wanted - 1);
            later = band.split_off(wanted);
        }
        band.sort_unstable();
        for &Taken { age, author, meta } in band.iter() {
            if found.last().is_none_or(|last| last.id != !age) {
                found.push(Post { id: !age, author: authors[author as usize], meta });
            }
        }
        *band = later;
    }
}
