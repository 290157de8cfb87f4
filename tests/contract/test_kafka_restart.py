"""A broker of this test's own that is killed in the middle, or hangs, and comes back."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

from nova.platform.errors import Unavailable
from nova.platform.log.kafka import KafkaLog
from nova.platform.log.kafka_cluster import Cluster
from nova.platform.log.port import Delivered, EventLog, Fence
from tests.contract.test_event_log import THINGS, by_key, record
from tests.own_engine import OwnEngine
from tests.real import on_real_engines
from tests.resetting import resetting
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


async def test_a_broker_that_comes_late_and_is_killed_loses_doubles_and_turns_nothing(
    broker: OwnEngine,
) -> None:
    seen: dict[UUID, Delivered] = {}
    done, halfway = asyncio.Event(), asyncio.Event()
    async with KafkaLog(Cluster(bootstrap=broker.address)) as log:
        with pytest.raises(Unavailable):
            await log.declare([THINGS])
        await broker.start()
        await log.declare([THINGS])
        async with running(produce(log, done, halfway), consume(log, seen)):
            await asyncio.wait_for(halfway.wait(), 60)
            broker.kill()
            await broker.start()
            await until(lambda: done.is_set() and len(seen) == BATCHES * KEYS, within_s=120)
    assert by_key(list(seen.values())) == {
        bytes([key]): [b"%d" % place for place in range(BATCHES)] for key in range(KEYS)
    }


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
        async with resetting(int(broker.address.rpartition(":")[2])) as door:
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


async def all_done(append: Callable[[], Awaitable[Sequence[object]]]) -> bool:
    return not any(await append())


async def taken(log: KafkaLog, fence: Fence, payload: bytes) -> bool:
    try:
        await log.append([record(payload=payload)], fence=fence)
    except Unavailable:
        return False
    return True
