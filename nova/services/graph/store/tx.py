"""Writing follows and requests, and the copies of what user says."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime

from nova.platform.clock import unix_ms
from nova.platform.db.database import Database
from nova.platform.db.pool import Record
from nova.platform.db.tx import Tx
from nova.services.graph.model import BlockState, Follow, FollowRequest, Privacy, UserId
from nova.services.graph.store.edges import FOLLOWS, REQUESTS

Pair = tuple[UserId, UserId]

# One lock for both directions, taken in one order, so that two batches never wait for one another in a circle.
_LOCK_PAIRS = """
SELECT pg_advisory_xact_lock(pair_key) FROM (
    SELECT DISTINCT hashtextextended(least(one, other)::text || greatest(one, other)::text, 0) AS pair_key
    FROM unnest($1::uuid[], $2::uuid[]) AS pair (one, other) ORDER BY pair_key
) AS in_order
"""
_PRIVACY = "SELECT user_id, is_private, version FROM people WHERE user_id = $1 FOR SHARE"
# What is known already is left out first: ON CONFLICT would lock its row, and all who follow one person would queue.
_LEARN_PEOPLE = """
INSERT INTO people (user_id, is_private, version)
SELECT * FROM unnest($1::uuid[], $2::boolean[], $3::bigint[]) AS told (user_id, is_private, version)
WHERE NOT EXISTS (
    SELECT FROM people AS known WHERE known.user_id = told.user_id AND known.version >= told.version)
ORDER BY user_id
ON CONFLICT (user_id) DO UPDATE SET is_private = excluded.is_private, version = excluded.version
WHERE excluded.version > people.version
RETURNING user_id, is_private, version
"""
_LEARN_BLOCKS = """
INSERT INTO blocks (user_id, blocked_id, lifted, version)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::bigint[])
ON CONFLICT (user_id, blocked_id) DO UPDATE SET lifted = excluded.lifted, version = excluded.version
WHERE excluded.version > blocks.version
RETURNING user_id, blocked_id, lifted, version
"""
_BLOCK_BETWEEN = """
SELECT EXISTS (SELECT FROM blocks WHERE (user_id, blocked_id) IN (($1, $2), ($2, $1)) AND NOT lifted)
"""


class GraphTx(Tx):
    """The statements of graph's transactions."""

    async def lock_pairs(self, pairs: Iterable[Pair]) -> None:
        """Keep others from deciding about these pairs until the transaction ends."""
        await self.execute(_LOCK_PAIRS, *_columns(pairs))

    async def add_follows(self, follows: Sequence[Follow]) -> list[Follow]:
        """Insert follows of distinct pairs in one statement; return the new ones, with their true versions."""
        rows = await self.fetch(
            FOLLOWS.add,
            [follow.follower_id for follow in follows],
            [follow.followee_id for follow in follows],
            [follow.since for follow in follows],
            [follow.version for follow in follows],
        )
        return list(map(_follow, rows))

    async def end_follows(self, pairs: Iterable[Pair], ended_at: datetime) -> list[Follow]:
        """End the follows (follower, followee) that stand; return them with the versions of their end."""
        return list(
            map(_follow, await self.fetch(FOLLOWS.end, *_columns(pairs), ended_at, unix_ms(ended_at)))
        )

    async def follows(self, follower_id: UserId, followee_id: UserId) -> bool:
        """Return whether a follow stands."""
        return bool(await self.fetchval(FOLLOWS.stands, follower_id, followee_id))

    async def add_requests(self, requests: Sequence[FollowRequest]) -> list[FollowRequest]:
        """Insert requests of distinct pairs in one statement; return the new ones, with their true versions."""
        rows = await self.fetch(
            REQUESTS.add,
            [request.requester_id for request in requests],
            [request.requested_id for request in requests],
            [request.since for request in requests],
            [request.version for request in requests],
        )
        return list(map(_request, rows))

    async def end_requests(self, pairs: Iterable[Pair], ended_at: datetime) -> list[FollowRequest]:
        """End the requests (requester, requested) that stand; return them with the versions of their end."""
        rows = await self.fetch(REQUESTS.end, *_columns(pairs), ended_at, unix_ms(ended_at))
        return list(map(_request, rows))

    async def end_requests_to(self, user_ids: Sequence[UserId], ended_at: datetime) -> list[FollowRequest]:
        """End all requests to these users; return them with the versions of their end."""
        return list(map(_request, await self.fetch(REQUESTS.end_to, user_ids, ended_at, unix_ms(ended_at))))

    async def privacy(self, told: Privacy) -> Privacy:
        """Return the newest that is known of an account, and keep it from changing until the transaction ends."""
        await self.learn_people([told])
        row = await self.fetchrow(_PRIVACY, told.user_id)
        return told if row is None else _privacy(row)

    async def learn_people(self, told: Sequence[Privacy]) -> list[Privacy]:
        """Keep what is news of distinct accounts, in one statement; return the news."""
        rows = await self.fetch(
            _LEARN_PEOPLE,
            [privacy.user_id for privacy in told],
            [privacy.is_private for privacy in told],
            [privacy.version for privacy in told],
        )
        return list(map(_privacy, rows))

    async def learn_blocks(self, told: Sequence[BlockState]) -> list[BlockState]:
        """Keep what is news of blocks of distinct pairs, in one statement; return the news. The pairs are locked."""
        rows = await self.fetch(
            _LEARN_BLOCKS,
            [block.user_id for block in told],
            [block.blocked_id for block in told],
            [block.lifted for block in told],
            [block.version for block in told],
        )
        return list(map(_block, rows))

    async def block_between(self, one: UserId, other: UserId) -> bool:
        """Return whether a block stands between two people, either way. The pair is locked."""
        return bool(await self.fetchval(_BLOCK_BETWEEN, one, other))


class GraphWriter:
    """Opens graph's transactions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractAsyncContextManager[GraphTx]:
        """Open a transaction that commits at the end of its block."""
        return self._database.transaction(GraphTx)


def _columns(pairs: Iterable[Pair]) -> tuple[list[UserId], list[UserId]]:
    rows = list(pairs)
    return [source for source, _ in rows], [target for _, target in rows]


def _follow(row: Record) -> Follow:
    return Follow(
        follower_id=UserId(row["source"]),
        followee_id=UserId(row["target"]),
        since=row["since"],
        version=row["version"],
    )


def _request(row: Record) -> FollowRequest:
    return FollowRequest(
        requester_id=UserId(row["source"]),
        requested_id=UserId(row["target"]),
        since=row["since"],
        version=row["version"],
    )


def _privacy(row: Record) -> Privacy:
    return Privacy(user_id=UserId(row["user_id"]), is_private=row["is_private"], version=row["version"])


def _block(row: Record) -> BlockState:
    return BlockState(
        user_id=UserId(row["user_id"]),
        blocked_id=UserId(row["blocked_id"]),
        lifted=row["lifted"],
        version=row["version"],
    )
