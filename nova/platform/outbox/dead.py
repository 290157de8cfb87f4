"""Events that the log refused too often: they wait in the room's own tables, to be looked at and put back."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nova.platform.db.tx import Tx

_PAGE = """
SELECT seq, id, topic, tries, failure, emitted_at FROM outbox_dead WHERE seq > $2 ORDER BY seq LIMIT $1
"""
_RAISE = """
WITH raised AS (
    DELETE FROM outbox_dead WHERE topic = $1 AND ($2::uuid[] IS NULL OR id = any($2::uuid[]))
    RETURNING seq, id, topic, key, payload, headers, emitted_at
)
INSERT INTO outbox (id, topic, key, payload, headers, emitted_at)
SELECT id, topic, key, payload, headers, emitted_at FROM raised ORDER BY seq
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpublished:
    """An event that never reached the log. `seq` is its place among those of its room; `why` the log's last word."""

    seq: int
    id: UUID
    topic: str
    tries: int
    why: str
    emitted_at: datetime


class DeadTx(Tx):
    """Looks at a room's dead events and raises them, under the relay's role as who buried them."""

    async def page(self, *, limit: int, after: int = 0) -> list[Unpublished]:
        """Return the oldest `limit` dead events; to page on, `after` is the last one's `seq`."""
        return [
            Unpublished(
                seq=row["seq"],
                id=row["id"],
                topic=row["topic"],
                tries=row["tries"],
                why=row["failure"],
                emitted_at=row["emitted_at"],
            )
            for row in await self.fetch(_PAGE, limit, after)
        ]

    async def raise_dead(self, topic: str, ids: Collection[UUID] | None = None) -> int:
        """Put the dead events of a topic, all or those of `ids`, into the outbox again; return how many.

        They go out behind what was told since: versions decide which of the two is news.
        """
        return await self.execute(_RAISE, topic, None if ids is None else list(ids))
