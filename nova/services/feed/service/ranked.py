"""Freezing a ranking: asked once, kept as a slate, read page by page."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from nova.api.ranking.v1.ranking_pb2 import RankedPosts
from nova.platform.clock import Clock, unix_ms
from nova.platform.ids import uuid7_at
from nova.platform.rpc.context import current_call, entered, in_time, sooner
from nova.services.feed.model import (
    DISMISSED_MOST,
    NEWEST,
    InSlate,
    PartLost,
    Shelf,
    UserId,
)
from nova.services.feed.stages.stage import LOST
from nova.services.feed.store.dismissals import DismissalStore
from nova.services.feed.store.postings import Postings
from nova.services.feed.store.seen import SeenPosts
from nova.services.feed.store.slates import Slates

_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """Posts as ranking gave them, best first, and the sources that it left out."""

    posts: RankedPosts
    degraded: Sequence[str] = ()


class Ranking(Protocol):
    """What feed asks of ranking, for the caller. `excluded` are packed ids."""

    async def home(self, excluded: bytes) -> Ranked:
        """Return the caller's best posts."""
        ...

    async def explore(self, excluded: bytes) -> Ranked:
        """Return the best posts of people whom the caller does not follow."""
        ...


class Freezing:
    """Makes slates."""

    def __init__(
        self,
        *,
        slates: Slates,
        seen: SeenPosts,
        dismissals: DismissalStore,
        postings: Postings,
        clock: Clock,
    ) -> None:
        self._slates = slates
        self._seen = seen
        self._dismissals = dismissals
        self._postings = postings
        self._clock = clock

    async def freeze(
        self, viewer_id: UserId, shelf: Shelf, rank: Callable[[bytes], Awaitable[Ranked]]
    ) -> tuple[InSlate, list[str]]:
        """Rank without what was seen or dismissed, keep that, and return where it begins and what was left out.

        Raises `PartLost` when there is no ranking, or no place to keep it, while half of the page's time is left: for
        a page without one.
        """
        with entered(sooner(current_call(), share=_SHARE)):
            return await self._freeze(viewer_id, shelf, rank)

    async def _freeze(
        self, viewer_id: UserId, shelf: Shelf, rank: Callable[[bytes], Awaitable[Ranked]]
    ) -> tuple[InSlate, list[str]]:
        bound, made_ms = self._bound(), unix_ms(self._clock.now())
        excluded, degraded = await self._excluded(viewer_id)
        try:
            ranked = await rank(excluded)
        except LOST as error:
            raise PartLost("ranking") from error
        place = InSlate(shelf=shelf, slate_id=uuid7_at(made_ms, secrets.randbits(74)).bytes)
        try:
            async with in_time():
                await self._slates.keep(viewer_id, shelf, place.slate_id, bound=bound, posts=ranked.posts)
        except LOST as error:
            raise PartLost("slates") from error
        return place, [*degraded, *ranked.degraded]

    def _bound(self) -> bytes:
        """Return the id right above the newest post: what is published from now on is not below it."""
        newest = self._postings.newest()
        if newest is None or newest == NEWEST:
            return NEWEST
        return (int.from_bytes(newest) + 1).to_bytes(len(NEWEST))

    async def _excluded(self, viewer_id: UserId) -> tuple[bytes, list[str]]:
        seen, dismissed = await asyncio.gather(
            self._latest_seen(viewer_id),
            self._dismissals.latest(viewer_id, limit=DISMISSED_MOST),
            return_exceptions=True,
        )
        found: list[bytes] = []
        degraded = []
        for name, answer in (("dismissals", dismissed), ("seen", seen)):
            if isinstance(answer, LOST):
                degraded.append(name)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                found += answer
        return b"".join(dict.fromkeys(found)), degraded

    async def _latest_seen(self, viewer_id: UserId) -> list[bytes]:
        async with in_time():
            return await self._seen.latest(viewer_id)
