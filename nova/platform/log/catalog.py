"""Topics and their partitions, as PostgreSQL numbers them; learnt once, since neither ever changes."""

import zlib
from collections.abc import Iterable, Mapping

import structlog

from nova.platform.db.failures import translated
from nova.platform.db.pool import Pool
from nova.platform.log.port import DEAD_SUFFIX, USUAL_PARTITIONS, check_name

_log = structlog.get_logger(__name__)

_FIND = """
SELECT topics.name, partitions.id, partitions.number
FROM topics JOIN partitions ON partitions.topic_id = topics.id
WHERE topics.name = any($1::text[])
ORDER BY topics.name, partitions.number
"""
# One statement: a topic is never seen without its partitions.
_MAKE = """
WITH made AS (
    INSERT INTO topics (name) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING RETURNING id, name
)
INSERT INTO partitions (topic_id, number)
SELECT made.id, number
FROM made
JOIN unnest($1::text[], $2::int[]) AS wanted (name, partitions) ON wanted.name = made.name
CROSS JOIN LATERAL generate_series(0, wanted.partitions - 1) AS number
"""


class Catalog:
    """Knows the partitions of the topics that were asked for so far."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._ids: dict[str, list[int]] = {}
        self._places: dict[int, tuple[str, int]] = {}

    async def declare(self, wanted: Mapping[str, int]) -> None:
        """Make the topics that are missing, and learn all of them. `wanted` maps names to partitions."""
        unknown = {name: count for name, count in wanted.items() if name not in self._ids}
        if not unknown:
            return
        for name in unknown:
            check_name(name)
        await self._learn(unknown)
        missing = {name: count for name, count in unknown.items() if name not in self._ids}
        if missing:
            names = sorted(missing)
            async with self._pool.connection() as connection:
                with translated():
                    await connection.execute(_MAKE, names, [missing[name] for name in names])
            await self._learn(missing)
        for name, count in unknown.items():
            if len(self._ids[name]) != count:
                _log.warning("topic_keeps_partitions", topic=name, has=len(self._ids[name]), asked=count)

    async def require(self, names: Iterable[str]) -> None:
        """Learn topics of which only the names are known, making those that are missing."""
        unknown = {name for name in names if name not in self._ids}
        if unknown:
            await self._learn(unknown)
            rest = unknown - self._ids.keys()
            await self.declare({name: 1 if name.endswith(DEAD_SUFFIX) else USUAL_PARTITIONS for name in rest})

    def partitions(self, topics: Iterable[str]) -> list[int]:
        """Return the ids of all partitions of `topics`, which are known."""
        return [identifier for topic in topics for identifier in self._ids[topic]]

    def partition_of(self, topic: str, key: bytes) -> int:
        """Return the id of the partition of a key (CRC-32 of the key, modulo)."""
        ids = self._ids[topic]
        return ids[zlib.crc32(key) % len(ids)]

    def place(self, identifier: int) -> tuple[str, int]:
        """Return the topic and the number of a partition."""
        return self._places[identifier]

    def identifier(self, topic: str, number: int) -> int:
        """Return the id of a topic's partition."""
        return self._ids[topic][number]

    async def _learn(self, names: Iterable[str]) -> None:
        for row in await self._pool.fetch(_FIND, sorted(names)):
            ids = self._ids.setdefault(row["name"], [])
            if row["id"] not in self._places:
                ids.append(row["id"])
                self._places[row["id"]] = (row["name"], row["number"])
