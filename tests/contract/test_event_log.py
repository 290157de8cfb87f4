"""What every event log promises, whichever engine keeps it."""

import asyncio
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from google.protobuf.wrappers_pb2 import BytesValue

from nova.platform.events import Topic
from nova.platform.ids import uuid7
from nova.platform.log.port import (
    MAX_RECORD_BYTES,
    Delivered,
    EventLog,
    Fence,
    Fenced,
    PositionLost,
    Record,
    Refused,
    wire_headers,
)
from nova.platform.log.postgres import PostgresLog
from tests.scratch import Scratch

THINGS = Topic("test.thing.made", BytesValue, key="value", partitions=4)
OTHERS = Topic("test.other.made", BytesValue, key="value", partitions=2)


@pytest.fixture
async def log(scratch: Scratch) -> PostgresLog:
    log = await scratch.log()
    await log.declare([THINGS, OTHERS])
    return log


def record(key: bytes = b"k", payload: bytes = b"p", topic: str = THINGS.name) -> Record:
    return Record(
        id=uuid7(),
        topic=topic,
        key=key,
        payload=payload,
        emitted_at=datetime.now(UTC),
        source="test",
        headers={"correlation_id": "c-1"},
    )


def by_key(records: Sequence[Record]) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = defaultdict(list)
    for one in records:
        found[one.key].append(one.payload)
    return found


async def take(log: EventLog, group: str, limit: int = 100) -> list[Delivered]:
    async with asyncio.timeout(10), log.subscribe(group, [THINGS]).batch(limit) as records:
        return list(records)


async def tailed(
    log: EventLog, count: int, topics: Sequence[Topic[BytesValue]] = (THINGS,)
) -> list[Delivered]:
    found: list[Delivered] = []
    async with asyncio.timeout(10):
        async for records in log.tail(topics, {}):
            found += records
            if len(found) >= count:
                break
    return found


async def test_a_group_gets_what_was_appended_as_it_was(log: EventLog) -> None:
    sent = record()
    await log.append([sent])
    (got,) = await take(log, "g")
    assert replace(sent) == Record(**{name: getattr(got, name) for name in Record.__slots__})
    assert wire_headers(got)["ce_id"] == str(sent.id)
    assert wire_headers(got)["correlation_id"] == "c-1"


async def test_the_order_within_a_key_is_the_order_of_the_appends(log: EventLog) -> None:
    keys = [bytes([number]) for number in range(10)]
    for start in range(0, 100, 10):
        await log.append([record(key, b"%d" % place) for place in range(start, start + 10) for key in keys])
    assert by_key(await tailed(log, 1000)) == {key: [b"%d" % place for place in range(100)] for key in keys}


async def test_offsets_have_no_gaps_while_many_append_at_once(log: EventLog) -> None:
    async def produce(name: int) -> None:
        for place in range(20):
            await log.append([record(bytes([name, nth]), b"%d" % place) for nth in range(5)])

    await asyncio.gather(*(produce(name) for name in range(8)))
    found = await tailed(log, 800)
    offsets: dict[int, list[int]] = defaultdict(list)
    for one in found:
        offsets[one.partition].append(one.offset)
    assert all(places == list(range(len(places))) for places in offsets.values())
    assert all(
        payloads == sorted(payloads, key=int) and len(payloads) == 20 for payloads in by_key(found).values()
    )
    assert await log.end([THINGS]) == {(THINGS.name, number): len(offsets[number]) for number in range(4)}


async def test_leaving_the_block_moves_the_group_on(log: EventLog) -> None:
    await log.append([record(payload=b"%d" % place) for place in range(5)])
    assert [one.payload for one in await take(log, "g", limit=2)] == [b"0", b"1"]
    assert sum((await log.lag("g")).values()) == 3
    assert [one.payload for one in await take(log, "g")] == [b"2", b"3", b"4"]
    assert sum((await log.lag("g")).values()) == 0


async def test_an_exception_leaves_the_group_where_it_was(log: EventLog) -> None:
    await log.append([record()])
    with pytest.raises(ValueError, match="no"):
        async with log.subscribe("g", [THINGS]).batch(10):
            raise ValueError("no")
    assert len(await take(log, "g")) == 1


async def test_groups_do_not_see_one_another(log: EventLog) -> None:
    await log.append([record()])
    assert len(await take(log, "one")) == len(await take(log, "two")) == 1


async def test_a_partition_has_one_owner_at_a_time(log: EventLog) -> None:
    await log.append([record(b"a", b"1")])
    async with log.subscribe("g", [THINGS]).batch(10) as first:
        assert len(first) == 1
        other = next(key for key in map(bytes, [[n] for n in range(99)]) if partition(key) != partition(b"a"))
        await log.append([record(b"a", b"2"), record(other, b"3")])
        # The second member gets the other partition only: the first one's key is in the first one's hands.
        assert [one.payload for one in await take(log, "g")] == [b"3"]
    assert [one.payload for one in await take(log, "g")] == [b"2"]


def partition(key: bytes) -> int:
    return zlib.crc32(key) % THINGS.partitions


async def test_a_member_that_waits_is_woken_by_an_append(log: EventLog) -> None:
    waiting = asyncio.create_task(take(log, "g"))
    await asyncio.sleep(0)
    await log.append([record()])
    assert len(await waiting) == 1


async def test_x4_a_producer_whose_turn_was_taken_is_fenced(log: EventLog) -> None:
    await log.append([record(payload=b"1")], fence=Fence(producer="outbox:a", turn=1))
    await log.append([record(payload=b"2")], fence=Fence(producer="outbox:a", turn=2))
    await log.append([record(payload=b"3")], fence=Fence(producer="outbox:b", turn=1))
    with pytest.raises(Fenced):
        await log.append([record(payload=b"4")], fence=Fence(producer="outbox:a", turn=1))
    await log.append([record(payload=b"5")], fence=Fence(producer="outbox:a", turn=2))
    assert [one.payload for one in await tailed(log, 4)] == [b"1", b"2", b"3", b"5"]


async def test_a_batch_is_appended_whole_or_not_at_all(log: EventLog) -> None:
    with pytest.raises(Refused):
        await log.append([record(), record(payload=bytes(MAX_RECORD_BYTES + 1))])
    with pytest.raises(Refused):
        await log.append([record(), record(topic="no such/topic")])
    assert sum((await log.end([THINGS])).values()) == 0


async def test_a_tail_reads_what_one_producer_told_in_its_order_across_topics(log: EventLog) -> None:
    sent = [
        record(b"%d" % (place % 7), b"%d" % place, [THINGS, OTHERS][place % 2].name) for place in range(200)
    ]
    for start in range(0, 200, 20):
        await log.append(sent[start : start + 20])
    assert [one.id for one in await tailed(log, 200, (THINGS, OTHERS))] == [one.id for one in sent]


async def test_a_tail_begins_at_its_position_and_follows(log: EventLog) -> None:
    await log.append([record(payload=b"old")])
    position = await log.end([THINGS])
    tail = log.tail([THINGS], position)
    following = asyncio.ensure_future(anext(tail))
    await log.append([record(payload=b"new")])
    assert [one.payload for one in await asyncio.wait_for(following, 10)] == [b"new"]
    await tail.aclose()


async def test_what_every_group_has_read_is_trimmed_and_the_rest_stays(log: PostgresLog) -> None:
    await log.append([record(payload=b"%d" % place) for place in range(6)])
    await take(log, "g", limit=4)
    assert await log.trim(older_than_s=3600) == 0
    assert await log.trim(older_than_s=-1) == 4
    with pytest.raises(PositionLost):
        await tailed(log, 1)
    assert [one.payload for one in await take(log, "new")] == [b"4", b"5"]
    await log.forget("g")
    assert await log.trim(older_than_s=-1) == 2
    await log.append([record(payload=b"6")])
    assert [one.offset for one in await take(log, "new")] == [6]


async def test_records_are_read_for_people_page_by_page(log: EventLog) -> None:
    sent = [record(payload=b"%d" % place) for place in range(5)]
    await log.append(sent)
    first = await log.read(THINGS.name, limit=3)
    rest = await log.read(THINGS.name, limit=3, after=first[-1].id)
    assert [one.id for one in first + rest] == [one.id for one in sent]


async def test_the_newest_records_are_read_oldest_first(log: EventLog) -> None:
    assert await log.newest(THINGS.name, limit=3) == []
    sent = [record(payload=b"%d" % place) for place in range(5)]
    await log.append(sent)
    assert [one.id for one in await log.newest(THINGS.name, limit=3)] == [one.id for one in sent[-3:]]
