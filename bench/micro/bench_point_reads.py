"""Point reads of 32 tasks in one loop turn: coalesced into one query, beside one query each from asyncpg's pool."""

import asyncio
import random
from collections.abc import Iterator, Mapping
from uuid import UUID

import asyncpg

from bench.micro.field import field
from bench.micro.harness import Case, Contender, main
from nova.platform.db.coalesce import Coalesced
from nova.platform.db.pool import Record
from nova.platform.db.tx import Tx

MODULE = "bench.micro.bench_point_reads"
TASKS, ROWS, TURNS = 32, 100_000, 64

_TABLE = "CREATE TABLE profiles (id uuid PRIMARY KEY, a text, b text, c text, d int, e bool, f timestamptz)"
_FILL = """
INSERT INTO profiles
SELECT gen_random_uuid(), 'name ' || n, 'bio ' || n, 'url ' || n, n, true, now() FROM generate_series(1, $1) AS n
"""
_ONE = "SELECT id, a, b, c, d, e, f FROM profiles WHERE id = $1"
_MANY = "SELECT id, a, b, c, d, e, f FROM profiles WHERE id = any($1::uuid[])"


def cases() -> Iterator[Case]:
    """Read 32 rows of 7 columns out of 100,000, each asked for by a task of its own; a call is 32 rows."""
    with field() as source:
        database = source.run(source.scratch.database())

        async def fill() -> list[UUID]:
            async with database.transaction(Tx) as tx:
                await tx.execute(_TABLE)
                await tx.execute(_FILL, ROWS)
                await tx.execute("ANALYZE profiles")
                return [row["id"] for row in await tx.fetch("SELECT id FROM profiles")]

        async def load(keys: list[UUID]) -> Mapping[UUID, Record]:
            return {row["id"]: row for row in await database.fetch(_MANY, keys)}

        ids = source.run(fill())
        rng = random.Random(3)
        asked = [rng.sample(ids, TASKS) for _ in range(TURNS)]
        profiles = Coalesced(load)
        dsn = source.scratch.engines.room_dsn(database.room)
        pool: asyncpg.Pool[asyncpg.Record] = asyncpg.create_pool(dsn, min_size=8, max_size=8)

        async def start() -> None:
            await pool

        async def coalesced(turn: int) -> list[Record | None]:
            return await asyncio.gather(*(profiles.get(key) for key in asked[turn % TURNS]))

        async def each(turn: int) -> list[Record | None]:
            return list(await asyncio.gather(*(pool.fetchrow(_ONE, key) for key in asked[turn % TURNS])))

        source.run(start())

        def check(turn: int) -> None:
            assert source.run(coalesced(turn)) == source.run(each(turn))

        yield Case(
            f"{TASKS} point reads",
            Contender("nova, coalesced", lambda turn: source.run(coalesced(turn))),
            [Contender("asyncpg pool, default reset", lambda turn: source.run(each(turn)), 0.1)],
            TURNS,
            check,
        )
        source.run(pool.close())


if __name__ == "__main__":
    main(MODULE, cases)
