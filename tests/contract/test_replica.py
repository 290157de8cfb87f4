"""PostgreSQL's own replica: whoever has written reads what he wrote, also while it stands still."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest

from nova.app.bench.storm_ground import ground
from nova.app.engines.addresses import for_role
from nova.platform.configure import load
from nova.platform.db.database import Database, DatabaseConfig
from nova.platform.db.metrics import REPLICA_READS
from nova.platform.db.tx import Tx
from tests.real import ENGINES, on_real_engines
from tests.waiting import until

pytestmark = [on_real_engines, pytest.mark.timeout(120)]


@asynccontextmanager
async def stopped() -> AsyncIterator[None]:
    """Keep the replica from applying what comes."""
    connection = await asyncpg.connect(ENGINES["NOVA_POSTGRES_REPLICA_URL"])
    try:
        await connection.execute("SELECT pg_wal_replay_pause()")
        yield
    finally:
        await connection.execute("SELECT pg_wal_replay_resume()")
        await connection.close()


def served() -> float:
    """How many reads the replica has answered."""
    return float(REPLICA_READS.labels("mirrored", "served")._value.get())


async def test_a_read_sees_every_write_before_it_and_the_replica_answers_when_it_can() -> None:
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

            async def write(actor: int) -> None:
                async with database.transaction(Tx) as tx:
                    await tx.execute("INSERT INTO deeds (id, actor) VALUES (gen_random_uuid(), $1)", actor)

            async def count() -> int:
                return int(await database.fetchval("SELECT count(*) FROM deeds"))

            for written in range(1, 101):
                await write(written)
                assert await count() == written
            async with stopped():
                await write(101)
                assert await count() == 101, "the primary answers while the replica is behind"

            async def answers() -> bool:
                before = served()
                assert await count() == 101
                return served() > before

            await until(answers, within_s=60)
