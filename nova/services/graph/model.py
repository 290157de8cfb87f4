"""The nouns of graph, and what can go wrong with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, NewType
from uuid import UUID

from nova.platform.errors import InvalidArgument, NotFound, Unavailable

UserId = NewType("UserId", UUID)

DEEPEST_PATH: Final = 6
"""The most follows that a path may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """The follower follows the followee. A change of the pair has a higher version than the one before."""

    follower_id: UserId
    followee_id: UserId
    since: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowRequest:
    """The requester waits for the requested one, whose account is private, to let him follow."""

    requester_id: UserId
    requested_id: UserId
    since: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a transaction did to the ledger. What ended carries the version of its end."""

    followed: Sequence[Follow] = ()
    unfollowed: Sequence[Follow] = ()
    requested: Sequence[FollowRequest] = ()
    unrequested: Sequence[FollowRequest] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Privacy:
    """Whether an account is private, as of a version of its profile."""

    user_id: UserId
    is_private: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockState:
    """A block that stands or was lifted, as of its version."""

    user_id: UserId
    blocked_id: UserId
    lifted: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowTerms:
    """What user says of somebody whom the caller wants to follow."""

    privacy: Privacy
    blocks: Sequence[BlockState]


class FollowState(Enum):
    """What came of asking to follow; the numbers are those of the proto."""

    NONE = 1
    REQUESTED = 2
    FOLLOWING = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeBatch:
    """Edges as the native core takes them: ids of 16 bytes side by side, times in unix ms, versions.

    `at_ms` is since when; for a mute it is when it ends, 0 for never. Of edges that `ended` only the versions count.
    """

    sources: bytes
    targets: bytes
    at_ms: Sequence[int]
    versions: Sequence[int]
    ended: Sequence[bool] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagBatch:
    """People with a flag: ids of 16 bytes side by side, and versions."""

    users: bytes
    versions: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictionPage:
    """A page of what user says of everybody."""

    blocks: EdgeBatch
    mutes: EdgeBatch
    private: FlagBatch
    unsuggested: FlagBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a list: who, and since when (unix ms)."""

    user_id: UserId
    since_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """Rows, newest first, and whether there are more."""

    rows: Sequence[Row] = ()
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many people the viewer meets on a user's two lists."""

    followers: int = 0
    following: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Somebody whom the viewer might follow: the Adamic-Adar score, and at most three of those between."""

    user_id: UserId
    score: float
    mutual_count: int
    mutual_ids: Sequence[UserId]


class UserNotFound(NotFound):
    """There is no such user, or this viewer may not see him."""


class RequestNotFound(NotFound):
    """There is no request of this user to follow."""


class OneselfFollowed(InvalidArgument):
    """Nobody can follow himself."""


class GraphLoading(Unavailable):
    """Who is related to whom is still being loaded: try again."""
