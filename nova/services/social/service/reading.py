"""Reading reactions: the posts that may be seen, then the people who may, then counts and lists from one rule."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from nova.platform.auth.actor import Actor
from nova.services.social.model import (
    Comment,
    CommentId,
    CommentNotFound,
    Like,
    PostId,
    PostState,
    SeenComment,
    Thread,
    Totals,
    UserId,
)
from nova.services.social.service.sight import Sight
from nova.services.social.store.reactions import ReactionStore, state_of
from nova.services.social.store.threads import ThreadStore


class Counters(Protocol):
    """The totals of posts, from a cache or from the truth."""

    async def get(self, post_ids: Sequence[PostId]) -> dict[PostId, Totals]:
        """Return the totals of each post."""
        ...


class Reading:
    """What may be asked about reactions, in view of the caller."""

    def __init__(
        self, *, reactions: ReactionStore, threads: ThreadStore, counters: Counters, sight: Sight
    ) -> None:
        self._reactions = reactions
        self._threads = threads
        self._counters = counters
        self._sight = sight

    async def states(self, actor: Actor, post_ids: Sequence[PostId]) -> list[PostState]:
        """Return the state of each post that the caller may see, in the order asked."""
        actor.require("social:read")
        authors, hidden = await asyncio.gather(
            self._sight.posts.visible(post_ids), self._sight.people.hidden()
        )
        visible = [post_id for post_id in post_ids if post_id in authors]
        if not visible:
            return []
        totals, views = await asyncio.gather(
            self._counters.get(visible), self._reactions.view(UserId(actor.user_id), visible, hidden)
        )
        return [state_of(post_id, totals[post_id], views[post_id]) for post_id in visible]

    async def likers(
        self, actor: Actor, post_id: PostId, *, before: tuple[datetime, UUID], limit: int
    ) -> tuple[list[Like], bool]:
        """Return a page of who liked a post, newest first, and whether there are more."""
        actor.require("social:read")
        _, hidden = await asyncio.gather(self._sight.author_of(post_id), self._sight.people.hidden())
        likes = await self._reactions.likers(post_id, hidden=hidden, before=before, limit=limit + 1)
        return likes[:limit], len(likes) > limit

    async def comments(self, actor: Actor, comment_ids: Sequence[CommentId]) -> list[SeenComment]:
        """Return the comments that the caller may see, in the order asked."""
        actor.require("social:read")
        hidden = await self._sight.people.hidden()
        return await self.comments_of(UserId(actor.user_id), comment_ids, hidden)

    async def comments_of(
        self, viewer_id: UserId, comment_ids: Sequence[CommentId], hidden: Sequence[UserId]
    ) -> list[SeenComment]:
        """Return the comments whose posts the caller may see and in whose threads nobody is hidden."""
        found = await self._threads.get(comment_ids, viewer_id, hidden)
        posts = list({seen.comment.post_id for seen in found.values()})
        visible = await self._sight.posts.visible(posts) if posts else {}
        return [
            found[comment_id]
            for comment_id in comment_ids
            if comment_id in found and found[comment_id].comment.post_id in visible
        ]

    async def to_delete(self, actor: Actor, comment_id: CommentId) -> tuple[Comment, UserId]:
        """Return a comment that the caller may act on to delete, and whose the post above it is.

        One that he may see or, with social:delete:any, every one: what is to be taken down must not hide behind a
        block or a private account from the one who takes it down. Raises `CommentNotFound`.
        """
        actor.require("social:read")
        hidden = () if actor.may("social:delete:any") else await self._sight.people.hidden()
        found = (await self._threads.get([comment_id], UserId(actor.user_id), hidden)).get(comment_id)
        if found is None:
            raise CommentNotFound
        comment = found.comment
        author_id = (await self._sight.posts.for_deletion([comment.post_id])).get(comment.post_id)
        if author_id is None:
            raise CommentNotFound
        return comment, author_id

    async def under_posts(
        self, actor: Actor, post_ids: Sequence[PostId], *, after: UUID, limit: int
    ) -> list[Thread]:
        """Return a page of the top level of each post's comments, oldest first; none of a hidden post."""
        actor.require("social:read")
        visible, hidden = await asyncio.gather(
            self._sight.posts.visible(post_ids), self._sight.people.hidden()
        )
        found = await self._threads.under_posts(
            list(visible), UserId(actor.user_id), hidden, after=after, limit=limit + 1
        )
        return [_thread(found.get(post_id, []), limit) for post_id in post_ids]

    async def under_comments(
        self, actor: Actor, comment_ids: Sequence[CommentId], *, after: UUID, limit: int
    ) -> list[Thread]:
        """Return a page of the direct replies to each comment, oldest first; none to a hidden one."""
        actor.require("social:read")
        hidden = await self._sight.people.hidden()
        viewer_id = UserId(actor.user_id)
        roots = [seen.comment.comment_id for seen in await self.comments_of(viewer_id, comment_ids, hidden)]
        found = await self._threads.under_comments(roots, viewer_id, hidden, after=after, limit=limit + 1)
        return [_thread(found.get(comment_id, []), limit) for comment_id in comment_ids]


def _thread(comments: list[SeenComment], limit: int) -> Thread:
    return Thread(comments=tuple(comments[:limit]), more=len(comments) > limit)
