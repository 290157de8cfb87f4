"""Reading the ledgers, to fill the adjacency from them and to stand in for it. Always from the primary."""

from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

from nova.platform.db.database import Database
from nova.services.graph.model import EdgeBatch, UserId
from nova.services.graph.store.edges import FOLLOWS, REQUESTS, EdgeLedger

ROWS_A_PAGE: Final = 20_000
_NOBODY: Final = UUID(int=0)

_FOLLOWING = """
SELECT coalesce(string_agg(uuid_send(followee_id), ''::bytea ORDER BY since DESC), ''::bytea)
FROM (
    SELECT followee_id, since FROM follows
    WHERE follower_id = $1 AND ended_at IS NULL
      AND NOT EXISTS (
        SELECT FROM blocks WHERE NOT lifted AND user_id = follower_id AND blocked_id = followee_id)
      AND NOT EXISTS (
        SELECT FROM blocks WHERE NOT lifted AND user_id = followee_id AND blocked_id = follower_id)
    ORDER BY since DESC LIMIT $2
) AS followed
"""
_TIED = f"SELECT ({FOLLOWS.stands}) OR ({REQUESTS.stands})"


class Ledger:
    """Follows and requests as they lie in PostgreSQL."""

    def __init__(self, database: Database, *, rows_a_page: int = ROWS_A_PAGE) -> None:
        self._database = database
        self._rows_a_page = rows_a_page

    def follows(self, *, ended_since: int) -> AsyncIterator[EdgeBatch]:
        """Yield all follows that stand, and those that ended at a version from `ended_since` on."""
        return self._pages(FOLLOWS, ended_since)

    def requests(self, *, ended_since: int) -> AsyncIterator[EdgeBatch]:
        """Yield all requests that stand, and those that ended at a version from `ended_since` on."""
        return self._pages(REQUESTS, ended_since)

    async def identity(self) -> UUID:
        """Return who this ledger is, among all that might be projected into one engine."""
        (row,) = await self._database.primary.fetch("SELECT id FROM ledger")
        ledger_id: UUID = row["id"]
        return ledger_id

    async def following(self, user_id: UserId, *, limit: int) -> bytes:
        """Return whom a user follows and no block hides, newest first, as ids of 16 bytes side by side."""
        rows = await self._database.primary.fetch(_FOLLOWING, user_id, limit)
        packed: bytes = rows[0][0]
        return packed

    async def tied(self, one: UserId, other: UserId) -> bool:
        """Return whether one follows the other, or asks to."""
        return bool(await self._database.primary.fetchval(_TIED, one, other))

    async def _pages(self, ledger: EdgeLedger, ended_since: int) -> AsyncIterator[EdgeBatch]:
        source = target = _NOBODY
        while True:
            rows = await self._database.primary.fetch(
                ledger.page, source, target, self._rows_a_page, ended_since
            )
            page = rows[0]
            if page["sources"] is None:
                return
            yield EdgeBatch(
                sources=page["sources"],
                targets=page["targets"],
                at_ms=page["at_ms"],
                versions=page["versions"],
                ended=page["ended"],
            )
            if len(page["versions"]) < self._rows_a_page:
                return
            source, target = UUID(bytes=page["sources"][-16:]), UUID(bytes=page["targets"][-16:])
