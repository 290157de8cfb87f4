"""What a stage gives, and what the stages ask of other rooms."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from nova.platform.errors import Internal, Timeout, Unavailable
from nova.policy.relations import Relation
from nova.services.feed.model import Candidate, UserId

LOST = (Unavailable, Timeout, Internal)
"""How a part that is down, late or broken shows itself. Everything else is an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Candidates in the order of the page, and whether the source may have more after them.

    None, but more: there are others, which cannot be had now.
    """

    candidates: Sequence[Candidate]
    more: bool


class Source(Protocol):
    """Gives the candidates of one page; each call goes on where the last one ended."""

    async def take(self, want: int) -> Batch:
        """Return about `want` candidates. Raises `PartLost`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sifted:
    """What a filter kept, what it removed and why (post id -> reason), and what it could not ask."""

    kept: Sequence[Candidate]
    removed: Mapping[bytes, str] = field(default_factory=dict)
    degraded: Sequence[str] = ()


class Filter(Protocol):
    """Keeps or removes candidates, for one viewer."""

    async def sift(self, viewer_id: UserId, candidates: Sequence[Candidate]) -> Sifted:
        """Return what passes. Raises `PartLost` where nothing may be shown without asking."""
        ...


class Posts(Protocol):
    """What the stages ask of content, for the caller."""

    async def visible(self, post_ids: Sequence[bytes]) -> Collection[bytes]:
        """Return those of the posts that the caller may see."""
        ...

    async def with_words(self, post_ids: Sequence[bytes], words: Sequence[str]) -> Collection[bytes]:
        """Return those of the posts with one of the words, as far as the caller may see them."""
        ...


class MutedWords(Protocol):
    """What the stages ask of user."""

    async def of(self, viewer_id: UserId) -> Sequence[str]:
        """Return the words that the caller, who is this viewer, mutes now."""
        ...


class People(Protocol):
    """What the stages ask of graph, for the caller."""

    async def following(self) -> bytes:
        """Return the packed ids of everyone whom the caller follows."""
        ...

    async def relations(self, author_ids: Sequence[bytes]) -> Mapping[bytes, Relation]:
        """Return the caller's relation to each author."""
        ...


def without(candidates: Sequence[Candidate], removed: Mapping[bytes, str]) -> Sifted:
    """Return the candidates sifted by what was removed."""
    return Sifted(
        kept=[candidate for candidate in candidates if candidate.post_id not in removed], removed=removed
    )
