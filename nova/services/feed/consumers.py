"""What feed does when content and graph speak."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from nova.api.content.v1.events_pb2 import PostCreatedEvent, PostDeletedEvent, PostUpdatedEvent
from nova.api.graph.v1.events_pb2 import FollowEvent
from nova.native.fanout import PostingLists
from nova.platform.events import Received
from nova.platform.ids import id_of
from nova.platform.verification import Verification
from nova.services.feed.model import PostId
from nova.services.feed.service.keeping import Keeping
from nova.services.feed.store.dismissals import FeedTx
from nova.services.feed.store.postings import Posting, Postings, fill


class LivePosts(Protocol):
    """What the projection asks of content."""

    def pages(self) -> AsyncIterator[list[Posting]]:
        """Yield all live posts, page by page."""
        ...


class Following:
    """The handlers of the projection: posting lists and timelines."""

    def __init__(self, *, postings: Postings, content: LivePosts, keeping: Keeping) -> None:
        self._postings = postings
        self._content = content
        self._keeping = keeping

    async def load(self) -> None:
        """Read every live post, and put that in the place of what was there."""
        self._postings.replace(await self._from_truth())

    async def compare(self) -> Verification:
        """Compare the lists in use with lists of what content holds now."""
        truth = await self._from_truth()
        hashes = await asyncio.to_thread(lambda: (self._postings.content_hash(), truth.content_hash()))
        in_use, from_truth = (found.hex() for found in hashes)
        return Verification(entries=len(truth), in_use=in_use, from_truth=from_truth)

    async def _from_truth(self) -> PostingLists:
        lists = PostingLists()
        async for page in self._content.pages():
            fill(lists, page)
        return lists

    async def posts_created(self, events: Sequence[Received[PostCreatedEvent]]) -> None:
        """Add new posts: first to the lists, from where they are on every page, then to timelines."""
        self._postings.put(
            Posting(
                post_id=event.value.post_id,
                author_id=event.value.user_id,
                audience=event.value.audience,
                content_type=event.value.content_type,
            )
            for event in events
        )
        posts = [(event.value.post_id, event.value.user_id) for event in events]
        await self._keeping.published([post for post in posts if not self._postings.is_gone(post[0])])

    async def posts_updated(self, events: Sequence[Received[PostUpdatedEvent]]) -> None:
        """Take what posts have become."""
        self._postings.put(
            Posting(
                post_id=event.value.post_id,
                author_id=event.value.user_id,
                audience=event.value.audience,
                content_type=event.value.content_type,
                version=event.value.version,
            )
            for event in events
        )

    async def posts_deleted(self, events: Sequence[Received[PostDeletedEvent]]) -> None:
        """Remove posts."""
        gone = [(event.value.post_id, event.value.user_id) for event in events]
        self._postings.remove(gone)
        await self._keeping.withdrawn(gone)

    async def follows_changed(self, events: Sequence[Received[FollowEvent]]) -> None:
        """End the timelines of those who follow or unfollow."""
        await self._keeping.follows_changed([event.value.follower_id for event in events])


class Consumers:
    """The handlers whose effects are in PostgreSQL."""

    async def posts_deleted(self, tx: FeedTx, events: Sequence[Received[PostDeletedEvent]]) -> None:
        """Drop the dismissals of deleted posts."""
        await tx.forget_posts([PostId(id_of(event.value.post_id)) for event in events])
