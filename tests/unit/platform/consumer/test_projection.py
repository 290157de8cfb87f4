"""State in memory: loaded, then following; nothing missed between the two."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

import pytest
from google.protobuf.wrappers_pb2 import BytesValue
from prometheus_client import REGISTRY

from nova.platform.backoff import Backoff
from nova.platform.clock import Clock, FixedClock
from nova.platform.errors import Unavailable
from nova.platform.events import Received, Topic
from nova.platform.ids import uuid7
from nova.platform.log.port import Record
from nova.platform.log.postgres import PostgresLog
from nova.platform.projection import Behind, Projection
from tests.scratch import Scratch
from tests.waiting import until
from tests.way import State, Way

THINGS = Topic("test.thing.done", BytesValue, key="value")
OTHERS = Topic("test.other.done", BytesValue, key="value")


def record(value: bytes, headers: dict[str, str] | None = None) -> Record:
    return Record(
        id=uuid7(),
        topic=THINGS.name,
        key=value[:1],
        payload=BytesValue(value=value).SerializeToString(),
        emitted_at=datetime.now(UTC),
        source="test",
        headers=headers or {},
    )


class Names:
    """A set in memory whose truth is a list beside it."""

    def __init__(
        self, log: PostgresLog, truth: list[bytes] | None = None, *, clock: Clock | None = None
    ) -> None:
        self.truth = truth or []
        self.state: set[bytes] = set()
        self.loads = 0
        self.outages = 0
        self.projection = Projection(
            name="names",
            log=log,
            load=self.load,
            handlers={THINGS: self.apply},
            clock=clock,
            outages=Backoff(first_s=0.01, longest_s=0.01),
            measure_every_s=0.01,
        )

    async def load(self) -> None:
        self.loads += 1
        self.state = set(self.truth)

    async def apply(self, events: Sequence[Received[BytesValue]]) -> None:
        if self.outages:
            self.outages -= 1
            raise Unavailable
        if any(event.value.value == b"bad" for event in events):
            raise ValueError
        self.state |= {event.value.value for event in events}


async def test_what_is_told_while_it_loads_is_not_missed(scratch: Scratch) -> None:
    log = await scratch.log()
    names = Names(log, [b"old"])
    load = names.load

    async def slow_load() -> None:
        await load()
        await log.append([record(b"meanwhile")])

    names.projection = Projection(name="names", log=log, load=slow_load, handlers={THINGS: names.apply})
    await log.append([record(b"long ago")])
    await names.projection.start()
    await names.projection.caught_up()
    assert names.state == {b"old", b"meanwhile"}
    await names.projection.stop()


async def test_it_begins_while_the_log_is_away_and_loads_again_when_that_is_there(scratch: Scratch) -> None:
    dsn = await scratch.log_dsn()
    direct = await scratch.log(dsn=dsn)
    async with Way(scratch.engines.postgres_dsn()).opened() as way:
        names = Names(await scratch.log(dsn=way.to(dsn)), [b"old"])
        way.become(State.CLOSED)
        await names.projection.start()
        assert names.state == {b"old"}
        names.truth.append(b"made, and told, meanwhile")
        way.become(State.OPEN)
        await until(lambda: names.loads == 2)
        await names.projection.caught_up()
        await direct.append([record(b"told after that")])
        await until(lambda: names.state == {b"old", b"made, and told, meanwhile", b"told after that"})
        await names.projection.stop()


async def test_how_long_an_effect_took_is_told_by_topic(scratch: Scratch) -> None:
    log = await scratch.log()
    names = Names(log)
    names.projection = Projection(
        name="timed", log=log, load=names.load, handlers={THINGS: names.apply, OTHERS: names.apply}
    )
    await names.projection.start()
    await log.append([record(b"one"), record(b"two")])
    await names.projection.caught_up()
    await names.projection.stop()
    told = [
        REGISTRY.get_sample_value(
            "projection_effect_seconds_count", {"projection": "timed", "topic": topic.name}
        )
        for topic in (THINGS, OTHERS)
    ]
    assert told == [2.0, 0.0]


def is_behind(seconds: float) -> bool:
    return REGISTRY.get_sample_value("projection_behind_seconds", {"projection": "names"}) == seconds


async def test_one_that_stands_is_the_longer_behind_and_no_more_once_it_has_caught_up(
    scratch: Scratch,
) -> None:
    log, clock = await scratch.log(), FixedClock(datetime.now(UTC))
    names = Names(log, clock=clock)
    await names.projection.start()
    names.outages = 10**9
    await log.append([record(b"a")])
    await until(lambda: names.outages < 10**9)
    for behind in (90, 180, 270):
        clock.advance(90)
        await until(partial(is_behind, behind))
    names.outages = 0
    await until(partial(is_behind, 0))
    assert names.state == {b"a"}
    await names.projection.stop()


async def test_one_that_hears_nothing_of_the_log_is_behind(scratch: Scratch) -> None:
    """Whether there was something to hear, nobody knows."""
    dsn, clock = await scratch.log_dsn(), FixedClock(datetime.now(UTC))
    async with Way(scratch.engines.postgres_dsn()).opened() as way:
        names = Names(await scratch.log(dsn=way.to(dsn)), clock=clock)
        await names.projection.start()
        way.become(State.CLOSED)
        clock.advance(90)
        await until(partial(is_behind, 90))
        way.become(State.OPEN)
        await until(partial(is_behind, 0))
        await names.projection.stop()


async def test_it_follows_until_it_is_stopped(scratch: Scratch) -> None:
    log = await scratch.log()
    names = Names(log)
    await names.projection.start()
    for n in range(5):
        await log.append([record(b"%d" % n)])
    await names.projection.caught_up()
    assert names.state == {b"%d" % n for n in range(5)}
    await names.projection.stop()
    await log.append([record(b"late")])
    with pytest.raises(Behind):
        await names.projection.caught_up(timeout_s=0.05)


async def test_an_event_that_cannot_be_applied_is_skipped_and_no_other(scratch: Scratch) -> None:
    log = await scratch.log()
    names = Names(log)
    await names.projection.start()
    await log.append([record(b"a"), record(b"bad"), record(b"b"), record(b"dead", {"nova_replay_for": "g"})])
    await names.projection.caught_up()
    assert names.state == {b"a", b"b"}
    await names.projection.stop()


async def test_an_outage_is_waited_out(scratch: Scratch) -> None:
    log = await scratch.log()
    names = Names(log)
    names.outages = 3
    await names.projection.start()
    await log.append([record(b"a")])
    await names.projection.caught_up()
    assert names.state == {b"a"}
    await names.projection.stop()


async def test_it_loads_again_when_the_log_no_longer_has_its_place(scratch: Scratch) -> None:
    log = await scratch.log()
    names = Names(log)
    await names.projection.start()
    names.outages = 10**9  # it stands still at its place
    await log.append([record(b"a")])
    names.truth = [b"a"]
    async with asyncio.timeout(10):
        while await log.trim(older_than_s=-1):
            pass
    names.outages = 1  # the failing batch ends, and the place is read again
    names.truth = [b"a", b"b"]
    await log.append([record(b"b")])
    await names.projection.caught_up()
    assert names.state == {b"a", b"b"}
    assert names.loads == 2
    await names.projection.stop()
