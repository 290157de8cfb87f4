"""The way to PostgreSQL goes silent under relay and consumer, and nobody is told: they come back, nothing is lost."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from nova.platform import consumer, relay
from nova.platform.backoff import Backoff
from nova.platform.db.bell import Bell
from nova.platform.db.database import Database, DatabaseConfig
from nova.platform.log.postgres import PostgresLog
from tests.chaos.event_model import GROUP, THINGS, Model, write_effects
from tests.scratch import EffectTx, Scratch
from tests.waiting import running, until
from tests.way import State, Way

KEYS = [b"a", b"b", b"c"]
SOON = Backoff(first_s=0.02, longest_s=0.1)


@pytest.fixture
async def way(scratch: Scratch) -> AsyncIterator[Way]:
    async with Way(scratch.engines.postgres_dsn()).opened() as way:
        yield way


async def effects(database: Database) -> list[tuple[bytes, UUID]]:
    rows = await database.fetch("SELECT key, event_id FROM effects ORDER BY seq")
    return [(row["key"], row["event_id"]) for row in rows]


async def test_relay_and_consumer_outlive_a_way_that_swallows_everything(scratch: Scratch, way: Way) -> None:
    direct, log_dsn = await scratch.database(), await scratch.log_dsn()
    there = DatabaseConfig(
        room=direct.room,
        dsn=way.to(scratch.engines.room_dsn(direct.room)),
        statement_timeout_s=0.3,
        connect_timeout_s=0.3,
        pool_size=4,
    )
    log = PostgresLog(dsn=way.to(log_dsn), bell=Bell(), poll_s=0.02, statement_timeout_s=0.3)
    model = Model()

    async def emit() -> None:
        for key in KEYS:
            assert await model.emit(direct, key, 5)

    async def all_in_effect() -> bool:
        return len(await effects(direct)) == sum(map(len, model.acknowledged.values()))

    async with Database(there) as database, log:
        await log.declare([THINGS])
        moves = relay.Relay(database=database, log=log, topics=[THINGS], poll_s=0.02, outages=SOON)
        hears = consumer.Consumer(
            group=GROUP,
            database=database,
            tx_type=EffectTx,
            log=log,
            handlers={THINGS: write_effects},
            outages=SOON,
        )
        async with running(moves.run(), hears.run()):
            await emit()
            await until(all_in_effect)
            failed = relay.FAILED.labels(direct.room)._value, consumer.FAILED.labels(GROUP)._value
            before = [count.get() for count in failed]
            way.become(State.SILENT)
            await emit()
            await until(lambda: all(count.get() > was for count, was in zip(failed, before, strict=True)))
            assert not await all_in_effect()
            way.become(State.OPEN)
            await until(all_in_effect)
    model.check_effects(await effects(direct))
