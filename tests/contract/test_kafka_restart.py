"""A broker of this test's own that is killed in the middle, and comes back."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import aclosing, suppress
from pathlib import Path
from uuid import UUID

import pytest

from nova.app.ports import steady_range
from nova.platform.errors import Unavailable
from nova.platform.log.kafka import KafkaLog
from nova.platform.log.kafka_cluster import Cluster
from nova.platform.log.port import Delivered, EventLog, Fence
from tests.contract.test_event_log import THINGS, by_key, record
from tests.real import FILE, on_real_engines
from tests.waiting import running, until

pytestmark = [on_real_engines, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]
BATCHES, KEYS = 40, 5


class Broker:
    """Kafka as `make engines` starts it, in a folder of its own, with the jars that are there already."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "kafka"
        self._folder.mkdir()
        for part in ("lib", ".checked"):
            (self._folder / part).symlink_to(FILE.parent.resolve() / "kafka" / part)
        first = steady_range(100)
        self.bootstrap = f"127.0.0.1:{first + 92}"
        self._environment = {**os.environ, "NOVA_ENGINES": str(folder), "NOVA_ENGINES_PORT": str(first)}

    async def do(self, verb: str) -> None:
        """`start` or `stop` it."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tools.engines", verb, "kafka", cwd=ROOT, env=self._environment
        )
        assert await process.wait() == 0

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        os.kill(int((self._folder / "pid").read_text().split()[0]), signal.SIGKILL)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path)
    yield broker
    with suppress(ProcessLookupError):
        broker.kill()


async def produce(log: EventLog, done: asyncio.Event, halfway: asyncio.Event) -> None:
    """Append batches as a relay does: one that the log does not answer for comes again, with a new turn."""
    turn = 0
    for place in range(BATCHES):
        batch = [record(bytes([key]), b"%d" % place) for key in range(KEYS)]
        while True:
            turn += 1
            try:
                await log.append(batch, fence=Fence(producer="outbox:a", turn=turn))
                break
            except Unavailable:
                await asyncio.sleep(0.1)
        if place == BATCHES // 2:
            halfway.set()
    done.set()


async def consume(log: EventLog, seen: dict[UUID, Delivered]) -> None:
    """Handle each event once, as consumers do."""
    async with aclosing(log.subscribe("g", [THINGS])) as member:
        while True:
            try:
                async with member.batch(10) as records:
                    for one in records:
                        seen.setdefault(one.id, one)
            except Unavailable:
                await asyncio.sleep(0.1)


async def test_a_broker_that_is_killed_and_comes_back_loses_doubles_and_turns_nothing(broker: Broker) -> None:
    await broker.do("start")
    seen: dict[UUID, Delivered] = {}
    done, halfway = asyncio.Event(), asyncio.Event()
    async with KafkaLog(Cluster(bootstrap=broker.bootstrap)) as log:
        await log.declare([THINGS])
        async with running(produce(log, done, halfway), consume(log, seen)):
            await asyncio.wait_for(halfway.wait(), 60)
            broker.kill()
            await broker.do("start")
            await until(lambda: done.is_set() and len(seen) == BATCHES * KEYS, within_s=120)
    assert by_key(list(seen.values())) == {
        bytes([key]): [b"%d" % place for place in range(BATCHES)] for key in range(KEYS)
    }
