"""Keeping the postings true: loaded from content, then fed by its events."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from nova.api.content.v1.events_pb2 import PostCreatedEvent, PostDeletedEvent, PostUpdatedEvent
from nova.platform.events import Received
from nova.platform.verification import Verification
from nova.platform.versions import FIRST
from nova.services.ranking.store import PostIndex, Posting


class LivePosts(Protocol):
    """What ranking asks of content when it starts."""

    def pages(self) -> AsyncIterator[list[Posting]]:
        """Yield all live posts, page by page."""
        ...


class Postings:
    """The handlers of ranking's projection."""

    def __init__(self, index: PostIndex, content: LivePosts) -> None:
        self._index = index
        self._content = content

    async def load(self) -> None:
        """Read every live post, and put that in the place of what was there."""
        self._index.replace(await self._from_truth())

    async def compare(self) -> Verification:
        """Compare the index in use with one made from what content holds now."""
        truth = await self._from_truth()
        return Verification(
            entries=len(truth),
            in_use=self._index.content_hash().hex(),
            from_truth=truth.content_hash().hex(),
        )

    async def _from_truth(self) -> PostIndex:
        index = PostIndex()
        async for page in self._content.pages():
            index.put(page)
        return index

    async def created(self, events: Sequence[Received[PostCreatedEvent]]) -> None:
        """Add new posts."""
        self._index.put(_posting(event.value) for event in events)

    async def updated(self, events: Sequence[Received[PostUpdatedEvent]]) -> None:
        """Take what posts have become."""
        self._index.put(_posting(event.value) for event in events)

    async def deleted(self, events: Sequence[Received[PostDeletedEvent]]) -> None:
        """Remove posts."""
        self._index.remove((event.value.post_id, event.value.user_id) for event in events)


def _posting(value: PostCreatedEvent | PostUpdatedEvent) -> Posting:
    return Posting(
        post_id=value.post_id,
        author_id=value.user_id,
        audience=value.audience,
        tags=tuple(value.tags),
        version=value.version if isinstance(value, PostUpdatedEvent) else FIRST,
    )
