//! The relation of one viewer to many subjects: one lookup a subject.

use crate::adjacency::Adjacency;
use crate::edge::{Kind, Pair};
use crate::{Id, Set};

/// Bits of a relation, seen from the viewer.
pub mod bit {
    /// The viewer follows the subject.
    pub const FOLLOWS: u16 = 1;
    /// The subject follows the viewer.
    pub const FOLLOWED_BY: u16 = 2;
    /// The viewer asked to follow the subject.
    pub const REQUESTED: u16 = 4;
    /// The subject asked to follow the viewer.
    pub const REQUESTED_BY: u16 = 8;
    /// The viewer blocks the subject.
    pub const BLOCKS: u16 = 16;
    /// The subject blocks the viewer.
    pub const BLOCKED_BY: u16 = 32;
    /// The viewer mutes the subject, now.
    pub const MUTES: u16 = 64;
    /// The subject's account is private.
    pub const PRIVATE: u16 = 128;
    /// The subject is the viewer.
    pub const SELF: u16 = 256;

    /// Either of these hides two people from each other.
    pub(crate) const HIDES: u16 = BLOCKS | BLOCKED_BY;
}

impl Adjacency {
    /// The relation bits of `viewer` to each subject, at the moment `now_ms`.
    #[must_use]
    pub fn relations(&self, viewer: Id, subjects: &[Id], now_ms: i64) -> Vec<u16> {
        let person = self.person(viewer);
        let relation = |&subject: &Id| {
            let linked = person.map_or(0, |person| person.link(subject));
            let private = if self.private.contains(&subject) { bit::PRIVATE } else { 0 };
            let own = if subject == viewer { bit::SELF } else { 0 };
            self.without_ended_mute(viewer, subject, linked, now_ms) | private | own
        };
        subjects.iter().map(relation).collect()
    }

    /// Ids blocked either way, ascending.
    #[must_use]
    pub fn hidden(&self, viewer: Id) -> Vec<Id> {
        self.person(viewer).map(|person| person.hidden().iter().copied().collect()).unwrap_or_default()
    }

    /// Ids that `viewer` mutes at the moment `now_ms`, ascending.
    #[must_use]
    pub fn muted(&self, viewer: Id, now_ms: i64) -> Vec<Id> {
        let Some(person) = self.person(viewer) else { return Vec::new() };
        let is_muted = |&(other, bits): &(Id, u16)| {
            self.without_ended_mute(viewer, other, bits, now_ms) & bit::MUTES != 0
        };
        let mut muted: Vec<Id> = person.links().filter(is_muted).map(|(other, _)| other).collect();
        muted.sort_unstable();
        muted
    }

    /// Followers and following of each subject, without the excluded people.
    #[must_use]
    pub fn counts(&self, subjects: &[Id], excluded: &Set<Id>) -> Vec<[usize; 2]> {
        let count = |&subject: &Id| {
            let Some(person) = self.person(subject) else { return [0, 0] };
            let all = [crate::Listing::Followers, crate::Listing::Following].map(|of| person.list(of).len());
            excluded.iter().map(|&id| person.link(id)).fold(all, |[followers, following], bits| {
                [
                    followers - usize::from(bits & bit::FOLLOWED_BY != 0),
                    following - usize::from(bits & bit::FOLLOWS != 0),
                ]
            })
        };
        subjects.iter().map(count).collect()
    }

    /// A mute may have ended since it was written; only then its time is looked up.
    pub(crate) fn without_ended_mute(&self, viewer: Id, subject: Id, bits: u16, now_ms: i64) -> u16 {
        if bits & bit::MUTES == 0 {
            return bits;
        }
        match self.edges[Kind::Mute as usize].get(&Pair { source: viewer, target: subject }) {
            Some(mute) if mute.at_ms == 0 || mute.at_ms > now_ms => bits,
            _ => bits & !bit::MUTES,
        }
    }
}
