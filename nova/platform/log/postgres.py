"""The event log in PostgreSQL: the embedded default, with the promises of the port.

An append is one statement. Records carry offsets drawn under the lock of their partition's row, so a reader
that goes by offset misses nothing that commits late.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from nova.platform.db.bell import Bell
from nova.platform.db.failures import translated
from nova.platform.db.link import KEEPALIVE_SETTINGS
from nova.platform.db.pool import Pool
from nova.platform.events import Topic
from nova.platform.log.catalog import Catalog
from nova.platform.log.port import DEAD_SUFFIX, Delivered, Fence, Fenced, Position, Record, check_size
from nova.platform.log.postgres_group import GroupMember
from nova.platform.log.postgres_rows import COLUMNS, bell_names, delivered
from nova.platform.log.postgres_tail import follow
from nova.platform.outbox.write import dump_headers

DEAD_KEPT_S = 90 * 86_400.0
SCHEMA = Path(__file__).parent / "schema"

_FENCE = """
fence AS (
    INSERT INTO producers (name, turn) VALUES ($11, $12)
    ON CONFLICT (name) DO UPDATE SET turn = excluded.turn WHERE producers.turn <= excluded.turn
    RETURNING turn
),
"""
_APPEND = """
WITH {fence} locked AS MATERIALIZED (
    SELECT partitions.id, counted.records
    FROM partitions JOIN unnest($1::int[], $2::int[]) AS counted (id, records) ON counted.id = partitions.id
    {fenced}
    ORDER BY partitions.id
    FOR UPDATE OF partitions
),
moved AS (
    UPDATE partitions SET next_offset = partitions.next_offset + locked.records
    FROM locked WHERE partitions.id = locked.id
    RETURNING partitions.id, partitions.next_offset - locked.records AS base
)
INSERT INTO records (partition_id, "offset", id, key, payload, source, headers, emitted_at)
SELECT moved.id, moved.base + given.nth, given.id, given.key, given.payload, given.source, given.headers,
       given.emitted_at
FROM unnest($3::int[], $4::int[], $5::uuid[], $6::bytea[], $7::bytea[], $8::text[], $9::text[],
            $10::timestamptz[])
     WITH ORDINALITY AS given (partition_id, nth, id, key, payload, source, headers, emitted_at, place)
JOIN moved ON moved.id = given.partition_id
ORDER BY given.place
"""
_APPEND_FREE = _APPEND.format(fence="", fenced="")
_APPEND_FENCED = _APPEND.format(fence=_FENCE, fenced="WHERE EXISTS (SELECT FROM fence)")

_END = "SELECT id, next_offset FROM partitions WHERE id = any($1::int[])"
_LAG = """
SELECT topics.name, partitions.number, partitions.next_offset - group_offsets.committed AS behind
FROM group_offsets
JOIN partitions ON partitions.id = group_offsets.partition_id
JOIN topics ON topics.id = partitions.topic_id
WHERE group_offsets.group_name = $1
"""
_READ = f"""
SELECT {COLUMNS} FROM records
WHERE records.partition_id = any($1::int[])
  AND records.seq > coalesce((SELECT max(seq) FROM records WHERE partition_id = any($1::int[]) AND id = $3), 0)
ORDER BY records.seq LIMIT $2
"""
_NEWEST = f"""
SELECT {COLUMNS} FROM records WHERE records.partition_id = any($1::int[]) ORDER BY records.seq DESC LIMIT $2
"""
_KEPT = """
SELECT partitions.id, topics.name FROM partitions JOIN topics ON topics.id = partitions.topic_id
WHERE partitions.first_offset < partitions.next_offset ORDER BY partitions.id
"""
# Up to the first record that is young, or that some group has still to read.
_TRIM = """
WITH bound AS (
    SELECT partitions.first_offset AS start, least(
        partitions.next_offset,
        partitions.first_offset + $3,
        (SELECT min(committed) FROM group_offsets WHERE partition_id = $1),
        (SELECT "offset" FROM records
         WHERE partition_id = $1 AND "offset" BETWEEN partitions.first_offset AND partitions.first_offset + $3
           AND appended_at >= now() - make_interval(secs => $2)
         ORDER BY "offset" LIMIT 1)
    ) AS stop
    FROM partitions WHERE partitions.id = $1
),
old AS (
    DELETE FROM records USING bound
    WHERE partition_id = $1 AND "offset" >= bound.start AND "offset" < bound.stop
    RETURNING "offset"
),
moved AS (
    UPDATE partitions SET first_offset = greatest(first_offset, bound.stop)
    FROM bound WHERE partitions.id = $1 AND bound.stop > bound.start
)
SELECT count(*) FROM old
"""


class PostgresLog:
    """An `EventLog`. `dsn` is the log's own role, whose search path is the log's schema."""

    def __init__(
        self,
        *,
        dsn: str,
        bell: Bell,
        name: str = "log",
        pool_size: int = 16,
        poll_s: float = 2.0,
        statement_timeout_s: float = 5.0,
    ) -> None:
        self._bell = bell
        self._poll_s = poll_s
        self._pool = Pool(
            room=name,
            name="primary",
            dsn=dsn,
            size=pool_size,
            connect_timeout_s=statement_timeout_s,
            acquire_timeout_s=10.0,
            statement_timeout_s=statement_timeout_s,
            settings={
                "application_name": f"nova-{name}",
                "jit": "off",
                "statement_timeout": f"{statement_timeout_s * 1000:.0f}",
                "idle_in_transaction_session_timeout": "60s",
            }
            | KEEPALIVE_SETTINGS,
        )
        self._catalog = Catalog(self._pool)

    async def open(self) -> None:
        """Make the pool ready."""
        await self._pool.open()

    async def close(self) -> None:
        """Wait for the work in flight and close the pool."""
        await self._pool.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def declare(self, topics: Iterable[Topic[Any]]) -> None:
        """Make topics that are missing, with their number of partitions."""
        await self._catalog.declare({topic.name: topic.partitions for topic in topics})

    async def append(self, records: Sequence[Record], *, fence: Fence | None = None) -> None:
        """Append all or none; see the port."""
        for record in records:
            check_size(record)
        topics = {record.topic for record in records}
        await self._catalog.require(topics)
        arguments = self._arguments(records)
        async with self._pool.connection() as connection:
            with translated():
                if fence is None:
                    status = await connection.execute(_APPEND_FREE, *arguments)
                else:
                    status = await connection.execute(_APPEND_FENCED, *arguments, fence.producer, fence.turn)
        if status != f"INSERT 0 {len(records)}":
            raise Fenced
        for name in bell_names(topics):
            self._bell.ring(name)

    def _arguments(self, records: Sequence[Record]) -> list[list[Any]]:
        counts: dict[int, int] = {}
        partitions: list[int] = []
        places: list[int] = []
        for record in records:
            partition = self._catalog.partition_of(record.topic, record.key)
            partitions.append(partition)
            places.append(nth := counts.get(partition, 0))
            counts[partition] = nth + 1
        return [
            list(counts),
            list(counts.values()),
            partitions,
            places,
            [record.id for record in records],
            [record.key for record in records],
            [record.payload for record in records],
            [record.source for record in records],
            [dump_headers(record.headers) for record in records],
            [record.emitted_at for record in records],
        ]

    def subscribe(self, group: str, topics: Sequence[Topic[Any]]) -> GroupMember:
        """Return a membership in `group`."""
        return GroupMember(
            pool=self._pool,
            catalog=self._catalog,
            bell=self._bell,
            group=group,
            topics=topics,
            poll_s=self._poll_s,
        )

    def tail(
        self, topics: Sequence[Topic[Any]], position: Position
    ) -> AsyncGenerator[Sequence[Delivered], None]:
        """Yield every record from `position` on, for ever."""
        return follow(
            pool=self._pool,
            catalog=self._catalog,
            bell=self._bell,
            topics=topics,
            position=position,
            poll_s=self._poll_s,
        )

    async def end(self, topics: Sequence[Topic[Any]]) -> dict[tuple[str, int], int]:
        """Return the position after the newest records."""
        await self.declare(topics)
        rows = await self._pool.fetch(_END, self._catalog.partitions(topic.name for topic in topics))
        return {self._catalog.place(row["id"]): row["next_offset"] for row in rows}

    async def lag(self, group: str) -> dict[tuple[str, int], int]:
        """Return how many records `group` has not moved past, by (topic, partition)."""
        rows = await self._pool.fetch(_LAG, group)
        return {(row["name"], row["number"]): row["behind"] for row in rows}

    async def read(self, topic: str, *, limit: int, after: UUID | None = None) -> list[Delivered]:
        """Return the records kept of one topic, oldest first; after the id `after`."""
        await self._catalog.require([topic])
        rows = await self._pool.fetch(_READ, self._catalog.partitions([topic]), limit, after)
        return [delivered(row, self._catalog) for row in rows]

    async def newest(self, topic: str, *, limit: int) -> list[Delivered]:
        """Return the last `limit` records of one topic, oldest first."""
        await self._catalog.require([topic])
        rows = await self._pool.fetch(_NEWEST, self._catalog.partitions([topic]), limit)
        return [delivered(row, self._catalog) for row in reversed(rows)]

    async def trim(self, *, older_than_s: float, batch: int = 5000) -> int:
        """Delete one batch a partition of records older than `older_than_s` seconds; return how many went.

        What a group has still to read stays, however old: events are applied or dead-lettered, never dropped. Dead
        letters are kept for 90 days.
        """
        gone = 0
        for row in await self._pool.fetch(_KEPT):
            kept_s = max(older_than_s, DEAD_KEPT_S) if row["name"].endswith(DEAD_SUFFIX) else older_than_s
            async with self._pool.connection() as connection:
                with translated():
                    gone += await connection.fetchval(_TRIM, row["id"], kept_s, batch)
        return gone

    async def forget(self, group: str) -> None:
        """Forget a group that will not come back, so that it holds no records any more."""
        async with self._pool.connection() as connection:
            with translated():
                await connection.execute("DELETE FROM group_offsets WHERE group_name = $1", group)
