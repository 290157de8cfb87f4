"""Taking in what user and identity tell: it decides who may follow whom, and ends what must not go on.

What is told carries a version. Only news counts, so events that come late, twice, or after a follow that was decided
on the same news, change nothing.
"""

from collections.abc import Sequence
from datetime import datetime

from nova.platform.clock import Clock, unix_ms
from nova.services.graph.model import BlockState, Changes, Follow, FollowRequest, Privacy
from nova.services.graph.service.recording import Causes, Recorder
from nova.services.graph.store.tx import GraphTx, Pair


class Hearing:
    """What is done about news."""

    def __init__(self, *, recorder: Recorder, clock: Clock) -> None:
        self._recorder = recorder
        self._clock = clock

    async def accounts(self, tx: GraphTx, opened: Sequence[Privacy]) -> None:
        """Know new accounts: they begin public."""
        await tx.learn_people(opened)

    async def people(self, tx: GraphTx, told: Sequence[Privacy], causes: Causes) -> None:
        """Know who is private. Whoever no longer is has accepted everyone who asked."""
        at = self._clock.now()
        newest = {privacy.user_id: privacy for privacy in sorted(told, key=lambda privacy: privacy.version)}
        opened = [
            privacy.user_id
            for privacy in await tx.learn_people(list(newest.values()))
            if not privacy.is_private
        ]
        if opened:
            accepted = await tx.end_requests_to(opened, at)
            self._recorder.record(tx, await followed(tx, accepted, at), at, causes)

    async def blocks(self, tx: GraphTx, told: Sequence[BlockState], causes: Causes) -> None:
        """Know who blocks whom. Two people between whom a block came no longer follow each other."""
        await tx.lock_pairs(_pairs(told))
        at = self._clock.now()
        self._recorder.record(tx, await self.learn_blocks(tx, told, at), at, causes)

    async def learn_blocks(self, tx: GraphTx, told: Sequence[BlockState], at: datetime) -> Changes:
        """Know blocks of pairs that `tx` has locked, and end follows and requests where there is news.

        A block that was lifted before anyone here heard of it has ended them as well.
        """
        newest = {
            (block.user_id, block.blocked_id): block
            for block in sorted(told, key=lambda block: block.version)
        }
        if not newest:
            return Changes()
        pairs = [
            pair
            for block in await tx.learn_blocks(list(newest.values()))
            for pair in ((block.user_id, block.blocked_id), (block.blocked_id, block.user_id))
        ]
        if not pairs:
            return Changes()
        return Changes(
            unrequested=await tx.end_requests(pairs, at), unfollowed=await tx.end_follows(pairs, at)
        )


async def followed(tx: GraphTx, accepted: Sequence[FollowRequest], at: datetime) -> Changes:
    """Make follows of requests that `tx` has ended."""
    if not accepted:
        return Changes()
    follows = [
        Follow(
            follower_id=request.requester_id,
            followee_id=request.requested_id,
            since=at,
            version=unix_ms(at),
        )
        for request in accepted
    ]
    return Changes(unrequested=accepted, followed=await tx.add_follows(follows))


def _pairs(blocks: Sequence[BlockState]) -> list[Pair]:
    return [(block.user_id, block.blocked_id) for block in blocks]
