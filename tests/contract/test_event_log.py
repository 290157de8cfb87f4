"""What every event log promises, whichever engine keeps it."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from google.protobuf.wrappers_pb2 import BytesValue

from nova.platform.dead_letters import dead_letter
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
    Subscription,
    wire_headers,
)
from tests.contract.conftest import Reach
from tests.waiting import until

THINGS = Topic("test.thing.made", BytesValue, key="value", partitions=4)
OTHERS = Topic("test.other.made", BytesValue, key="value", partitions=2)


@pytest.fixture
async def log(reach: Reach) -> EventLog:
    log = await reach()
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
    async with (
        asyncio.timeout(20),
        aclosing(log.subscribe(group, [THINGS])) as member,
        member.batch(limit) as records,
    ):
        return list(records)


async def failed(member: Subscription, limit: int) -> list[bytes]:
    """Take a batch and fail on it; return its payloads."""
    found: list[bytes] = []
    with suppress(Failed):
        async with member.batch(limit) as records:
            found = [one.payload for one in records]
            raise Failed
    return found


class Failed(Exception):
    pass


async def tailed(
    log: EventLog, count: int, topics: Sequence[Topic[BytesValue]] = (THINGS,)
) -> list[Delivered]:
    found: list[Delivered] = []
    async with asyncio.timeout(20), aclosing(log.tail(topics, {})) as batches:
        async for records in batches:
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


async def test_offsets_grow_while_many_append_at_once(log: EventLog) -> None:
    async def produce(name: int) -> None:
        for place in range(20):
            await log.append([record(bytes([name, nth]), b"%d" % place) for nth in range(5)])

    await asyncio.gather(*(produce(name) for name in range(8)))
    found = await tailed(log, 800)
    offsets: dict[int, list[int]] = defaultdict(list)
    for one in found:
        offsets[one.partition].append(one.offset)
    assert all(places == sorted(set(places)) for places in offsets.values())
    assert all(
        payloads == sorted(payloads, key=int) and len(payloads) == 20 for payloads in by_key(found).values()
    )
    assert await log.end([THINGS]) == {(THINGS.name, number): offsets[number][-1] + 1 for number in range(4)}


async def test_leaving_the_block_moves_the_group_on(log: EventLog) -> None:
    await log.append([record(payload=b"%d" % place) for place in range(5)])
    assert [one.payload for one in await take(log, "g", limit=2)] == [b"0", b"1"]
    assert sum((await log.lag("g")).values()) == 3
    assert [one.payload for one in await take(log, "g")] == [b"2", b"3", b"4"]
    assert sum((await log.lag("g")).values()) == 0


async def test_an_exception_leaves_the_group_where_it_was(log: EventLog) -> None:
    await log.append([record()])
    async with aclosing(log.subscribe("g", [THINGS])) as member:
        assert await failed(member, 10) == [b"p"]
    assert len(await take(log, "g")) == 1


async def test_a_member_gets_again_what_it_failed_on_before_what_comes_after(log: EventLog) -> None:
    await log.append([record(payload=b"1"), record(payload=b"2")])
    async with asyncio.timeout(20), aclosing(log.subscribe("g", [THINGS])) as member:
        for _ in range(3):
            assert await failed(member, 1) == [b"1"]
        await log.append([record(payload=b"3")])
        found: list[bytes] = []
        while len(found) < 3:
            async with member.batch(2) as records:
                found += [one.payload for one in records]
    assert found == [b"1", b"2", b"3"]


async def test_groups_do_not_see_one_another(log: EventLog) -> None:
    await log.append([record()])
    assert len(await take(log, "one")) == len(await take(log, "two")) == 1


class Worked:
    """Members of one group that work on what they get, once, and note who has which partition in hand.

    What comes again after its batch was left would be work done twice.
    """

    def __init__(self) -> None:
        self.done: dict[UUID, Delivered] = {}
        self._left: set[UUID] = set()
        self._in_hand: dict[int, object] = {}

    async def run(self, log: EventLog, *, limit: int = 10) -> None:
        async with aclosing(log.subscribe("g", [THINGS])) as member:
            while True:
                async with member.batch(limit) as records:
                    await self._work(member, records)
                self._left |= {one.id for one in records}

    async def _work(self, member: object, records: Sequence[Delivered]) -> None:
        assert not self._left & {one.id for one in records}
        partitions = {one.partition for one in records}
        assert all(self._in_hand.setdefault(number, member) is member for number in partitions)
        try:
            await asyncio.sleep(0)
            for one in records:
                self.done.setdefault(one.id, one)
        finally:
            for number in partitions:
                del self._in_hand[number]


async def test_a_partition_has_one_owner_at_a_time(log: EventLog) -> None:
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        worked = Worked()
        members = [group.create_task(worked.run(log)) for _ in range(3)]
        for place in range(30):
            await log.append([record(bytes([key]), b"%d" % place) for key in range(10)])
        await until(lambda: len(worked.done) >= 300, within_s=50)
        assert not any(member.done() for member in members)
        for member in members:
            member.cancel()
    assert by_key(list(worked.done.values())) == {
        bytes([key]): [b"%d" % place for place in range(30)] for key in range(10)
    }


async def test_members_that_come_and_go_lose_and_double_nothing(log: EventLog) -> None:
    """X4: what a member had in hand when it was ended comes again, in order, and nothing else does."""
    worked, keys = Worked(), 20
    async with asyncio.timeout(110), asyncio.TaskGroup() as group:
        members = [group.create_task(worked.run(log, limit=3))]
        for place in range(6):
            await log.append([record(bytes([key]), b"%d" % place) for key in range(keys)])
            members.append(group.create_task(worked.run(log, limit=3)))
            # Somewhere in the middle of these records, so that both who goes and who comes has some of them.
            await until(lambda: len(worked.done) > keys * (place + 0.3), within_s=30)  # noqa: B023 - awaited here
            if place % 2:
                members.pop(0).cancel()
        await until(lambda: len(worked.done) >= keys * 6, within_s=60)
        assert not any(member.done() for member in members)
        for member in members:
            member.cancel()
    assert by_key(list(worked.done.values())) == {
        bytes([key]): [b"%d" % place for place in range(6)] for key in range(keys)
    }


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


async def test_x4_a_process_that_was_paused_is_fenced_by_the_one_that_took_over(reach: Reach) -> None:
    paused, taker = await reach(), await reach()
    await paused.declare([THINGS])
    await paused.append([record(payload=b"1")], fence=Fence(producer="outbox:a", turn=1))
    await taker.append([record(payload=b"3")], fence=Fence(producer="outbox:a", turn=3))
    with pytest.raises(Fenced):
        await paused.append([record(payload=b"2")], fence=Fence(producer="outbox:a", turn=2))
    # It may take its turn again once it has a new one.
    await paused.append([record(payload=b"4")], fence=Fence(producer="outbox:a", turn=4))
    await taker.append([record(payload=b"5")], fence=Fence(producer="outbox:a", turn=5))
    assert [one.payload for one in await tailed(taker, 4)] == [b"1", b"3", b"4", b"5"]


async def test_x4_a_process_that_begins_late_does_not_get_in_front(reach: Reach) -> None:
    first, late = await reach(), await reach()
    await first.declare([THINGS])
    await first.append([record()], fence=Fence(producer="outbox:a", turn=7))
    with pytest.raises(Fenced):
        await late.append([record()], fence=Fence(producer="outbox:a", turn=6))


async def test_the_end_is_after_the_last_record_whoever_appended_it(log: EventLog) -> None:
    for turn in range(3):
        await log.append([record(b"a"), record(b"b")], fence=Fence(producer="outbox:a", turn=turn))
    ends: dict[tuple[str, int], int] = {(THINGS.name, number): 0 for number in range(4)}
    for one in await tailed(log, 6):
        ends[one.topic, one.partition] = one.offset + 1
    assert await log.end([THINGS]) == ends
    assert len(await take(log, "g")) == 6
    assert sum((await log.lag("g")).values()) == 0


async def test_a_batch_is_appended_whole_or_not_at_all(log: EventLog) -> None:
    with pytest.raises(Refused):
        await log.append([record(), record(payload=bytes(MAX_RECORD_BYTES + 1))])
    with pytest.raises(Refused):
        await log.append([record(), record(topic="no such/topic")])
    assert sum((await log.end([THINGS])).values()) == 0


@pytest.mark.parametrize("fence", [None, Fence(producer="outbox:a", turn=1)])
async def test_a_record_of_exactly_the_permitted_size_is_taken_and_so_is_its_dead_letter(
    log: EventLog, fence: Fence | None
) -> None:
    sent = record()
    around = len(sent.key) + sum(len(name) + len(text) for name, text in sent.headers.items())
    sent.payload = bytes([1]) * (MAX_RECORD_BYTES - around)
    letter = dead_letter(sent, group="g", why="w" * 200, tries=5)
    await log.append([sent, letter], fence=fence)
    assert [one.payload for one in await tailed(log, 1)] == [sent.payload]
    assert [one.payload for one in await log.read(letter.topic, limit=2)] == [sent.payload]
    sent.payload += b"1"
    with pytest.raises(Refused):
        await log.append([sent], fence=fence)


async def test_a_tail_begins_at_its_position_and_follows(log: EventLog) -> None:
    await log.append([record(payload=b"old")])
    position = await log.end([THINGS])
    tail = log.tail([THINGS], position)
    following = asyncio.ensure_future(anext(tail))
    await log.append([record(payload=b"new")])
    assert [one.payload for one in await asyncio.wait_for(following, 10)] == [b"new"]
    await tail.aclose()


async def test_a_tail_does_not_wait_at_a_position_that_the_log_never_had(log: EventLog) -> None:
    """As after the loss of a log that was then made anew: what is in it now would never be seen."""
    await log.append([record()])
    beyond = {place: end + 3 for place, end in (await log.end([THINGS])).items()}
    async with asyncio.timeout(30), aclosing(log.tail([THINGS], beyond)) as tail:
        with pytest.raises(PositionLost):
            await anext(tail)


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
