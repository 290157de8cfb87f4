"""Reading the log in PostgreSQL without a group: everything from a position on, for projections in memory."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from nova.platform.db.bell import Bell
from nova.platform.db.pool import Pool
from nova.platform.events import Topic
from nova.platform.log.catalog import Catalog
from nova.platform.log.port import Delivered, Position, PositionLost
from nova.platform.log.postgres_rows import COLUMNS, bell_names, delivered

_AT_ONCE = 1000

# One statement, so one snapshot: what one producer told comes in its order, across partitions and topics.
_READ = f"""
SELECT {COLUMNS}
FROM unnest($1::int[], $2::bigint[]) AS here (partition_id, next) CROSS JOIN LATERAL (
    SELECT * FROM records
    WHERE records.partition_id = here.partition_id AND records."offset" >= here.next
    ORDER BY records."offset" LIMIT $3
) AS records
ORDER BY records.seq LIMIT $3
"""
_KEPT = "SELECT id, first_offset, next_offset FROM partitions WHERE id = any($1::int[])"


async def follow(
    *,
    pool: Pool,
    catalog: Catalog,
    bell: Bell,
    topics: Sequence[Topic[Any]],
    position: Position,
    poll_s: float,
) -> AsyncGenerator[Sequence[Delivered], None]:
    """Yield every record from `position` on, in batches, as it comes. Raises `PositionLost`."""
    await catalog.declare({topic.name: topic.partitions for topic in topics})
    partitions = catalog.partitions(topic.name for topic in topics)
    following = {identifier: position.get(catalog.place(identifier), 0) for identifier in partitions}
    for row in await pool.fetch(_KEPT, partitions):
        if not row["first_offset"] <= following[row["id"]] <= row["next_offset"]:
            raise PositionLost
    with bell.listen(*bell_names(topic.name for topic in topics)) as ear:
        while True:
            ear.forget()
            rows = await pool.fetch(_READ, partitions, [following[one] for one in partitions], _AT_ONCE)
            for row in rows:
                # Offsets are gapless: a jump means that records were deleted before they were read.
                if row["offset"] != following[row["partition_id"]]:
                    raise PositionLost
                following[row["partition_id"]] = row["offset"] + 1
            if rows:
                yield [delivered(row, catalog) for row in rows]
            else:
                await ear.wait(poll_s)
