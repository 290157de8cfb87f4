"""Groups that go on without a member, which then is back: every effect once, in rows that would show two.

One takes longer over a batch than a group waits for, the other is silent for longer than a group hears nothing.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from uuid import UUID

import pytest
from google.protobuf.wrappers_pb2 import BytesValue
from prometheus_client import REGISTRY

from nova.platform.consumer import Consumer, Handler
from nova.platform.db.database import Database
from nova.platform.events import Received
from nova.platform.log.kafka import KafkaLog
from nova.platform.log.kafka_cluster import Cluster
from nova.platform.log.port import EventLog, Record
from tests.chaos import event_worker
from tests.chaos.event_model import GROUP, THINGS, all_handled, write_effects
from tests.chaos.event_worker import Orders
from tests.contract.test_event_log import record
from tests.real import on_real_engines
from tests.scratch import EffectTx, Scratch
from tests.waiting import running, until

pytestmark = [on_real_engines, pytest.mark.timeout(300)]
KEYS, EACH = 8, 5


class Place:
    """A room, and logs of a corner of Kafka whose groups wait two seconds."""

    def __init__(self, scratch: Scratch, database: Database, cluster: Cluster, stack: AsyncExitStack) -> None:
        self.database = database
        self.cluster = replace(cluster, session_s=2.0, rebalance_s=2.0)
        self._scratch = scratch
        self._stack = stack
        self.sent: list[UUID] = []

    async def log(self) -> EventLog:
        """Return a log, as another process would have it, that knows the group."""
        log = await self._stack.enter_async_context(KafkaLog(self.cluster))
        await log.declare([THINGS])
        log.subscribe(GROUP, [THINGS])
        return log

    async def member(self, handler: "Handler[EffectTx]") -> Consumer[EffectTx]:
        """Return a member of the group, as another process would have it."""
        return Consumer(
            group=GROUP,
            database=self.database,
            tx_type=EffectTx,
            log=await self.log(),
            handlers={THINGS: handler},
            batch=KEYS,
        )

    def orders(self) -> Orders:
        """Return orders to consume in a process of its own, and to stop once the first effects are committed."""
        dsn = self._scratch.engines.room_dsn(self.database.room)
        return Orders("consume", self.database.room, dsn, self.cluster, stops=True)

    async def append(self, log: EventLog) -> None:
        """Append `EACH` records of each key."""
        for place in range(EACH):
            records = [self._record(bytes([key]), place) for key in range(KEYS)]
            await log.append(records)
            self.sent += [one.id for one in records]

    @staticmethod
    def _record(key: bytes, place: int) -> Record:
        return record(key, BytesValue(value=b"%d" % place).SerializeToString(), topic=THINGS.name)

    async def waits_for_another(self) -> bool:
        """Return whether a transaction of the room waits for a lock of another one."""
        waiting = "SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = current_user AND wait_event_type = 'Lock'"
        return bool(await self.database.primary.fetchval(waiting))

    async def effects(self) -> int:
        return int(await self.database.primary.fetchval("SELECT count(*) FROM effects"))

    async def check(self) -> None:
        """Assert: lost 0, doubled 0, and each key in its order."""
        rows = await self.database.primary.fetch("SELECT event_id, key, place FROM effects ORDER BY seq")
        assert Counter(row["event_id"] for row in rows) == Counter(self.sent)
        for key in range(KEYS):
            assert [row["place"] for row in rows if row["key"] == bytes([key])] == list(range(EACH))


@pytest.fixture
async def place(scratch: Scratch, cluster: Cluster) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        yield Place(scratch, await scratch.database(), cluster, stack)


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"group": GROUP, **labels}) or 0.0


async def test_a_member_that_takes_too_long_is_overtaken_and_every_effect_comes_once(place: Place) -> None:
    held, free = asyncio.Event(), asyncio.Event()

    async def write_slowly(tx: EffectTx, events: Sequence[Received[BytesValue]]) -> None:
        held.set()
        await free.wait()
        await write_effects(tx, events)

    log = await place.log()
    await place.append(log)
    overtaken = counted("kafka_overtaken_total")
    filtered = counted("consumer_duplicates_total", topic=THINGS.name)
    slow, quick = await place.member(write_slowly), await place.member(write_effects)
    async with running(slow.run()):
        await asyncio.wait_for(held.wait(), 60)
        async with running(quick.run()):
            # What the slow one has in hand has come to the quick one too, and there it waits for the slow one's memory.
            await until(place.waits_for_another, within_s=60)
            free.set()
            await until(partial(all_handled, log), within_s=60, every_s=0.1)
            await until(lambda: counted("kafka_overtaken_total") > overtaken, within_s=60)
    await place.check()
    assert counted("consumer_duplicates_total", topic=THINGS.name) > filtered


async def test_a_member_that_is_silent_is_missed_and_changes_nothing_when_it_is_back(place: Place) -> None:
    log = await place.log()
    await place.append(log)
    silent = event_worker.start(place.orders())
    try:
        await until(lambda: event_worker.is_stopped(silent), within_s=60)
        done = await place.effects()
        assert 0 < done < len(place.sent)
        assert sum((await log.lag(GROUP)).values()) == len(place.sent)
        other = await place.member(write_effects)
        async with running(other.run()):
            await until(partial(all_handled, log), within_s=60, every_s=0.1)
            await place.check()
            event_worker.go_on(silent)
            assert await event_worker.ended(silent) == 0
    except BaseException:
        silent.kill()
        raise
    await place.check()
    assert counted("consumer_duplicates_total", topic=THINGS.name) >= done
