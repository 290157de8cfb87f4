"""Reading posts: ids, then facts, then sight."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from nova.platform.auth.actor import Actor
from nova.policy.words import MutedWords
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

    async def to_delete(self, actor: Actor, post_ids: Sequence[PostId], *, past_sight: str) -> list[Post]:
        """Return the posts that the caller may act on to delete, in the order asked.

        Those that he may see and, where he holds the permission `past_sight`, all others too: what is to be taken
        down must not hide behind a block or a private account from the one who takes it down.
        """
        if not actor.may(past_sight):
            return await self.get(actor, post_ids)
        actor.require("content:read")
        return list((await self._store.get(post_ids)).values())

    async def with_words(
        self, actor: Actor, post_ids: Sequence[PostId], words: Iterable[str]
    ) -> list[PostId]:
        """Return those posts with one of the words, of those that the caller may see, in the order asked."""
        muted = MutedWords(words)
        posts = await self.get(actor, post_ids)
        return [post.post_id for post in posts if muted.occur_in(post.caption, post.tags)]

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
