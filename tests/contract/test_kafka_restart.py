"""A broker of this test's own that is killed in the middle, or hangs, and comes back."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from google.protobuf.wrappers_pb2 import BytesValue
from prometheus_client import REGISTRY

from nova.platform.consumer import Consumer
from nova.platform.errors import Unavailable
from nova.platform.log.kafka import KafkaLog
from nova.platform.log.kafka_cluster import Cluster
from nova.platform.log.port import EventLog, Fence, Record
from tests.chaos.event_model import write_effects
from tests.contract.test_event_log import THINGS, record
from tests.own_engine import OwnEngine
from tests.real import on_real_engines
from tests.resetting import resetting
from tests.scratch import EffectTx, Scratch
from tests.waiting import running, until

# A broker takes seconds to start, and what hangs is given up after ten: that is why these take a minute.
pytestmark = [on_real_engines, pytest.mark.timeout(300)]
BATCHES, KEYS = 40, 5
OUTBOXES, MOST_DIALS = 8, 40


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[OwnEngine]:
    broker = OwnEngine("kafka", tmp_path, port=92)
    yield broker
    broker.kill()


async def produce(log: EventLog, done: asyncio.Event, halfway: asyncio.Event) -> None:
    """Append batches as a relay does: one that the log does not answer for comes again, with a new turn.

    The one halfway comes twice, as that of a relay which dies before it has removed what it appended.
    """
    turns = count(1)
    for place in range(BATCHES):
        batch = [record(bytes([key]), payload_of(place)) for key in range(KEYS)]
        for _ in range(2 if place == BATCHES // 2 else 1):
            await until(partial(appended, log, batch, turns), within_s=120, every_s=0.1)
        if place == BATCHES // 2:
            halfway.set()
    done.set()


def payload_of(place: int) -> bytes:
    return BytesValue(value=b"%d" % place).SerializeToString()


async def appended(log: EventLog, batch: Sequence[Record], turns: Iterator[int]) -> bool:
    try:
        await log.append(batch, fence=Fence(producer="outbox:a", turn=next(turns)))
    except Unavailable:
        return False
    return True


async def test_a_broker_that_comes_late_and_is_killed_loses_doubles_and_turns_nothing(
    broker: OwnEngine, scratch: Scratch
) -> None:
    """Counted in the rows of a consumer, which would show an effect that came twice."""
    database = await scratch.database()
    done, halfway = asyncio.Event(), asyncio.Event()

    async def effects() -> dict[bytes, list[int]]:
        rows = await database.primary.fetch("SELECT key, place FROM effects ORDER BY seq")
        found: dict[bytes, list[int]] = {bytes([key]): [] for key in range(KEYS)}
        for row in rows:
            found[row["key"]].append(row["place"])
        return found

    async with KafkaLog(Cluster(bootstrap=broker.address)) as log:
        with pytest.raises(Unavailable):
            await log.declare([THINGS])
        await broker.start()
        await log.declare([THINGS])
        consumer = Consumer(
            group="g", database=database, tx_type=EffectTx, log=log, handlers={THINGS: write_effects}
        )

        async def all_is_handled() -> bool:
            try:
                return done.is_set() and not any((await log.lag("g")).values())
            except Unavailable:
                return False

        async with running(produce(log, done, halfway), consumer.run()):
            await asyncio.wait_for(halfway.wait(), 60)
            broker.kill()
            await broker.start()
            await until(all_is_handled, within_s=120, every_s=0.1)
    assert await effects() == {bytes([key]): list(range(BATCHES)) for key in range(KEYS)}
    assert filtered() >= KEYS


def filtered() -> float:
    """Return how many deliveries the consumer has filtered."""
    labels = {"group": "g", "topic": THINGS.name}
    return REGISTRY.get_sample_value("consumer_duplicates_total", labels) or 0.0


async def test_a_broker_that_died_is_not_beset_by_the_outboxes_that_wait_for_it(broker: OwnEngine) -> None:
    """Each gives up in ten seconds, in which it dials a broker that resets it some fifteen times, not two thousand."""
    await broker.start()
    fences = [Fence(producer=f"outbox:{room}", turn=1) for room in range(OUTBOXES)]
    async with KafkaLog(Cluster(bootstrap=broker.address)) as log:
        await log.declare([THINGS])

        async def append() -> list[BaseException | None]:
            return await asyncio.gather(
                *(log.append([record()], fence=fence) for fence in fences), return_exceptions=True
            )

        await until(partial(all_done, append), within_s=60)
        broker.kill()
        port = int(broker.address.rpartition(":")[2])
        await until(partial(is_free, port), within_s=60)
        async with resetting(port) as door:
            assert [type(outcome) for outcome in await append()] == [Unavailable] * OUTBOXES
            assert 0 < door.came < OUTBOXES * MOST_DIALS


async def test_a_broker_that_hangs_is_unavailable_and_nothing_of_what_was_cut_is_half_there(
    broker: OwnEngine,
) -> None:
    await broker.start()
    own = Fence(producer="outbox:a", turn=1)
    async with KafkaLog(Cluster(bootstrap=broker.address)) as log:
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


def is_free(port: int) -> bool:
    """Return whether a server that was killed has let go of its port."""
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


async def all_done(append: Callable[[], Awaitable[Sequence[object]]]) -> bool:
    return not any(await append())


async def taken(log: KafkaLog, fence: Fence, payload: bytes) -> bool:
    try:
        await log.append([record(payload=payload)], fence=fence)
    except Unavailable:
        return False
    return True
