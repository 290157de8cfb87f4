"""Whichever engine keeps the log: where it hangs, or is killed and comes back, callers are told so, in typed errors."""

import asyncio
import os
import signal
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Protocol
from uuid import UUID

import pytest

from nova.app.bench.chaos_faults import stopped
from nova.app.engines.embedded import Engines
from nova.platform.db.bell import Bell
from nova.platform.errors import Timeout, Unavailable
from nova.platform.log.kafka import KafkaLog
from nova.platform.log.kafka_cluster import Cluster
from nova.platform.log.port import EventLog, Fence
from nova.platform.log.postgres import PostgresLog
from tests.contract.test_event_log import THINGS, record
from tests.own_engine import OwnEngine
from tests.real import on_real_engines
from tests.scratch import Scratch
from tests.waiting import running, until

AWAY = (Unavailable, Timeout)
WRITERS, ENOUGH = 4, 10


class Keeper(Protocol):
    """An engine of this test's own that keeps a log."""

    log: EventLog

    def hanging(self) -> AbstractContextManager[None]:
        """Let it hang inside the block: connections stay open, nothing answers."""
        ...

    async def killed(self) -> None:
        """Kill it, and return when it is on its way back."""
        ...


class InPostgres:
    """The log in PostgreSQL, which its supervisor starts again."""

    def __init__(self, engines: Engines, log: EventLog) -> None:
        self._engines = engines
        self.log = log

    def hanging(self) -> AbstractContextManager[None]:
        return stopped(self._engines.pids["PostgreSQL"])

    async def killed(self) -> None:
        os.kill(self._engines.pids["PostgreSQL"], signal.SIGKILL)


class InKafka:
    """The log in a Kafka of one broker."""

    def __init__(self, broker: OwnEngine, log: EventLog) -> None:
        self._broker = broker
        self.log = log

    def hanging(self) -> AbstractContextManager[None]:
        return self._broker.frozen()

    async def killed(self) -> None:
        self._broker.kill()
        await self._broker.start()


@pytest.fixture(params=["postgres", pytest.param("kafka", marks=on_real_engines)])
async def keeper(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Keeper]:
    """Each kind in turn, with the topic made."""
    async with AsyncExitStack() as stack:
        made: Keeper
        if request.param == "kafka":
            broker = OwnEngine("kafka", tmp_path, port=92)
            stack.callback(broker.kill)
            await broker.start()
            log: EventLog = await stack.enter_async_context(KafkaLog(Cluster(bootstrap=broker.address)))
            made = InKafka(broker, log)
        else:
            engines = await stack.enter_async_context(Engines(tmp_path / "data"))
            dsn = await Scratch(engines).log_dsn()
            made = InPostgres(engines, await stack.enter_async_context(PostgresLog(dsn=dsn, bell=Bell())))
        await until(partial(declared, made.log), within_s=60)
        yield made


async def declared(log: EventLog) -> bool:
    try:
        await log.declare([THINGS])
    except AWAY:
        return False
    return True


async def appended(log: EventLog, payload: bytes, fence: Fence, *, count: int = 1) -> bool:
    try:
        await log.append([record(payload=payload) for _ in range(count)], fence=fence)
    except AWAY:
        return False
    return True


async def kept(log: EventLog) -> list[bytes]:
    return [one.payload for one in await log.newest(THINGS.name, limit=10_000)]


@pytest.mark.timeout(300)
async def test_what_is_asked_of_a_log_that_hangs_ends_typed_and_nothing_is_half_there(keeper: Keeper) -> None:
    log, own = keeper.log, Fence(producer="outbox:a", turn=1)
    await until(partial(appended, log, b"before", own), within_s=60)
    with keeper.hanging():
        async with asyncio.timeout(120):
            outcomes = await asyncio.gather(
                log.append([record(payload=b"cut") for _ in range(50)], fence=own),
                log.append([record(payload=b"free")]),
                log.lag("g"),
                log.end([THINGS]),
                log.newest(THINGS.name, limit=1),
                return_exceptions=True,
            )
    assert [outcome for outcome in outcomes if not isinstance(outcome, AWAY)] == []
    await until(partial(appended, log, b"after", own), within_s=120)
    found = await kept(log)
    # What was not acknowledged may be there all the same, but then whole.
    assert found.count(b"cut") in (0, 50)
    assert {b"before", b"after"} <= set(found)


@pytest.mark.timeout(300)
async def test_a_log_that_is_killed_in_the_middle_says_so_and_keeps_what_it_acknowledged(
    keeper: Keeper,
) -> None:
    """Also that of two writers side by side: what one is told is no other's."""
    log, acknowledged = keeper.log, defaultdict[bytes, list[UUID]](list)
    failures: list[Exception] = []

    async def write(key: bytes) -> None:
        turn = 0
        while True:
            turn += 1
            one = record(key)
            try:
                await log.append([one], fence=Fence(producer=key.decode(), turn=turn))
            except AWAY as error:
                failures.append(error)
                await asyncio.sleep(0.05)
            else:
                acknowledged[key].append(one.id)

    def least() -> int:
        return min((len(acknowledged[key]) for key in keys), default=0)

    keys = [b"%d" % key for key in range(WRITERS)]
    async with running(*map(write, keys)):
        await until(lambda: least() >= ENOUGH, within_s=60)
        await keeper.killed()
        enough = least() + ENOUGH
        await until(lambda: bool(failures) and least() >= enough, within_s=120)
    kept_of = defaultdict[bytes, list[UUID]](list)
    for one in await log.newest(THINGS.name, limit=100_000):
        kept_of[one.key].append(one.id)
    for key, ids in acknowledged.items():
        assert [one for one in kept_of[key] if one in set(ids)] == ids
