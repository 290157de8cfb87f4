"""What a consumer promises: one effect for each event, whatever is delivered, in order within a key."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.wrappers_pb2 import BytesValue

from nova.platform.backoff import Backoff
from nova.platform.consumer import TRIES, WINDOW, Consumer
from nova.platform.db.database import Database
from nova.platform.dead_letters import list_dead, replay
from nova.platform.errors import Unavailable
from nova.platform.events import Received, Topic
from nova.platform.ids import uuid7
from nova.platform.log.port import Record
from nova.platform.log.postgres import PostgresLog
from nova.platform.rpc.context import current_call
from tests.scratch import EffectTx, Scratch
from tests.waiting import running, until

THINGS = Topic("test.thing.done", BytesValue, key="value")
OTHERS = Topic("test.other.done", BytesValue, key="value")
EVENTS = int(os.environ.get("NOVA_CONSUMER_EVENTS", "50"))
"""Events that are each delivered ten times at once; 10,000 are promised."""
BATCH = 200
SOON = Backoff(first_s=0.0, longest_s=0.0)

Events = Sequence[Received[BytesValue]]
Handle = Callable[[EffectTx, Events], Awaitable[None]]


def record(
    place: int = 0, key: bytes = b"k", *, correlation_id: str = "", topic: str = THINGS.name
) -> Record:
    return Record(
        id=uuid7(),
        topic=topic,
        key=key,
        payload=BytesValue(value=b"%d" % place).SerializeToString(),
        emitted_at=datetime.now(UTC),
        source="test",
        headers={"correlation_id": correlation_id} if correlation_id else {},
    )


async def write_effects(tx: EffectTx, events: Events) -> None:
    await tx.add_effects([(event.id, event.key, int(event.value.value)) for event in events])


def consumer(
    database: Database, log: PostgresLog, handle: Handle = write_effects, *, group: str = "g"
) -> Consumer[EffectTx]:
    return Consumer(
        group=group,
        database=database,
        tx_type=EffectTx,
        log=log,
        handlers={THINGS: handle},
        retries=SOON,
        outages=Backoff(first_s=0.01, longest_s=0.01),
    )


async def effects(database: Database) -> list[int]:
    return [row["place"] for row in await database.primary.fetch("SELECT place FROM effects ORDER BY seq")]


async def test_events_are_handled_in_order_and_the_group_moves_on(scratch: Scratch) -> None:
    database, log = await scratch.database(), await scratch.log()
    await log.append([record(place) for place in range(450)])
    async with running(consumer(database, log).run()):

        async def done() -> bool:
            return len(await effects(database)) == 450 and sum((await log.lag("g")).values()) == 0

        await until(done)
    assert await effects(database) == list(range(450))


@pytest.mark.timeout(60 + EVENTS // 20)
async def test_of_ten_concurrent_deliveries_one_takes_effect(scratch: Scratch) -> None:
    database, log = await scratch.database(pool_size=10), await scratch.log()
    records = [record(place) for place in range(EVENTS)]
    ten = [consumer(database, log) for _ in range(10)]
    for start in range(0, EVENTS, BATCH):
        await asyncio.gather(*(one.deliver(records[start : start + BATCH]) for one in ten))
    assert sorted(await effects(database)) == list(range(EVENTS))


async def test_a_batch_that_has_begun_is_handled_before_the_consumer_ends(scratch: Scratch) -> None:
    database, log = await scratch.database(), await scratch.log()
    begun, released = asyncio.Event(), asyncio.Event()

    async def handle(tx: EffectTx, events: Events) -> None:
        begun.set()
        await released.wait()
        await write_effects(tx, events)

    await log.append([record(place) for place in range(3)])
    task = asyncio.create_task(consumer(database, log, handle).run())
    await begun.wait()
    task.cancel()
    await asyncio.wait([task], timeout=0)  # it has heard, and goes on
    assert not task.done()
    released.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await effects(database) == [0, 1, 2]
    assert sum((await log.lag("g")).values()) == 0, "the log knows"


async def test_a_batch_that_fails_at_the_end_comes_again(scratch: Scratch) -> None:
    database, log = await scratch.database(), await scratch.log()
    begun, released = asyncio.Event(), asyncio.Event()

    async def handle(_tx: EffectTx, _events: Events) -> None:
        begun.set()
        await released.wait()
        raise Unavailable

    await log.append([record(place) for place in range(3)])
    task = asyncio.create_task(consumer(database, log, handle).run())
    await begun.wait()
    task.cancel()
    released.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with running(consumer(database, log).run()):

        async def done() -> bool:
            return len(await effects(database)) == 3

        await until(done)


async def test_an_event_twice_in_one_batch_is_handled_once(scratch: Scratch) -> None:
    database, log = await scratch.database(), await scratch.log()
    one, two = record(1), record(2)
    await consumer(database, log).deliver([one, two, one])
    await consumer(database, log).deliver([two])
    assert await effects(database) == [1, 2]


async def test_x1_a_bad_event_is_a_dead_letter_and_the_partition_moves_on(scratch: Scratch) -> None:
    database, log = await scratch.database(), await scratch.log()
    tries: list[int] = []

    async def handle(tx: EffectTx, events: Events) -> None:
        if any(event.value.value == b"13" for event in events):
            tries.append(len(events))
            raise ValueError("what the user wrote")
        await write_effects(tx, events)

    records = [record(place) for place in range(20)]
    await log.append(records)
    async with running(consumer(database, log, handle).run()):

        async def done() -> bool:
            return sum((await log.lag("g")).values()) == 0 and len(await effects(database)) == 19

        await until(done)
    assert await effects(database) == [place for place in range(20) if place != 13]
    assert tries == [20] + [1] * TRIES
    (letter,) = await list_dead(log, THINGS.name)
    assert (letter.record.id, letter.group, letter.tries) == (records[13].id, "g", TRIES)
    assert letter.record.payload == records[13].payload
    assert letter.why.startswith("ValueError in handle")
    assert "user wrote" not in letter.why


async def test_x1_a_payload_that_is_none_of_its_topic_is_a_dead_letter_at_once(scratch: Scratch) -> None:
    database, log = await scratch.database(), await scratch.log()
    broken = record()
    broken.payload = b"\xff\xff"
    await consumer(database, log).deliver([broken, record(1)])
    assert await effects(database) == [1]
    assert [letter.why for letter in await list_dead(log, THINGS.name)] == ["UNDECODABLE"]


async def test_an_outage_counts_against_no_event(scratch: Scratch) -> None:
    database, log = await scratch.database(), await scratch.log()
    calls = 0

    async def handle(tx: EffectTx, events: Events) -> None:
        nonlocal calls
        calls += 1
        if calls <= 2 * TRIES:
            raise Unavailable
        await write_effects(tx, events)

    await log.append([record(1)])
    async with running(consumer(database, log, handle).run()):

        async def done() -> bool:
            return await effects(database) == [1]

        await until(done)
    assert await list_dead(log, THINGS.name) == []


async def test_an_event_older_than_the_memory_is_a_dead_letter(scratch: Scratch) -> None:
    database, log = await scratch.database(), await scratch.log()
    old = Record(
        id=uuid7(),
        topic=THINGS.name,
        key=b"k",
        payload=BytesValue(value=b"1").SerializeToString(),
        emitted_at=datetime.now(UTC) - WINDOW - timedelta(minutes=1),
        source="test",
        headers={},
    )
    await consumer(database, log).deliver([old])
    assert await effects(database) == []
    assert len(await list_dead(log, THINGS.name)) == 1


async def test_a_dead_letter_that_is_put_back_reaches_its_group_once_and_no_other(scratch: Scratch) -> None:
    database, log = await scratch.database(), await scratch.log()
    mended = False

    async def handle(tx: EffectTx, events: Events) -> None:
        if not mended:
            raise ValueError
        await write_effects(tx, events)

    bad = record(7)
    await log.append([bad])
    async with running(consumer(database, log, handle).run(), consumer(database, log, group="other").run()):

        async def dead() -> bool:
            return len(await list_dead(log, THINGS.name)) == 1 and await effects(database) == [7]

        await until(dead)
        mended = True
        assert await replay(log, THINGS, ids=[uuid7()]) == 0
        assert await replay(log, THINGS) == 1
        assert await replay(log, THINGS, ids=[bad.id]) == 1

        async def handled() -> bool:
            lag = {**await log.lag("g"), **await log.lag("other")}
            return sum(lag.values()) == 0 and len(await effects(database)) >= 2

        await until(handled)
    assert await effects(database) == [7, 7]  # one of each group
    assert await database.fetchval("SELECT count(DISTINCT consumer) FROM processed_events") == 2


async def test_a_handler_runs_in_the_context_of_its_event(scratch: Scratch) -> None:
    database, log = await scratch.database(), await scratch.log()
    seen: list[str] = []

    async def handle(tx: EffectTx, events: Events) -> None:
        seen.append(current_call().correlation_id)
        for event in events:
            tx.emit(OTHERS.event(BytesValue(value=b"next")), cause=event)

    one = consumer(database, log, handle)
    await one.deliver([record(correlation_id="c-1")])
    await one.deliver([record(correlation_id="c-2"), record(correlation_id="c-3")])
    assert seen == ["c-1", ""]
    rows = await database.fetch("SELECT headers FROM outbox ORDER BY seq")
    assert [row["headers"] for row in rows] == [f'{{"correlation_id":"c-{n}"}}' for n in (1, 2, 3)]


async def test_topics_of_one_producer_are_handled_in_the_order_in_which_they_were_told(
    scratch: Scratch,
) -> None:
    database, log = await scratch.database(), await scratch.log()
    seen: list[tuple[str, int]] = []

    async def note(tx: EffectTx, events: Events) -> None:
        seen.append((events[0].topic, len(events)))

    both = Consumer(
        group="g", database=database, tx_type=EffectTx, log=log, handlers={THINGS: note, OTHERS: note}
    )
    topics: list[Topic[Any]] = [THINGS, THINGS, OTHERS, THINGS]
    await log.append([record(topic=topic.name) for topic in topics])
    async with running(both.run()):
        await until(lambda: len(seen) == 3)
    assert seen == [(THINGS.name, 2), (OTHERS.name, 1), (THINGS.name, 1)]


async def test_a_failed_batch_leaves_no_memory_of_its_events(scratch: Scratch) -> None:
    database, log = await scratch.database(), await scratch.log()

    async def handle(tx: EffectTx, events: Events) -> None:
        await write_effects(tx, events)
        raise Unavailable

    with pytest.raises(Unavailable):
        await consumer(database, log, handle).deliver([record(1)])
    assert await effects(database) == []
    await consumer(database, log).deliver([record(2)])
    assert await effects(database) == [2]
