"""Likes and shares."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from nova.platform.auth.actor import Actor
from nova.platform.clock import Clock
from nova.policy import rules
from nova.services.social import events
from nova.services.social.model import Like, PostId, PostNotFound, PostState, Share, UserId
from nova.services.social.service.counters import CachedCounters
from nova.services.social.service.sight import Sight
from nova.services.social.store.tx import SocialTx, SocialWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """The caller before a post that he may see: whose it is, and who is hidden from him."""

    user_id: UserId
    post_id: PostId
    author_id: UserId
    hidden: Sequence[UserId]


class Reactions:
    """The verbs that like and share. Each returns the state of the post for the caller after it."""

    def __init__(self, *, writer: SocialWriter, counters: CachedCounters, sight: Sight, clock: Clock) -> None:
        self._writer = writer
        self._counters = counters
        self._sight = sight
        self._clock = clock

    async def like(self, actor: Actor, post_id: PostId) -> PostState:
        """Record a like once. Liking again changes nothing and tells nobody."""
        reader = await self._reader(actor, post_id)
        like = Like(user_id=reader.user_id, post_id=post_id, liked_at=self._clock.now())
        async with self._writer.transaction() as tx:
            if await tx.add_likes([like]):
                tx.emit(events.like_created(like, reader.author_id))
                self._forget_counts(tx, post_id)
            state = await tx.state(reader.user_id, post_id, reader.hidden)
            if not state.viewer_has_liked:
                raise PostNotFound  # it was deleted meanwhile
            return tx.answer(state)

    async def unlike(self, actor: Actor, post_id: PostId) -> PostState:
        """Take a like back."""
        reader = await self._reader(actor, post_id)
        now = self._clock.now()
        async with self._writer.transaction() as tx:
            if like := await tx.remove_like(reader.user_id, post_id):
                tx.emit(events.like_deleted(like, reader.author_id, now))
                self._forget_counts(tx, post_id)
            return tx.answer(await tx.state(reader.user_id, post_id, reader.hidden))

    async def share(self, actor: Actor, post_id: PostId, text: str) -> PostState:
        """Record a share once."""
        reader = await self._reader(actor, post_id)
        share = Share(
            user_id=reader.user_id,
            post_id=post_id,
            text=rules.text(text, field="text", most=rules.SHARE_TEXT_MOST),
            shared_at=self._clock.now(),
        )
        async with self._writer.transaction() as tx:
            if await tx.add_share(share):
                tx.emit(events.share_created(share, reader.author_id))
                self._forget_counts(tx, post_id)
            state = await tx.state(reader.user_id, post_id, reader.hidden)
            if not state.viewer_has_shared:
                raise PostNotFound  # it was deleted meanwhile
            return tx.answer(state)

    async def unshare(self, actor: Actor, post_id: PostId) -> PostState:
        """Take a share back."""
        reader = await self._reader(actor, post_id)
        now = self._clock.now()
        async with self._writer.transaction() as tx:
            if share := await tx.remove_share(reader.user_id, post_id):
                tx.emit(events.share_deleted(share, reader.author_id, now))
                self._forget_counts(tx, post_id)
            return tx.answer(await tx.state(reader.user_id, post_id, reader.hidden))

    async def _reader(self, actor: Actor, post_id: PostId) -> _Reader:
        actor.require("social:write:own")
        author_id, hidden = await asyncio.gather(self._sight.author_of(post_id), self._sight.people.hidden())
        return _Reader(user_id=UserId(actor.user_id), post_id=post_id, author_id=author_id, hidden=hidden)

    def _forget_counts(self, tx: SocialTx, post_id: PostId) -> None:
        tx.after_commit(lambda: self._counters.changed(post_id))
