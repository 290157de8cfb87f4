"""The nouns of a generated world, as plain frozen values that know no room and no table.

Every time is an aware UTC datetime with whole milliseconds, so that it agrees with the UUIDv7 made from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID


class WorldSize(StrEnum):
    """How large a world is made."""

    SMALL = "small"
    MEDIUM = "medium"
    BIG = "big"

    @property
    def people(self) -> int:
        """The number of people."""
        return {WorldSize.SMALL: 300, WorldSize.MEDIUM: 3_000, WorldSize.BIG: 30_000}[self]

    @property
    def posts(self) -> int:
        """The number of posts."""
        return {WorldSize.SMALL: 5_000, WorldSize.MEDIUM: 50_000, WorldSize.BIG: 500_000}[self]


class ContentType(StrEnum):
    """What a post shows; the names are those of the public contract."""

    TEXT = "TEXT"
    IMAGE = "IMAGE"
    CAROUSEL = "CAROUSEL"


class Audience(StrEnum):
    """Who may see a post."""

    EVERYONE = "EVERYONE"
    FOLLOWERS = "FOLLOWERS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody of the world. `interests` are keys of the interest table, the dearest first."""

    id: UUID
    handle: str
    display_name: str
    email: str
    bio: str
    language: str
    is_private: bool
    joined_at: datetime
    avatar_key: str
    interests: tuple[str, ...]
    palette: int
    utc_offset_h: int


@dataclass(frozen=True, slots=True)
class Follow:
    """An accepted follow."""

    follower_id: UUID
    followee_id: UUID
    followed_at: datetime


class PostMedia(NamedTuple):
    """A picture of a post: its key under `/media/`, its size in pixels, and what it shows in words."""

    key: str
    width: int
    height: int
    alt_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldPost:
    """A post. `interest` and `language` say what it is about and in which tongue; no room needs them."""

    id: UUID
    author_id: UUID
    caption: str
    content_type: ContentType
    tags: tuple[str, ...]
    media: tuple[PostMedia, ...]
    audience: Audience
    created_at: datetime
    interest: str
    language: str


@dataclass(frozen=True, slots=True)
class WorldLike:
    """A like of a post."""

    user_id: UUID
    post_id: UUID
    liked_at: datetime


@dataclass(frozen=True, slots=True)
class WorldComment:
    """A comment; `parent_id` is an older comment on the same post, or None at the top."""

    id: UUID
    post_id: UUID
    parent_id: UUID | None
    author_id: UUID
    text: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Block:
    """One person shuts another out; neither follows, likes nor answers the other."""

    blocker_id: UUID
    blocked_id: UUID
    blocked_at: datetime


@dataclass(frozen=True, slots=True)
class Mute:
    """One person no longer wants another in the feed, quietly."""

    muter_id: UUID
    muted_id: UUID
    muted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A whole world. Posts, follows, likes and comments are in the order of their times."""

    size: WorldSize
    seed: int
    made_at: datetime
    people: tuple[Person, ...]
    follows: tuple[Follow, ...]
    posts: tuple[WorldPost, ...]
    likes: Sequence[WorldLike]
    comments: tuple[WorldComment, ...]
    blocks: tuple[Block, ...]
    mutes: tuple[Mute, ...]


def at_ms(moment: datetime) -> int:
    """Milliseconds since the epoch."""
    return round(moment.timestamp() * 1000)


def from_ms(ms: int) -> datetime:
    """The UTC moment `ms` milliseconds after the epoch."""
    return datetime.fromtimestamp(ms / 1000, UTC)
