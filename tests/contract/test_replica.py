"""PostgreSQL's own replica: whoever has written reads what he wrote, also while it stands still."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest

from nova.app.bench.chaos_faults import stopped
from nova.app.bench.storm_ground import ground
from nova.app.engines.addresses import for_role
from nova.platform.configure import load
from nova.platform.db.database import Database, DatabaseConfig
from nova.platform.db.metrics import REPLICA_READS
from nova.platform.db.tx import Tx
from tests.real import ENGINES, FILE, on_real_engines
from tests.waiting import until

pytestmark = [on_real_engines, pytest.mark.timeout(120)]


@asynccontextmanager
async def paused() -> AsyncIterator[None]:
    """Keep the replica from applying what comes."""
    connection = await asyncpg.connect(ENGINES["NOVA_POSTGRES_REPLICA_URL"])
    try:
        await connection.execute("SELECT pg_wal_replay_pause()")
        yield
    finally:
        await connection.execute("SELECT pg_wal_replay_resume()")
        await connection.close()


def hung() -> AbstractContextManager[None]:
    """Stop the replica: it takes what it is asked, and does not answer."""
    return stopped(int((FILE.parent / "replica" / "pid").read_text().split()[0]))


def reads(outcome: str) -> float:
    """How many reads of the replica came to this."""
    return float(REPLICA_READS.labels("mirrored", outcome)._value.get())


@asynccontextmanager
async def mirrored() -> AsyncIterator[Database]:
    """Yield a database with a table of deeds, which is read from the replica."""
    async with ground(load(ENGINES), ["mirrored"]) as made:
        role = urlsplit(made.direct["mirrored"])
        replica = for_role(
            ENGINES["NOVA_POSTGRES_REPLICA_URL"],
            database=role.path[1:],
            role=role.username,
            password=role.password,
        )
        settings = DatabaseConfig(room="mirrored", dsn=made.direct["mirrored"], replica_dsn=replica)
        async with Database(settings) as database:
            yield database


async def write(database: Database, actor: int) -> None:
    async with database.transaction(Tx) as tx:
        await tx.execute("INSERT INTO deeds (id, actor) VALUES (gen_random_uuid(), $1)", actor)


async def count(database: Database) -> int:
    return int(await database.fetchval("SELECT count(*) FROM deeds"))


async def is_answered_by_the_replica(database: Database) -> bool:
    before = reads("served")
    await count(database)
    return reads("served") > before


async def test_a_read_sees_every_write_before_it_and_the_replica_answers_when_it_can() -> None:
    async with mirrored() as database:
        for written in range(1, 101):
            await write(database, written)
            assert await count(database) == written
        async with paused():
            await write(database, 101)
            assert await count(database) == 101, "the primary answers while the replica is behind"
        await until(lambda: is_answered_by_the_replica(database), within_s=60)
        assert await count(database) == 101


async def test_the_primary_answers_while_the_replica_hangs() -> None:
    async with mirrored() as database:
        await write(database, 1)
        await until(lambda: is_answered_by_the_replica(database), within_s=60)
        with hung():
            away = reads("away")
            for written in range(2, 12):
                await write(database, written)
                assert await count(database) == written
            assert reads("away") > away
        await until(lambda: is_answered_by_the_replica(database), within_s=60)
        assert await count(database) == 11
