//! Followers, following and requests as lists, newest first, by keyset pages.

use std::collections::BTreeSet;
use std::ops::Bound;

use crate::adjacency::Adjacency;
use crate::{Id, Set};

/// A row of a list: since when (unix ms), and who.
pub type Row = (i64, Id);

/// Rows from the oldest to the newest.
pub(crate) type Order = BTreeSet<Row>;

/// A list that a person has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// Whom the person follows.
    Following,
    /// Who follows the person.
    Followers,
    /// Whom the person asked to follow.
    Requested,
    /// Who asked to follow the person.
    Requesters,
}

impl Listing {
    pub(crate) const COUNT: usize = 4;

    /// The list of a code (0 following, 1 followers, 2 requested, 3 requesters).
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::Following, Self::Followers, Self::Requested, Self::Requesters].get(usize::from(code)).copied()
    }
}

impl Adjacency {
    /// At most `limit` rows of a list, newest first, strictly after the row `before`, without the excluded.
    #[must_use]
    pub fn page(
        &self,
        listing: Listing,
        subject: Id,
        limit: usize,
        before: Option<Row>,
        excluded: &Set<Id>,
    ) -> Vec<Row> {
        let Some(person) = self.person(subject) else { return Vec::new() };
        let end = before.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = person.list(listing).range((Bound::Unbounded, end)).rev();
        rows.filter(|(_, id)| !excluded.contains(id)).take(limit).copied().collect()
    }

    /// Up to `limit` people whom `viewer` follows and who follow `subject`, the viewer's newest first.
    #[must_use]
    pub fn mutuals(&self, viewer: Id, subject: Id, limit: usize, excluded: &Set<Id>) -> Vec<Id> {
        self.mutual(viewer, subject, excluded).take(limit).collect()
    }

    /// How many people `viewer` follows who follow each subject.
    #[must_use]
    pub fn mutual_counts(&self, viewer: Id, subjects: &[Id], excluded: &Set<Id>) -> Vec<usize> {
        subjects.iter().map(|&subject| self.mutual(viewer, subject, excluded).count()).collect()
    }

    fn mutual<'a>(
        &'a self,
        viewer: Id,
        subject: Id,
        excluded: &'a Set<Id>,
    ) -> impl Iterator<Item = Id> + use<'a> {
        let both = self.person(viewer).zip(self.person(subject));
        both.into_iter().flat_map(move |(viewer, subject)| {
            let following = viewer.list(Listing::Following);
            let followers = subject.list(Listing::Followers);
            // The shorter list is walked; the other person's links answer.
            let (walked, asked, wanted) = if following.len() <= followers.len() {
                (following, subject, crate::bit::FOLLOWED_BY)
            } else {
                (followers, viewer, crate::bit::FOLLOWS)
            };
            let is_mutual = move |id: &Id| asked.link(*id) & wanted != 0 && !excluded.contains(id);
            walked.iter().rev().map(|&(_, id)| id).filter(is_mutual)
        })
    }
}
