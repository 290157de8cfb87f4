"""Places, candidates and pages, and what can go wrong with them.

Ids travel as their 16 bytes here: a page looks at hundreds of them, and both the kernels and the messages of the
other rooms hold them so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple, NewType, TypeAlias
from uuid import UUID

from nova.native.ids import ID_BYTES
from nova.platform.errors import FailedPrecondition, NotFound, Unavailable

UserId = NewType("UserId", UUID)
PostId = NewType("PostId", UUID)

NEWEST: Final = b"\xff" * ID_BYTES
"""Above every id: where an order of time begins."""
SLATE_MOST: Final = 500
SEEN_MOST: Final = 4000
DISMISSED_MOST: Final = 1000
"""How many of each are kept out of a ranking; together no more than ranking takes."""

FOLLOWING: Final = "following"
FRESH: Final = "fresh"


class FeedMode(Enum):
    """How a home feed is ordered."""

    RANKED = 1
    FOLLOWING = 2


class Order(Enum):
    """Whose posts stand in an order of time, and why."""

    FOLLOWING = b"f"
    """The people followed: as asked for."""
    FALLBACK = b"t"
    """The people followed, in place of a ranking that could not be had."""
    FRESH = b"n"
    """Everybody else, in place of a ranked explore page."""


class Shelf(Enum):
    """What a slate is for."""

    HOME = b"h"
    EXPLORE = b"x"


@dataclass(frozen=True, slots=True, kw_only=True)
class InTime:
    """A place in an order of time: what comes next is older than the post `before`."""

    order: Order
    before: bytes = NEWEST


@dataclass(frozen=True, slots=True, kw_only=True)
class InSlate:
    """A place in a frozen ranking: next is the entry `offset`.

    After the last entry a home feed goes on by time; `before` is then the last post of that part.
    """

    shelf: Shelf
    slate_id: bytes
    offset: int = 0
    before: bytes | None = None


Place: TypeAlias = InTime | InSlate


class Reasons(NamedTuple):
    """What a score is made of: value × weight, summed over the features. Those that the post lacks are left out."""

    features: Sequence[str] = ()
    values: Sequence[float] = ()
    weights: Sequence[float] = ()


NO_REASONS: Final = Reasons()
"""Those of a post that stands in an order of time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A post of a slate and why it is there."""

    post_id: bytes
    author_id: bytes
    source: str
    score: float
    reasons: Reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A post that may come on a page, why, and the place after it."""

    post_id: bytes
    author_id: bytes
    place: Place
    source: str
    score: float = 0.0
    reasons: Reasons = NO_REASONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page. `next` is where to go on, None at the end; `degraded` names what was left out."""

    items: Sequence[Candidate]
    next: Place | None
    degraded: Sequence[str] = ()


class PostNotFound(NotFound):
    """The post does not exist, or this viewer may not see it."""


class SlateGone(FailedPrecondition):
    """This feed is no longer kept: begin again with its first page."""


class PartLost(Unavailable):
    """A part of the feed does not answer."""

    def __init__(self, part: str) -> None:
        super().__init__(f"{part} does not answer: try again.", reason="PART_LOST")
        self.part = part
