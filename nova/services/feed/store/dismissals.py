"""What people are not interested in: feed's one table."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final

from nova.platform.clock import Clock
from nova.platform.db.database import Database
from nova.platform.db.pool import Record
from nova.platform.db.tx import Tx
from nova.platform.resilience import CallPolicy
from nova.services.feed.model import PostId, UserId

READ_S: Final = 0.5
"""What a page can spare for them."""
_AT_ONCE: Final = 64
_AMONG = "SELECT post_id FROM dismissals WHERE user_id = $1 AND post_id = any($2)"
_LATEST = "SELECT post_id FROM dismissals WHERE user_id = $1 ORDER BY dismissed_at DESC LIMIT $2"
_ADD = "INSERT INTO dismissals (user_id, post_id, dismissed_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"


class FeedTx(Tx):
    """The statements of feed's transactions."""

    async def dismiss(self, user_id: UserId, post_id: PostId, dismissed_at: datetime) -> bool:
        """Return False when the user had dismissed the post before."""
        return await self.execute(_ADD, user_id, post_id, dismissed_at) == 1

    async def forget_posts(self, post_ids: Sequence[PostId]) -> None:
        """Drop the dismissals of posts that are no more."""
        await self.execute("DELETE FROM dismissals WHERE post_id = any($1)", post_ids)


class DismissalStore:
    """Dismissals as they lie in PostgreSQL. One's own is in effect on the next page: reads go to the primary.

    A read takes `read_s` at most; while the database is late again and again none waits for it. Both raise
    `Unavailable` and `Timeout`.
    """

    def __init__(self, database: Database, *, clock: Clock, read_s: float = READ_S) -> None:
        self._database = database
        self._reads = CallPolicy("feed-dismissals", clock=clock, timeout_s=read_s, max_concurrent=_AT_ONCE)

    def transaction(self) -> AbstractAsyncContextManager[FeedTx]:
        """Open a transaction that commits at the end of its block."""
        return self._database.transaction(FeedTx)

    async def among(self, user_id: UserId, post_ids: Sequence[PostId]) -> frozenset[bytes]:
        """Return those of the posts that the user dismissed."""
        return frozenset(row["post_id"].bytes for row in await self._read(_AMONG, user_id, post_ids))

    async def latest(self, user_id: UserId, *, limit: int) -> list[bytes]:
        """Return the posts that the user dismissed last, the newest dismissal first."""
        return [row["post_id"].bytes for row in await self._read(_LATEST, user_id, limit)]

    async def _read(self, sql: str, *args: object) -> list[Record]:
        return await self._reads.call(lambda: self._database.primary.fetch(sql, *args))
