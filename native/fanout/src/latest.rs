//! The newest posts of everybody.

use crate::lists::PostingLists;
use crate::{Filter, Post};

impl PostingLists {
    /// At most `want` posts, newest first, with an id below `before`. A post of several authors comes once,
    /// under the greatest author id.
    #[must_use]
    pub fn latest(&self, want: usize, before: Option<u128>, filter: Filter) -> Vec<Post> {
        let older = match before {
            Some(before) => self.all.range(..(before, 0)),
            None => self.all.range(..),
        };
        let mut found: Vec<Post> = Vec::with_capacity(want.min(self.all.len()));
        for (&(id, author), &meta) in older.rev() {
            if found.len() == want {
                break;
            }
            if filter.passes(meta) && found.last().is_none_or(|last| last.id != id) {
                found.push(Post { id, author, meta });
            }
        }
        found
    }
}
