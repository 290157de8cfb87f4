"""Reading posts: ids, then facts, then sight."""

from collections.abc import Sequence
from uuid import UUID

from nova.platform.auth.actor import Actor
from nova.services.content.model import Post, PostEdit, PostId, Posting, PostNotFound, UserId
from nova.services.content.service.sight import Sight
from nova.services.content.store.posts import PostStore


class Reading:
    """What may be asked about posts. Everything is in view of the caller, except `postings`."""

    def __init__(self, *, store: PostStore, sight: Sight) -> None:
        self._store = store
        self._sight = sight

    async def get(self, actor: Actor, post_ids: Sequence[PostId]) -> list[Post]:
        """Return the posts that the caller may see, in the order asked."""
        actor.require("content:read")
        posts = await self._store.get(post_ids)
        viewer_id = UserId(actor.user_id)
        visible = await self._sight.visible(posts, lambda limited: self._store.chosen(viewer_id, limited))
        return [visible[post_id] for post_id in post_ids if post_id in visible]

    async def by_author(
        self, actor: Actor, author_id: UserId, *, before: UUID, limit: int
    ) -> tuple[list[Post], bool]:
        """Return a page of an author's posts, newest first, and whether there are more."""
        actor.require("content:read")
        openings = await self._sight.openings([author_id])
        if not openings:
            return [], False
        posts = await self._store.by_author(
            author_id, openings, UserId(actor.user_id), before=before, limit=limit + 1
        )
        return posts[:limit], len(posts) > limit

    async def count(self, actor: Actor, author_ids: Sequence[UserId]) -> list[int]:
        """Return, for each author, how many posts the caller could walk."""
        actor.require("content:read")
        openings = await self._sight.openings(list(dict.fromkeys(author_ids)))
        counts = await self._store.count(openings, UserId(actor.user_id))
        return [counts.get(author_id, 0) for author_id in author_ids]

    async def edits(
        self, actor: Actor, post_id: PostId, *, before: UUID, limit: int
    ) -> tuple[list[PostEdit], bool]:
        """Return a page of what the caller's own post was, newest first, and whether there are more."""
        actor.require("content:read")
        post = (await self._store.get([post_id])).get(post_id)
        if post is None or post.author_id != actor.user_id:
            raise PostNotFound
        edits = await self._store.edits(post_id, before=before, limit=limit + 1)
        return edits[:limit], len(edits) > limit

    async def postings(self, *, after: UUID, limit: int) -> tuple[list[Posting], bool]:
        """Return a page of all live posts in order of id, and whether there are more."""
        postings = await self._store.postings(after=after, limit=limit + 1)
        return postings[:limit], len(postings) > limit
