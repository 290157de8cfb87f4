"""PostgreSQL's whole tree killed under writers, relay and consumer: what was acknowledged is there, once, in order."""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from nova.app.engines.embedded import Engines
from nova.platform.backoff import Backoff
from nova.platform.consumer import Consumer
from nova.platform.db.bell import Bell
from nova.platform.db.database import Database
from nova.platform.errors import Timeout, Unavailable
from nova.platform.log.postgres import PostgresLog
from nova.platform.relay import Relay
from tests.chaos.event_model import GROUP, THINGS, Model, write_effects
from tests.scratch import EffectTx, Scratch
from tests.waiting import running, until

KILLS = int(os.environ.get("NOVA_CHAOS_POSTGRES_KILLS", "3"))
KEYS = [b"%d" % key for key in range(6)]
SOON = Backoff(first_s=0.02, longest_s=0.1)


@pytest.fixture
async def own() -> AsyncIterator[Scratch]:
    """Engines of this test's own: the others' are left in peace."""
    with tempfile.TemporaryDirectory(prefix="nova-chaos-") as folder:
        async with Engines(Path(folder) / "data") as engines:
            yield Scratch(engines)


async def effects(database: Database) -> list[tuple[bytes, UUID]]:
    rows = await database.primary.fetch("SELECT key, event_id FROM effects ORDER BY seq")
    return [(row["key"], row["event_id"]) for row in rows]


async def drained(database: Database, log: PostgresLog) -> bool:
    """Whether all that was emitted is in effect; not yet, while the database does not answer."""
    try:
        waiting = await database.primary.fetchval("SELECT count(*) FROM outbox")
        end, lag = await log.end([THINGS]), await log.lag(GROUP)
    except (Unavailable, Timeout):
        return False
    return waiting == 0 and len(lag) == len(end) and sum(lag.values()) == 0


async def test_postgres_killed_under_load_loses_doubles_and_reorders_nothing(own: Scratch) -> None:
    database = await own.database(bell=Bell(own.engines.postgres_dsn()))
    log = await own.log(bell=database.bell)
    await log.declare([THINGS])
    relay = Relay(database=database, log=log, topics=[THINGS], batch=20, poll_s=0.1, outages=SOON)
    consumer = Consumer(
        group=GROUP,
        database=database,
        tx_type=EffectTx,
        log=log,
        handlers={THINGS: write_effects},
        outages=SOON,
        retries=SOON,
    )
    model, writing = Model(), True

    async def write(key: bytes) -> None:
        while writing:
            if not await model.emit(database, key):
                await asyncio.sleep(0.01)

    def acknowledged() -> int:
        return sum(map(len, model.acknowledged.values()))

    await database.bell.open()
    async with running(relay.run(), consumer.run()):
        writers = [asyncio.create_task(write(key)) for key in KEYS]
        for _ in range(KILLS):
            enough = acknowledged() + 150
            await until(lambda enough=enough: acknowledged() > enough)  # type: ignore[misc]
            os.kill(own.engines.pids["PostgreSQL"], signal.SIGKILL)
        enough = acknowledged() + 150
        await until(lambda: acknowledged() > enough)
        writing = False
        await asyncio.gather(*writers)
        await until(lambda: drained(database, log), within_s=30)
    model.check_log([(one.key, one.id) for one in await log.read(THINGS.name, limit=1_000_000)])
    model.check_effects(await effects(database))
    await database.bell.close()
    await own.aclose()
