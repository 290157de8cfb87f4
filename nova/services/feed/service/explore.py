"""The explore page: ranked posts from beyond the caller's follows."""

from collections.abc import Sequence

from nova.platform.auth.actor import Actor
from nova.platform.rpc.context import current_call, entered, sooner
from nova.services.feed.model import InSlate, InTime, Order, Page, PartLost, Place, Shelf, SlateGone, UserId
from nova.services.feed.pipeline import SHARE, fill
from nova.services.feed.service.ranked import Freezing, Ranking
from nova.services.feed.stages.source_fresh import SourceFresh
from nova.services.feed.stages.source_slate import SourceSlate
from nova.services.feed.stages.stage import Filter
from nova.services.feed.store.postings import Postings
from nova.services.feed.store.slates import Slates


class Explore:
    """Pages of what the caller does not follow."""

    def __init__(
        self,
        *,
        postings: Postings,
        slates: Slates,
        ranking: Ranking,
        freezing: Freezing,
        filters: Sequence[Filter],
    ) -> None:
        self._postings = postings
        self._slates = slates
        self._ranking = ranking
        self._freezing = freezing
        self._filters = filters

    async def page(self, actor: Actor, place: Place | None, size: int) -> Page:
        """Return the page at a place; None is the beginning. It is there while the caller has time left."""
        actor.require("feed:read")
        with entered(sooner(current_call(), share=SHARE)):
            return await self._page(UserId(actor.user_id), place, size)

    async def _page(self, viewer_id: UserId, place: Place | None, size: int) -> Page:
        if isinstance(place, InTime):
            return await self._fresh(viewer_id, place, size, "ranking")
        if place is not None:
            return await self._from_slate(viewer_id, place, size)
        try:
            start, degraded = await self._freezing.freeze(viewer_id, Shelf.EXPLORE, self._ranking.explore)
            return await self._from_slate(viewer_id, start, size, degraded)
        except PartLost as lost:
            missing = lost.part
        except SlateGone:
            # Other first pages of this user pushed it out before it was read: there was no place to keep it.
            missing = "slates"
        return await self._fresh(viewer_id, InTime(order=Order.FRESH), size, missing)

    async def _from_slate(
        self, viewer_id: UserId, place: InSlate, size: int, degraded: Sequence[str] = ()
    ) -> Page:
        source = SourceSlate(self._slates, viewer_id, place)
        return await fill(source, self._filters, viewer_id, size=size, start=place, degraded=degraded)

    async def _fresh(self, viewer_id: UserId, place: InTime, size: int, missing: str) -> Page:
        """Return the newest open posts of strangers, in place of the best."""
        source = SourceFresh(self._postings, place)
        return await fill(source, self._filters, viewer_id, size=size, start=place, degraded=[missing])
