"""A broker of this test's own that is killed in the middle, or hangs, and comes back."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import aclosing, contextmanager, suppress
from functools import partial
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

# A broker takes seconds to start, and what hangs is given up after ten: that is why these take a minute.
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
        """End it at once."""
        self._signal(signal.SIGKILL)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it hang inside the block: connections stay open, nothing answers."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        os.kill(int((self._folder / "pid").read_text().split()[0]), number)


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


async def test_a_broker_that_comes_late_and_is_killed_loses_doubles_and_turns_nothing(broker: Broker) -> None:
    seen: dict[UUID, Delivered] = {}
    done, halfway = asyncio.Event(), asyncio.Event()
    async with KafkaLog(Cluster(bootstrap=broker.bootstrap)) as log:
        with pytest.raises(Unavailable):
            await log.declare([THINGS])
        await broker.do("start")
        await log.declare([THINGS])
        async with running(produce(log, done, halfway), consume(log, seen)):
            await asyncio.wait_for(halfway.wait(), 60)
            broker.kill()
            await broker.do("start")
            await until(lambda: done.is_set() and len(seen) == BATCHES * KEYS, within_s=120)
    assert by_key(list(seen.values())) == {
        bytes([key]): [b"%d" % place for place in range(BATCHES)] for key in range(KEYS)
    }


async def test_a_broker_that_hangs_is_unavailable_and_nothing_of_what_was_cut_is_half_there(
    broker: Broker,
) -> None:
    await broker.do("start")
    own = Fence(producer="outbox:a", turn=1)
    async with KafkaLog(Cluster(bootstrap=broker.bootstrap)) as log:
        await log.declare([THINGS])
        await log.append([record(payload=b"free")])
        await until(partial(taken, log, own, b"1"), within_s=60)
        before = asyncio.all_tasks()
        with broker.frozen():
            async with asyncio.timeout(60):
                outcomes = await asyncio.gather(
                    log.append([record(payload=b"cut")] * 50, fence=own),
                    log.append([record(payload=b"free")]),
                    log.lag("g"),
                    log.end([THINGS]),
                    return_exceptions=True,
                )
            assert [type(outcome) for outcome in outcomes] == [Unavailable] * 4
            assert not producers(asyncio.all_tasks() - before)
        await until(partial(taken, log, own, b"2"), within_s=120)
        # Without a fence one that was not acknowledged may be there: the broker had it in its hands.
        found = {one.payload for one in await log.newest(THINGS.name, limit=99)}
        assert found == {b"free", b"1", b"2"}


def producers(tasks: set["asyncio.Task[object]"]) -> list[str]:
    """Return those of aiokafka's tasks that send."""
    return [name for task in tasks if "Sender" in (name := repr(task.get_coro()))]


async def taken(log: KafkaLog, fence: Fence, payload: bytes) -> bool:
    try:
        await log.append([record(payload=payload)], fence=fence)
    except Unavailable:
        return False
    return True
