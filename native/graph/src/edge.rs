//! The kinds of edge, and where each shows in a person's record.

use std::fmt;

use crate::Id;
use crate::lists::Listing;
use crate::relations::bit;

/// What an edge from one person to another says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The source follows the target.
    Follow,
    /// The source asked to follow the target.
    Request,
    /// The source blocks the target.
    Block,
    /// The source mutes the target, for good or until a moment.
    Mute,
}

impl Kind {
    /// All kinds, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::Follow, Self::Request, Self::Block, Self::Mute];

    /// The kind of a code (0 follow, 1 request, 2 block, 3 mute).
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The relation bit that the source sees.
    pub(crate) const fn outgoing_bit(self) -> u16 {
        match self {
            Self::Follow => bit::FOLLOWS,
            Self::Request => bit::REQUESTED,
            Self::Block => bit::BLOCKS,
            Self::Mute => bit::MUTES,
        }
    }

    /// The relation bit that the target sees. Nobody is told of a mute.
    pub(crate) const fn incoming_bit(self) -> u16 {
        match self {
            Self::Follow => bit::FOLLOWED_BY,
            Self::Request => bit::REQUESTED_BY,
            Self::Block => bit::BLOCKED_BY,
            Self::Mute => 0,
        }
    }

    /// The lists that show the edge: the source's, then the target's.
    pub(crate) const fn listings(self) -> Option<[Listing; 2]> {
        match self {
            Self::Follow => Some([Listing::Following, Listing::Followers]),
            Self::Request => Some([Listing::Requested, Listing::Requesters]),
            Self::Block | Self::Mute => None,
        }
    }
}

/// The two ends of an edge: two people, never one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pair {
    pub(crate) source: Id,
    pub(crate) target: Id,
}

impl Pair {
    /// The pair of `source` and `target`.
    ///
    /// # Errors
    /// `SelfEdge` when they are one person.
    pub fn new(source: Id, target: Id) -> Result<Self, SelfEdge> {
        if source == target { Err(SelfEdge(source)) } else { Ok(Self { source, target }) }
    }
}

/// An edge must join two people: this one leads back to where it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelfEdge(pub Id);

impl fmt::Display for SelfEdge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x} is both ends of an edge: leave edges to oneself out", u128::from(self.0))
    }
}

impl std::error::Error for SelfEdge {}
