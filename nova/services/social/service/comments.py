"""Comments: say, change, take back, like."""

import asyncio

from nova.platform.auth.actor import Actor
from nova.platform.clock import Clock
from nova.platform.ids import uuid7
from nova.policy import rules
from nova.services.social import events
from nova.services.social.model import (
    DEPTH_MOST,
    Comment,
    CommentId,
    CommentNotFound,
    NotYourComment,
    PostId,
    PostNotFound,
    SeenComment,
    ThreadTooDeep,
    UserId,
)
from nova.services.social.service.counters import CachedCounters
from nova.services.social.service.reading import Reading
from nova.services.social.service.sight import Sight
from nova.services.social.store.tx import SocialWriter


class Comments:
    """The verbs that comment."""

    def __init__(
        self, *, writer: SocialWriter, reading: Reading, counters: CachedCounters, sight: Sight, clock: Clock
    ) -> None:
        self._writer = writer
        self._reading = reading
        self._counters = counters
        self._sight = sight
        self._clock = clock

    async def add(self, actor: Actor, post_id: PostId, parent_id: CommentId | None, text: str) -> SeenComment:
        """Comment on a post, or reply to a comment under it."""
        actor.require("social:write:own")
        kept = rules.comment(text)
        author_id = await self._sight.author_of(post_id)
        if parent_id is not None and (await self._visible(actor, parent_id)).comment.post_id != post_id:
            raise CommentNotFound
        async with self._writer.transaction() as tx:
            parent = None if parent_id is None else await tx.lock_comment(post_id, parent_id)
            if parent is None and parent_id is not None:
                raise CommentNotFound
            comment = self._made(UserId(actor.user_id), post_id, parent, kept)
            if not await tx.add_comments([comment]):
                raise PostNotFound  # it was deleted meanwhile
            tx.emit(events.comment_created(comment, author_id))
            tx.after_commit(lambda: self._counters.changed(post_id))
            return tx.answer(
                SeenComment(comment=comment, like_count=0, viewer_has_liked=False, reply_count=0)
            )

    async def edit(self, actor: Actor, comment_id: CommentId, text: str) -> SeenComment:
        """Change an own comment."""
        actor.require("social:write:own")
        kept = rules.comment(text)
        viewer_id = UserId(actor.user_id)
        if (await self._visible(actor, comment_id)).comment.author_id != viewer_id:
            raise NotYourComment
        hidden = await self._sight.people.hidden()
        async with self._writer.transaction() as tx:
            await tx.edit_comment(comment_id, viewer_id, kept, self._clock.now())
            seen = await tx.seen(viewer_id, comment_id, hidden)
            if seen is None:
                raise CommentNotFound
            return tx.answer(seen)

    async def delete(self, actor: Actor, comment_id: CommentId) -> PostId:
        """Delete a comment and all replies below: an own one, one under an own post, or any as a moderator.

        With social:delete:any the caller deletes what he may not see too.
        """
        comment, author_id = await self._reading.to_delete(actor, comment_id)
        own = actor.user_id in {comment.author_id, author_id}
        actor.require("social:delete:own" if own else "social:delete:any")
        now = self._clock.now()
        async with self._writer.transaction() as tx:
            for gone in await tx.delete_thread(comment.post_id, comment_id):
                tx.emit(events.comment_deleted(gone, author_id, UserId(actor.user_id), now))
            tx.after_commit(lambda: self._counters.changed(comment.post_id))
            return tx.answer(comment.post_id)

    async def like(self, actor: Actor, comment_id: CommentId) -> SeenComment:
        """Like a comment once."""
        return await self._set_like(actor, comment_id, liked=True)

    async def unlike(self, actor: Actor, comment_id: CommentId) -> SeenComment:
        """Take a like of a comment back."""
        return await self._set_like(actor, comment_id, liked=False)

    async def _set_like(self, actor: Actor, comment_id: CommentId, *, liked: bool) -> SeenComment:
        actor.require("social:write:own")
        viewer_id = UserId(actor.user_id)
        _, hidden = await asyncio.gather(self._visible(actor, comment_id), self._sight.people.hidden())
        async with self._writer.transaction() as tx:
            if liked:
                await tx.like_comment(comment_id, viewer_id, self._clock.now())
            else:
                await tx.unlike_comment(comment_id, viewer_id)
            seen = await tx.seen(viewer_id, comment_id, hidden)
            if seen is None:
                raise CommentNotFound
            return tx.answer(seen)

    async def _visible(self, actor: Actor, comment_id: CommentId) -> SeenComment:
        found = await self._reading.comments(actor, [comment_id])
        if not found:
            raise CommentNotFound
        return found[0]

    def _made(self, author_id: UserId, post_id: PostId, parent: Comment | None, text: str) -> Comment:
        comment_id = CommentId(uuid7())
        path = () if parent is None else parent.path
        if len(path) >= DEPTH_MOST:
            raise ThreadTooDeep(field="parent_id")
        return Comment(
            comment_id=comment_id,
            post_id=post_id,
            parent_id=None if parent is None else parent.comment_id,
            author_id=author_id,
            path=(*path, comment_id),
            authors=(*(() if parent is None else parent.authors), author_id),
            text=text,
            created_at=self._clock.now(),
        )
