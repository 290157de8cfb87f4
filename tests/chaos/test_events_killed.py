"""Relay and consumer killed (SIGKILL) at every step and at any moment: nothing lost, doubled or out of order.

`NOVA_CHAOS_KILLS` sets how many kills come at random moments (default 25; the promise is 200 of each process).
"""

import asyncio
import os
import random
from uuid import UUID

from nova.platform.db.database import Database
from nova.platform.log.postgres import PostgresLog
from tests.chaos import event_worker
from tests.chaos.event_model import GROUP, THINGS, Model
from tests.chaos.event_worker import Orders, ended
from tests.scratch import Scratch
from tests.waiting import until

KILLS = int(os.environ.get("NOVA_CHAOS_KILLS", "25"))
KEYS = [b"a", b"b", b"c"]
KILLED = -9


class House:
    """A room, a log, and workers on them."""

    def __init__(self, scratch: Scratch, database: Database, log: PostgresLog, log_dsn: str) -> None:
        self.database = database
        self.log = log
        self._room_dsn = scratch.engines.room_dsn(database.room)
        self._log_dsn = log_dsn
        self.model = Model()

    @classmethod
    async def built(cls, scratch: Scratch) -> "House":
        database = await scratch.database()
        log_dsn = await scratch.log_dsn()
        log = await scratch.log(dsn=log_dsn)
        await log.declare([THINGS])
        return cls(scratch, database, log, log_dsn)

    def orders(self, work: str, kill_at: int = 0) -> Orders:
        return Orders(work, self.database.room, self._room_dsn, self._log_dsn, kill_at)  # type: ignore[arg-type]

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
        end, lag = await self.log.end([THINGS]), await self.log.lag(GROUP)
        return waiting == 0 and len(lag) == len(end) and sum(lag.values()) == 0


async def test_a_relay_killed_at_each_step_loses_nothing_and_keeps_the_order(scratch: Scratch) -> None:
    house = await House.built(scratch)
    step, code = 0, KILLED
    while code == KILLED:
        step += 1
        await house.emit()
        code = await ended(event_worker.start(house.orders("relay", kill_at=step)))
    assert code == 0
    assert step > 10, "the worker ended before its interesting steps"
    assert await house.database.fetchval("SELECT count(*) FROM outbox") == 0
    house.model.check_log(await house.logged())


async def test_a_consumer_killed_at_each_step_has_every_effect_once(scratch: Scratch) -> None:
    house = await House.built(scratch)
    step, code = 0, KILLED
    while code == KILLED:
        step += 1
        await house.emit()
        assert await ended(event_worker.start(house.orders("relay"))) == 0
        code = await ended(event_worker.start(house.orders("consume", kill_at=step)))
    assert code == 0
    assert step > 10, "the worker ended before its interesting steps"
    house.model.check_effects(await house.effects())


async def test_two_workers_killed_at_any_moment_keep_every_promise(scratch: Scratch) -> None:
    house = await House.built(scratch)
    moments = random.Random(7)
    writing = True

    async def write(key: bytes) -> None:
        while writing:
            await house.model.emit(house.database, key, moments.randint(1, 3))
            await asyncio.sleep(
                moments.uniform(0.0, 0.03)
            )  # so that workers who are killed all the time keep up

    writers = [asyncio.create_task(write(key)) for key in KEYS]
    workers = [event_worker.start(house.orders("both")) for _ in range(2)]
    for kill in range(KILLS):
        await asyncio.sleep(moments.uniform(0.0, 0.25))
        workers[kill % 2].kill()
        assert await ended(workers[kill % 2]) == KILLED
        workers[kill % 2] = event_worker.start(house.orders("both"))
    writing = False
    await asyncio.gather(*writers)
    await until(house.drained, within_s=60)
    for worker in workers:
        worker.kill()
        assert await ended(worker) == KILLED
    house.model.check_log(await house.logged())
    house.model.check_effects(await house.effects())
