"""The home feed: ranked and frozen, or by time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from nova.platform.auth.actor import Actor
from nova.platform.ids import id_of, made_ms
from nova.platform.rpc.context import current_call, entered, sooner
from nova.services.feed.model import (
    FeedMode,
    InSlate,
    InTime,
    Order,
    Page,
    PartLost,
    Place,
    Shelf,
    SlateGone,
    UserId,
)
from nova.services.feed.pipeline import SHARE, OneAfterAnother, fill
from nova.services.feed.service.keeping import Keeping
from nova.services.feed.service.ranked import Freezing, Ranking
from nova.services.feed.stages.filter_seen import FilterSeen
from nova.services.feed.stages.source_following import SourceFollowing
from nova.services.feed.stages.source_rest import SourceRest
from nova.services.feed.stages.source_slate import SourceSlate
from nova.services.feed.stages.source_timeline import SourceTimeline
from nova.services.feed.stages.stage import LOST, Filter, People, Source
from nova.services.feed.store.postings import Postings
from nova.services.feed.store.seen import SeenPosts
from nova.services.feed.store.slates import Slates
from nova.services.feed.store.timelines import Timelines

T = TypeVar("T")


class Home:
    """Pages of the caller's home feed."""

    def __init__(
        self,
        *,
        postings: Postings,
        slates: Slates,
        timelines: Timelines,
        seen: SeenPosts,
        people: People,
        ranking: Ranking,
        freezing: Freezing,
        keeping: Keeping,
        filters: Sequence[Filter],
    ) -> None:
        self._postings = postings
        self._slates = slates
        self._timelines = timelines
        self._seen = seen
        self._people = people
        self._ranking = ranking
        self._freezing = freezing
        self._keeping = keeping
        self._filters = filters

    async def page(self, actor: Actor, mode: FeedMode, place: Place | None, size: int) -> Page:
        """Return the page at a place; None is the beginning. It is there while the caller has time left."""
        actor.require("feed:read")
        with entered(sooner(current_call(), share=SHARE)):
            return await self._page(UserId(actor.user_id), mode, place, size)

    async def _page(self, viewer_id: UserId, mode: FeedMode, place: Place | None, size: int) -> Page:
        if isinstance(place, InSlate):
            return await self._from_slate(viewer_id, place, size)
        if mode is FeedMode.FOLLOWING:
            following = await _or_none(self._people.following)
            return await self._by_time(viewer_id, place or InTime(order=Order.FOLLOWING), size, following)
        if place is not None:
            # No ranking could be had when this scroll began; its order stays.
            following = await _or_none(self._people.following)
            return await self._by_time(viewer_id, place, size, following, ["ranking"])
        return await self._ranked(viewer_id, size)

    async def _ranked(self, viewer_id: UserId, size: int) -> Page:
        """Return the first page of a new ranking; by time when there is none in time."""
        frozen, following = await asyncio.gather(
            self._freezing.freeze(viewer_id, Shelf.HOME, self._ranking.home),
            _or_none(self._people.following),
            return_exceptions=True,
        )
        if isinstance(following, BaseException):
            raise following
        if isinstance(frozen, PartLost):
            place = InTime(order=Order.FALLBACK)
            return await self._by_time(viewer_id, place, size, following, [frozen.part])
        if isinstance(frozen, BaseException):
            raise frozen
        start, degraded = frozen
        if following is not None:
            await self._keeping.read(viewer_id, following)
        try:
            return await self._from_slate(viewer_id, start, size, degraded)
        except SlateGone:
            # Other first pages of this user pushed it out before it was read: there was no place to keep it.
            place = InTime(order=Order.FALLBACK)
            return await self._by_time(viewer_id, place, size, following, ["slates"])

    async def _from_slate(
        self, viewer_id: UserId, place: InSlate, size: int, degraded: Sequence[str] = ()
    ) -> Page:
        async def followed() -> bytes:
            return await self._people.following() + viewer_id.bytes

        rest = SourceRest(
            slates=self._slates,
            postings=self._postings,
            followed=followed,
            viewer_id=viewer_id,
            place=place,
        )
        source: Source = rest
        if place.before is None:
            source = OneAfterAnother(SourceSlate(self._slates, viewer_id, place), rest)
        filters = [*self._filters, FilterSeen(self._seen, before_ms=made_ms(id_of(place.slate_id)))]
        return await fill(source, filters, viewer_id, size=size, start=place, degraded=degraded)

    async def _by_time(
        self,
        viewer_id: UserId,
        place: InTime,
        size: int,
        following: bytes | None,
        degraded: Sequence[str] = (),
    ) -> Page:
        missing = list(degraded)
        source: Source
        if following is None or not self._postings.loaded:
            missing.append("graph" if following is None else "postings")
            source = SourceTimeline(self._timelines, viewer_id, place)
        else:
            await self._keeping.read(viewer_id, following)
            source = SourceFollowing(self._postings, following + viewer_id.bytes, place)
        return await fill(source, self._filters, viewer_id, size=size, start=place, degraded=missing)


async def _or_none(ask: Callable[[], Awaitable[T]]) -> T | None:
    """Return the answer, or None where its room does not give one."""
    try:
        return await ask()
    except LOST:
        return None
