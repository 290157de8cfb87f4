"""A member of a consumer group on the log in PostgreSQL.

A member owns a partition while it holds the lock on the group's row of it, in a transaction that stays open
while the batch is worked on. A member that dies lets go at once; one that hangs is cut off by the server when
its heartbeat stops. It takes all partitions that are free, so that records come in the order in which they
were told wherever that can be; several members of a group therefore take turns.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from nova.platform.db.bell import Bell
from nova.platform.db.failures import translated
from nova.platform.db.pool import Connection, Pool
from nova.platform.events import Topic
from nova.platform.log.catalog import Catalog
from nova.platform.log.port import Delivered
from nova.platform.log.postgres_rows import COLUMNS, bell_names, delivered

_HEARTBEAT_S = 15.0

_JOIN = """
INSERT INTO group_offsets (group_name, partition_id, committed)
SELECT $1, id, first_offset FROM partitions WHERE id = any($2::int[])
ON CONFLICT DO NOTHING
"""
# A move that is lost in a crash is a redelivery, which consumers filter: it need not wait for the disk.
_BEGIN = "BEGIN; SET LOCAL synchronous_commit = off"
_CLAIM = f"""
WITH mine AS MATERIALIZED (
    SELECT group_offsets.partition_id, group_offsets.committed
    FROM group_offsets JOIN partitions ON partitions.id = group_offsets.partition_id
    WHERE group_offsets.group_name = $1 AND group_offsets.partition_id = any($2::int[])
      AND partitions.next_offset > group_offsets.committed
    FOR UPDATE OF group_offsets SKIP LOCKED
)
SELECT {COLUMNS}
FROM mine CROSS JOIN LATERAL (
    SELECT * FROM records
    WHERE records.partition_id = mine.partition_id AND records."offset" >= mine.committed
    ORDER BY records."offset" LIMIT $3
) AS records
ORDER BY records.seq LIMIT $3
"""
_MOVE = """
UPDATE group_offsets SET committed = read.next
FROM unnest($2::int[], $3::bigint[]) AS read (partition_id, next)
WHERE group_offsets.group_name = $1 AND group_offsets.partition_id = read.partition_id
"""


class GroupMember:
    """A `Subscription`."""

    def __init__(
        self,
        *,
        pool: Pool,
        catalog: Catalog,
        bell: Bell,
        group: str,
        topics: Sequence[Topic[Any]],
        poll_s: float,
    ) -> None:
        self._pool = pool
        self._catalog = catalog
        self._bell = bell
        self._group = group
        self._topics = list(topics)
        self._poll_s = poll_s
        self._partitions: list[int] | None = None

    @asynccontextmanager
    async def batch(self, limit: int) -> AsyncIterator[Sequence[Delivered]]:
        """Wait for records and own their partitions; see the port."""
        partitions = self._partitions or await self._join()
        with self._bell.listen(*bell_names(topic.name for topic in self._topics)) as ear:
            while True:
                ear.forget()
                async with self._pool.connection() as connection:
                    records = await self._claim(connection, partitions, limit)
                    if records:
                        async with _heartbeat(connection):
                            yield records
                        await self._move(connection, records)
                        return
                await ear.wait(self._poll_s)

    async def aclose(self) -> None:
        """Leave the group. Outside a batch a member holds nothing."""

    async def _join(self) -> list[int]:
        await self._catalog.declare({topic.name: topic.partitions for topic in self._topics})
        partitions = self._catalog.partitions(topic.name for topic in self._topics)
        async with self._pool.connection() as connection:
            with translated():
                await connection.execute(_JOIN, self._group, partitions)
        self._partitions = partitions
        return partitions

    async def _claim(self, connection: Connection, partitions: list[int], limit: int) -> list[Delivered]:
        with translated():
            await connection.execute(_BEGIN)
            rows = await connection.fetch(_CLAIM, self._group, partitions, limit)
            if not rows:
                await connection.execute("ROLLBACK")
        return [delivered(row, self._catalog) for row in rows]

    async def _move(self, connection: Connection, records: Sequence[Delivered]) -> None:
        ends = {(record.topic, record.partition): record.offset + 1 for record in records}
        partitions = [self._catalog.identifier(*place) for place in ends]
        with translated():
            await connection.execute(_MOVE, self._group, partitions, list(ends.values()))
            await connection.execute("COMMIT")


@asynccontextmanager
async def _heartbeat(connection: Connection) -> AsyncIterator[None]:
    """Show the server that this member lives, while somebody else's code works on the batch."""
    done = asyncio.Event()

    async def beat() -> None:
        while not done.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_HEARTBEAT_S):
                    await done.wait()
                    return
            await connection.execute("SELECT 1")

    beating = asyncio.create_task(beat(), name="log-heartbeat")
    try:
        yield
    finally:
        done.set()
        with translated():
            await beating
