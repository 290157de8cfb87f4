"""Relay and consumer killed (SIGKILL) at every step and at any moment: nothing lost, doubled or out of order.

`NOVA_CHAOS_KILLS` sets how many kills come at random moments (default 25; the promise is 200 of each process). On both
logs: that of Kafka is `real`, and takes minutes, for a group misses each member that was killed for a second first.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from uuid import UUID

import pytest

from nova.platform.db.bell import Bell
from nova.platform.db.database import Database
from nova.platform.log.kafka_cluster import Cluster
from nova.platform.log.port import EventLog
from tests.chaos import event_worker
from tests.chaos.event_model import GROUP, THINGS, Model, all_handled
from tests.chaos.event_worker import Orders, ended, log_of
from tests.real import corner, on_real_engines
from tests.scratch import Scratch
from tests.waiting import until

KILLS = int(os.environ.get("NOVA_CHAOS_KILLS", "25"))
KEYS = [b"a", b"b", b"c"]
KILLED = -9


class House:
    """A room, a log, and workers on them."""

    def __init__(self, scratch: Scratch, database: Database, log: EventLog, where: str | Cluster) -> None:
        self.database = database
        self.log = log
        self._room_dsn = scratch.engines.room_dsn(database.room)
        self._where = where
        self.model = Model()
        # How long at most between two kills at any moment, and between two events of a key, for workers that are killed
        # all the time to keep up: on Kafka they have to be dealt partitions first.
        self.kill_s, self.emit_s = (2.0, 0.3) if isinstance(where, Cluster) else (0.25, 0.03)

    def orders(self, work: str, kill_at: int = 0) -> Orders:
        return Orders(work, self.database.room, self._room_dsn, self._where, kill_at)  # type: ignore[arg-type]

    async def emit(self) -> None:
        for key in KEYS:
            assert await self.model.emit(self.database, key, 2)

    async def logged(self) -> list[tuple[bytes, UUID]]:
        return [(record.key, record.id) for record in await self.log.read(THINGS.name, limit=1_000_000)]

    async def effects(self) -> list[tuple[bytes, UUID]]:
        rows = await self.database.primary.fetch("SELECT key, event_id FROM effects ORDER BY seq")
        return [(row["key"], row["event_id"]) for row in rows]

    async def drained(self) -> bool:
        waiting = await self.database.primary.fetchval("SELECT count(*) FROM outbox")
        return waiting == 0 and await all_handled(self.log)


@pytest.fixture(params=["postgres", pytest.param("kafka", marks=[on_real_engines, pytest.mark.timeout(900)])])
async def house(request: pytest.FixtureRequest, scratch: Scratch) -> AsyncIterator[House]:
    """Such a house on each kind of log."""
    async with AsyncExitStack() as stack:
        where: str | Cluster = await scratch.log_dsn()
        if request.param == "kafka":
            where = replace(await stack.enter_async_context(corner()), session_s=1.0)
        log = await stack.enter_async_context(log_of(where, bell=Bell()))
        await log.declare([THINGS])
        log.subscribe(GROUP, [THINGS])  # or a log on Kafka would not say how far behind that group is
        yield House(scratch, await scratch.database(), log, where)


async def test_a_relay_killed_at_each_step_loses_nothing_and_keeps_the_order(house: House) -> None:
    step, code = 0, KILLED
    while code == KILLED:
        step += 1
        await house.emit()
        code = await ended(event_worker.start(house.orders("relay", kill_at=step)))
    assert code == 0
    assert step > 10, "the worker ended before its interesting steps"
    assert await house.database.fetchval("SELECT count(*) FROM outbox") == 0
    house.model.check_log(await house.logged())


async def test_a_consumer_killed_at_each_step_has_every_effect_once(house: House) -> None:
    step, code = 0, KILLED
    while code == KILLED:
        step += 1
        await house.emit()
        assert await ended(event_worker.start(house.orders("relay"))) == 0
        code = await ended(event_worker.start(house.orders("consume", kill_at=step)))
    assert code == 0
    assert step > 10, "the worker ended before its interesting steps"
    house.model.check_effects(await house.effects())


async def test_two_workers_killed_at_any_moment_keep_every_promise(house: House) -> None:
    moments = random.Random(7)
    writing = True

    async def write(key: bytes) -> None:
        while writing:
            await house.model.emit(house.database, key, moments.randint(1, 3))
            await asyncio.sleep(moments.uniform(0.0, house.emit_s))

    writers = [asyncio.create_task(write(key)) for key in KEYS]
    workers = [event_worker.start(house.orders("both")) for _ in range(2)]
    try:
        for kill in range(KILLS):
            await asyncio.sleep(moments.uniform(0.0, house.kill_s))
            workers[kill % 2].kill()
            assert await ended(workers[kill % 2]) == KILLED
            workers[kill % 2] = event_worker.start(house.orders("both"))
        writing = False
        await asyncio.gather(*writers)
        await until(house.drained, within_s=120)
    finally:
        for worker in workers:
            worker.kill()
    assert [await ended(worker) for worker in workers] == [KILLED] * 2
    house.model.check_log(await house.logged())
    house.model.check_effects(await house.effects())
