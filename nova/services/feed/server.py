"""gRPC in, a verb of feed, gRPC out. No decisions."""

from collections.abc import Sequence
from typing import Final

from nova.api.feed.v1 import feed_pb2 as pb
from nova.api.feed.v1.feed_pb2_grpc import FeedServiceServicer
from nova.platform.db.idempotency import Once
from nova.platform.rpc.context import current_actor
from nova.platform.rpc.validate import enum_of, page_size, uuid_of, uuids_of
from nova.services.feed.model import Candidate, FeedMode, Order, PostId, Shelf
from nova.services.feed.service.explore import Explore
from nova.services.feed.service.home import Home
from nova.services.feed.service.marking import Marking
from nova.services.feed.tokens import place_of, token_of

MOST_IDS: Final = 200
_PLACES: Final = {
    FeedMode.RANKED: frozenset[Order | Shelf]({Shelf.HOME, Order.FALLBACK}),
    FeedMode.FOLLOWING: frozenset[Order | Shelf]({Order.FOLLOWING}),
}
_EXPLORE: Final = frozenset[Order | Shelf]({Shelf.EXPLORE, Order.FRESH})


class FeedServer(FeedServiceServicer):
    """Feed's servicer."""

    def __init__(self, *, home: Home, explore: Explore, marking: Marking, once: Once) -> None:
        self._home = home
        self._explore = explore
        self._marking = marking
        self._once = once

    async def GetHomePage(self, request: pb.GetHomePageRequest, context: object) -> pb.GetHomePageResponse:
        mode = FeedMode(enum_of(request.mode, pb.FeedMode, "mode"))
        page = await self._home.page(
            current_actor(), mode, place_of(request.page_token, _PLACES[mode]), _size(request.page_size)
        )
        return pb.GetHomePageResponse(
            items=_items(page.items), next_page_token=token_of(page.next), degraded=page.degraded
        )

    async def GetExplorePage(
        self, request: pb.GetExplorePageRequest, context: object
    ) -> pb.GetExplorePageResponse:
        page = await self._explore.page(
            current_actor(), place_of(request.page_token, _EXPLORE), _size(request.page_size)
        )
        return pb.GetExplorePageResponse(
            items=_items(page.items), next_page_token=token_of(page.next), degraded=page.degraded
        )

    async def MarkSeen(self, request: pb.MarkSeenRequest, context: object) -> pb.MarkSeenResponse:
        post_ids = [PostId(value) for value in uuids_of(request.post_ids, "post_ids", most=MOST_IDS)]
        return await self._once(
            request,
            pb.MarkSeenResponse,
            lambda: self._marking.seen(current_actor(), post_ids),
            present=lambda _: pb.MarkSeenResponse(),
        )

    async def NotInterested(
        self, request: pb.NotInterestedRequest, context: object
    ) -> pb.NotInterestedResponse:
        post_id = PostId(uuid_of(request.post_id, "post_id"))
        return await self._once(
            request,
            pb.NotInterestedResponse,
            lambda: self._marking.not_interested(current_actor(), post_id),
            present=lambda _: pb.NotInterestedResponse(),
        )


def _size(value: int) -> int:
    return page_size(value, most=100, default=20)


def _items(candidates: Sequence[Candidate]) -> list[pb.FeedItem]:
    return [
        pb.FeedItem(
            post_id=candidate.post_id,
            author_id=candidate.author_id,
            source=candidate.source,
            score=candidate.score,
            page_token=token_of(candidate.place),
            features=candidate.reasons.features,
            values=candidate.reasons.values,
            weights=candidate.reasons.weights,
        )
        for candidate in candidates
    ]
