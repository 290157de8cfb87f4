"""What the caller says of posts: seen, not interested."""

from collections.abc import Sequence

from nova.platform.auth.actor import Actor
from nova.platform.clock import Clock
from nova.services.feed.model import PostId, PostNotFound, UserId
from nova.services.feed.stages.stage import Posts
from nova.services.feed.store.dismissals import DismissalStore
from nova.services.feed.store.seen import SeenPosts


class Marking:
    """The verbs that note."""

    def __init__(self, *, dismissals: DismissalStore, seen: SeenPosts, posts: Posts, clock: Clock) -> None:
        self._dismissals = dismissals
        self._seen = seen
        self._posts = posts
        self._clock = clock

    async def seen(self, actor: Actor, post_ids: Sequence[PostId]) -> None:
        """Note that the caller has seen posts. Raises `Unavailable` without Redis."""
        actor.require("feed:read")
        async with self._dismissals.transaction() as tx:
            # Inside, so that a key is not used up by marks that were not made; made twice they are the same.
            await self._seen.add(
                UserId(actor.user_id), [post_id.bytes for post_id in post_ids], self._clock.now()
            )
            tx.answer(None)

    async def not_interested(self, actor: Actor, post_id: PostId) -> None:
        """Keep a post out of the caller's feeds. Saying it again changes nothing."""
        actor.require("feed:read")
        if not await self._posts.visible([post_id.bytes]):
            raise PostNotFound
        async with self._dismissals.transaction() as tx:
            await tx.dismiss(UserId(actor.user_id), post_id, self._clock.now())
            tx.answer(None)
