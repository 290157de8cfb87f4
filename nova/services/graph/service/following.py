"""Following, and ending it; asking, and answering who asked."""

from dataclasses import replace
from datetime import datetime
from typing import Protocol

from nova.platform.auth.actor import Actor
from nova.platform.clock import Clock, unix_ms
from nova.services.graph.model import (
    Changes,
    Follow,
    FollowRequest,
    FollowState,
    FollowTerms,
    OneselfFollowed,
    Privacy,
    RequestNotFound,
    UserId,
    UserNotFound,
)
from nova.services.graph.service.hearing import Hearing, followed
from nova.services.graph.service.recording import Recorder
from nova.services.graph.store.ledger import Ledger
from nova.services.graph.store.tx import GraphTx, GraphWriter


class Users(Protocol):
    """What following asks of user."""

    async def terms(self, user_id: UserId) -> FollowTerms:
        """Return what decides whether the caller may follow somebody; raise `UserNotFound`, `Unavailable`."""
        ...


class Following:
    """The verbs that change who follows whom."""

    def __init__(
        self,
        *,
        writer: GraphWriter,
        ledger: Ledger,
        users: Users,
        hearing: Hearing,
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self._writer = writer
        self._ledger = ledger
        self._users = users
        self._hearing = hearing
        self._recorder = recorder
        self._clock = clock

    async def follow(self, actor: Actor, user_id: UserId) -> FollowState:
        """Follow a user, or ask to where the account is private. Again changes nothing.

        The decision is made in the transaction, on what user says now: whoever learns of a block or of a
        private account later finds it decided, or ends it.
        """
        actor.require("graph:write:own")
        me = UserId(actor.user_id)
        if user_id == me:
            raise OneselfFollowed(field="user_id")
        terms = await self._users.terms(user_id)
        at = self._clock.now()
        async with self._writer.transaction() as tx:
            await tx.lock_pairs([(me, user_id)])
            ended = await self._hearing.learn_blocks(tx, terms.blocks, at)
            if await tx.block_between(me, user_id):
                raise UserNotFound(field="user_id")
            state, made = await self._made(tx, me, await tx.privacy(terms.privacy), at)
            changes = replace(
                made, unfollowed=ended.unfollowed, unrequested=[*ended.unrequested, *made.unrequested]
            )
            self._recorder.record(tx, changes, at)
            return tx.answer(state)

    async def unfollow(self, actor: Actor, user_id: UserId) -> FollowState:
        """Stop following a user, or withdraw the request. Whoever was not followed still is not."""
        actor.require("graph:write:own")
        me = UserId(actor.user_id)
        if not await self._ledger.tied(me, user_id):
            await self._require_there(user_id)
        pairs, at = [(me, user_id)], self._clock.now()
        async with self._writer.transaction() as tx:
            changes = Changes(
                unrequested=await tx.end_requests(pairs, at), unfollowed=await tx.end_follows(pairs, at)
            )
            self._recorder.record(tx, changes, at)
            return tx.answer(FollowState.NONE)

    async def remove_follower(self, actor: Actor, user_id: UserId) -> None:
        """Make somebody stop following the caller. Whoever did not follow still does not."""
        actor.require("graph:write:own")
        me = UserId(actor.user_id)
        if not await self._ledger.tied(user_id, me):
            await self._require_there(user_id)
        at = self._clock.now()
        async with self._writer.transaction() as tx:
            ended = await tx.end_follows([(user_id, me)], at)
            self._recorder.record(tx, Changes(unfollowed=ended), at)
            tx.answer(None)

    async def accept(self, actor: Actor, user_id: UserId) -> None:
        """Let somebody who asked follow the caller."""
        actor.require("graph:write:own")
        pair, at = (user_id, UserId(actor.user_id)), self._clock.now()
        async with self._writer.transaction() as tx:
            await tx.lock_pairs([pair])
            accepted = await tx.end_requests([pair], at)
            if not accepted:
                raise RequestNotFound(field="user_id")
            self._recorder.record(tx, await followed(tx, accepted, at), at)
            tx.answer(None)

    async def reject(self, actor: Actor, user_id: UserId) -> None:
        """Turn somebody down who asked to follow the caller; he is not told."""
        actor.require("graph:write:own")
        at = self._clock.now()
        async with self._writer.transaction() as tx:
            rejected = await tx.end_requests([(user_id, UserId(actor.user_id))], at)
            if not rejected:
                raise RequestNotFound(field="user_id")
            self._recorder.record(tx, Changes(unrequested=rejected), at)
            tx.answer(None)

    async def _require_there(self, user_id: UserId) -> None:
        """Raise `UserNotFound` where there is no such user, or he has blocked the caller: both look alike."""
        terms = await self._users.terms(user_id)
        if any(block.user_id == user_id and not block.lifted for block in terms.blocks):
            raise UserNotFound(field="user_id")

    async def _made(
        self, tx: GraphTx, me: UserId, user: Privacy, at: datetime
    ) -> tuple[FollowState, Changes]:
        if await tx.follows(me, user.user_id):
            return FollowState.FOLLOWING, Changes()
        version = unix_ms(at)
        if user.is_private:
            request = FollowRequest(requester_id=me, requested_id=user.user_id, since=at, version=version)
            return FollowState.REQUESTED, Changes(requested=await tx.add_requests([request]))
        follow = Follow(follower_id=me, followee_id=user.user_id, since=at, version=version)
        return FollowState.FOLLOWING, Changes(
            unrequested=await tx.end_requests([(me, user.user_id)], at),
            followed=await tx.add_follows([follow]),
        )
