"""The nouns of user, and what can go wrong with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import NewType
from uuid import UUID

from nova.platform.clock import unix_ms
from nova.platform.errors import FailedPrecondition, InvalidArgument, NotFound, Unavailable

UserId = NewType("UserId", UUID)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The public card of a user. `version` rises with every change, also of what the card does not show."""

    user_id: UserId
    handle: str
    display_name: str
    bio: str = ""
    avatar_url: str = ""
    is_private: bool = False
    created_at: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a user chose for himself. `language` is a BCP 47 tag."""

    language: str = "en"
    personalised_feed: bool = True
    suggestible: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Neither of the two sees the other."""

    user_id: UserId
    blocked_id: UserId
    blocked_at: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """The muted one stays out of the user's feeds, for good or until a moment. He is not told."""

    user_id: UserId
    muted_id: UserId
    muted_at: datetime
    until: datetime | None = None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MutedWord:
    """Posts with this word stay out of its owner's feeds, for good or until a moment. It is folded, as policy does."""

    word: str
    created_at: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockState:
    """A block that stands or was lifted."""

    user_id: UserId
    blocked_id: UserId
    lifted: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowTerms:
    """What decides whether somebody may follow a user."""

    profile: Profile
    blocks: Sequence[BlockState]


class RestrictionKind(IntEnum):
    """What a restriction is; the numbers are those of the proto."""

    BLOCK = 1
    MUTE = 2
    PRIVATE = 3
    UNSUGGESTED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """One entry of all restrictions there are. `other_id`, `since` and `until` as far as the kind has them."""

    kind: RestrictionKind
    user_id: UserId
    other_id: UserId | None = None
    since: datetime | None = None
    until: datetime | None = None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An entry of somebody's block or mute list."""

    user_id: UserId
    listed_at: datetime


def first_version(at: datetime) -> int:
    """Return the version of a row that is made at this moment: its time in unix ms."""
    return unix_ms(at)


def next_version(was: int, at: datetime) -> int:
    """Return the version after `was`: the time of the change in unix ms, and always a higher number."""
    return max(was + 1, unix_ms(at))


class UserNotFound(NotFound):
    """There is no such user, or this viewer may not see him."""


class ProfileNotReady(Unavailable):
    """The profile of this new account is still being made: try again."""


class OneselfNamed(InvalidArgument):
    """Nobody can block or mute himself."""


class TooManyMutedWords(FailedPrecondition):
    """Nobody mutes more than 200 words: unmute one first."""


class MuteEnded(InvalidArgument):
    """A mute ends in the future, or never."""
