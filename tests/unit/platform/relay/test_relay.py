"""What the relay promises: nothing lost, order within a key, the log's failures told apart."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from google.protobuf.wrappers_pb2 import BytesValue
from prometheus_client import REGISTRY

from nova.platform.backoff import Backoff
from nova.platform.db.database import Database
from nova.platform.db.tx import Tx
from nova.platform.errors import Unavailable
from nova.platform.events import Event, Topic
from nova.platform.ids import uuid7
from nova.platform.log.port import MAX_RECORD_BYTES, Delivered, Fence, Fenced, Record
from nova.platform.log.postgres import PostgresLog
from nova.platform.outbox.dead import DeadTx
from nova.platform.outbox.take import RelayTx
from nova.platform.relay import TRIES, Relay
from nova.platform.telemetry.metrics import exposition
from tests.scratch import Scratch
from tests.waiting import running, until

THINGS = Topic("test.thing.done", BytesValue, key="value")
TOO_LARGE = bytes(MAX_RECORD_BYTES + 1)
AT_ONCE = Backoff(first_s=0.0, longest_s=0.0)


def event(key: bytes, payload: bytes) -> Event:
    return Event(id=uuid7(), topic=THINGS.name, key=key, payload=payload, emitted_at=datetime.now(UTC))


async def emit(database: Database, *events: Event) -> None:
    async with database.transaction(Tx) as tx:
        for one in events:
            tx.emit(one)


async def waiting(database: Database) -> int:
    return int(await database.primary.fetchval("SELECT count(*) FROM outbox"))


async def logged(log: PostgresLog) -> list[Delivered]:
    return await log.read(THINGS.name, limit=100_000)


class LogThatIsDown(PostgresLog):
    """Does not answer until it is told to, and counts how often it was asked."""

    down = True
    asked = 0

    async def append(self, records: Sequence[Record], *, fence: Fence | None = None) -> None:
        self.asked += 1
        if self.down:
            raise Unavailable
        await super().append(records, fence=fence)


async def test_c4_the_relays_own_role_is_enough_for_all_that_it_does(scratch: Scratch) -> None:
    database, log = await scratch.database(), await scratch.log()
    outbox = await scratch.outbox(database.room)
    relay = Relay(database=outbox, log=log, topics=[THINGS], refusals=AT_ONCE, poll_s=0.01)
    await emit(database, event(b"1", TOO_LARGE), event(b"1", b"behind"), event(b"2", b"2"))
    async with running(relay.run()):
        await until(lambda: REGISTRY.get_sample_value("outbox_dead_total", {"room": outbox.room}) == 1)
        await until(lambda: _nothing_waits(database))
    assert {record.payload for record in await logged(log)} == {b"behind", b"2"}
    assert REGISTRY.get_sample_value("outbox_depth", {"room": outbox.room}) is not None
    async with outbox.transaction(DeadTx) as tx:
        (dead,) = await tx.page(limit=2)
        assert (dead.tries, await tx.raise_dead(THINGS.name)) == (TRIES, 1)
    assert await waiting(database) == 1


async def test_a_relay_outlives_whatever_it_meets_in_its_tables(scratch: Scratch) -> None:
    database, log = await scratch.database(), await scratch.log()
    await emit(database, event(b"1", b"1"))
    await database.primary.fetch("ALTER TABLE outbox RENAME TO outbox_elsewhere")
    relay = Relay(database=database, log=log, topics=[THINGS], outages=AT_ONCE)
    before = _failures(database.room)
    async with running(relay.run()):
        await until(lambda: _failures(database.room) > before)
        await database.primary.fetch("ALTER TABLE outbox_elsewhere RENAME TO outbox")
        await until(lambda: _nothing_waits(database))
    assert len(await logged(log)) == 1


def _failures(room: str) -> float:
    return REGISTRY.get_sample_value("outbox_failures_total", {"room": room}) or 0


async def _nothing_waits(database: Database) -> bool:
    return await waiting(database) == 0


async def test_events_reach_the_log_as_they_were_emitted_and_leave_the_outbox(scratch: Scratch) -> None:
    database, log = await scratch.database(), await scratch.log()
    sent = [event(b"%d" % (n % 3), b"%d" % n) for n in range(10)]
    await emit(database, *sent)
    assert await Relay(database=database, log=log, topics=[THINGS]).publish() == 10
    assert await waiting(database) == 0
    got = await logged(log)
    assert [(one.id, one.key, one.payload, one.emitted_at) for one in got] == [
        (one.id, one.key, one.payload, one.emitted_at) for one in sent
    ]
    assert {one.source for one in got} == {database.room}


async def test_what_the_room_tells_is_declared_before_it_is_told(scratch: Scratch) -> None:
    database, dsn = await scratch.database(), await scratch.log_dsn()
    things = Topic(THINGS.name, BytesValue, key="value", partitions=3)
    await emit(database, event(b"a", b"1"))
    await Relay(database=database, log=await scratch.log(dsn=dsn), topics=[things]).publish()
    assert len(await (await scratch.log(dsn=dsn)).end([THINGS])) == 3, (
        "the log makes strangers' topics with eight"
    )


async def test_a_commit_wakes_the_relay_long_before_its_poll(scratch: Scratch) -> None:
    database, log = await scratch.database(), await scratch.log()
    async with running(Relay(database=database, log=log, topics=[THINGS], poll_s=3600).run()):
        for n in range(3):
            await emit(database, event(b"k", b"%d" % n))

            async def arrived(count: int = n + 1) -> bool:
                return len(await logged(log)) == count

            await until(arrived)


async def test_a_transaction_that_commits_late_is_not_passed_over(scratch: Scratch) -> None:
    database, log = await scratch.database(), await scratch.log()
    relay = Relay(database=database, log=log, topics=[THINGS])
    late = event(b"late", b"1")
    async with database.transaction(Tx) as tx:
        # Its row has the lower number, and is still invisible when the next one is published.
        await tx.execute(
            "INSERT INTO outbox (id, topic, key, payload, emitted_at) VALUES ($1, $2, $3, $4, $5)",
            late.id, late.topic, late.key, late.payload, late.emitted_at,
        )  # fmt: skip
        await emit(database, event(b"k", b"2"))
        assert await relay.publish() == 1
    assert await relay.publish() == 1
    assert [one.payload for one in await logged(log)] == [b"2", b"1"]


async def test_two_relays_at_once_keep_the_order_of_each_key(scratch: Scratch) -> None:
    database, log = await scratch.database(pool_size=12), await scratch.log()
    keys = [b"%d" % key for key in range(5)]

    async def write(key: bytes) -> None:
        for place in range(40):
            await emit(database, event(key, b"%d" % place))

    relays = [Relay(database=database, log=log, topics=[THINGS], batch=7, poll_s=0.1) for _ in range(2)]
    async with running(*(relay.run() for relay in relays)):
        await asyncio.gather(*(write(key) for key in keys))

        async def drained() -> bool:
            return await waiting(database) == 0

        await until(drained)
    got = await logged(log)
    for key in keys:
        assert [one.payload for one in got if one.key == key] == [b"%d" % place for place in range(40)]


async def test_while_the_log_is_down_nothing_is_lost_and_no_try_is_counted(scratch: Scratch) -> None:
    database = await scratch.database()
    log = LogThatIsDown(dsn=await scratch.log_dsn(), bell=database.bell)
    await emit(database, event(b"k", b"1"), event(b"k", b"2"))
    relay = Relay(database=database, log=log, topics=[THINGS], outages=Backoff(first_s=0.01, longest_s=0.02))
    async with log, running(relay.run()):
        await until(lambda: log.asked > 2 * TRIES)
        assert await database.fetchval("SELECT max(tries) FROM outbox") in {0, None}
        log.down = False

        async def drained() -> bool:
            return await waiting(database) == 0

        await until(drained)
        assert [one.payload for one in await logged(log)] == [b"1", b"2"]


async def test_what_the_log_refuses_holds_back_its_key_and_nothing_else(scratch: Scratch) -> None:
    database, log = await scratch.database(), await scratch.log()
    relay = Relay(database=database, log=log, topics=[THINGS], refusals=Backoff(first_s=3600, longest_s=3600))
    await emit(
        database,
        event(b"a", b"1"),
        event(b"a", TOO_LARGE),
        event(b"b", b"2"),
        event(b"a", b"3"),
        event(b"b", b"4"),
    )
    await relay.publish()
    assert [one.payload for one in await logged(log)] == [b"1", b"2", b"4"]
    rows = await database.fetch(
        "SELECT tries, retry_at IS NOT NULL AS held, failure FROM outbox ORDER BY seq"
    )
    assert [(row["tries"], row["held"]) for row in rows] == [(1, True), (0, False)]
    assert "is the most" in rows[0]["failure"]
    await emit(database, event(b"a", b"5"), event(b"b", b"6"))
    assert await relay.publish() == 1
    assert [one.payload for one in await logged(log)] == [b"1", b"2", b"4", b"6"]


async def test_after_five_refusals_an_event_is_dead_and_its_key_moves_on(scratch: Scratch) -> None:
    database, log = await scratch.database(), await scratch.log()
    relay = Relay(database=database, log=log, topics=[THINGS], refusals=AT_ONCE)
    bad = event(b"a", TOO_LARGE)
    await emit(database, bad, event(b"a", b"after"))
    for _ in range(TRIES - 1):
        assert await relay.publish() == 2
        assert await logged(log) == []
    while await waiting(database):
        await relay.publish()
    assert [one.payload for one in await logged(log)] == [b"after"]
    dead = await database.fetchrow("SELECT id, tries, failure FROM outbox_dead")
    assert dead is not None
    assert (dead["id"], dead["tries"]) == (bad.id, TRIES)


async def test_dead_events_are_raised_with_the_same_id(scratch: Scratch) -> None:
    database, log = await scratch.database(), await scratch.log()
    relay = Relay(database=database, log=log, topics=[THINGS], refusals=AT_ONCE)
    bad = event(b"a", TOO_LARGE)
    await emit(database, bad)
    while await waiting(database):
        await relay.publish()
    async with database.transaction(DeadTx) as tx:
        (dead,) = await tx.page(limit=10)
        assert (dead.id, dead.topic, dead.tries) == (bad.id, THINGS.name, TRIES)
        assert "is the most" in dead.why
        assert await tx.page(limit=10, after=dead.seq) == []
        assert await tx.raise_dead(THINGS.name, [uuid7()]) == 0
        assert await tx.raise_dead("test.other.done", [bad.id]) == 0
        assert await tx.raise_dead(THINGS.name, [bad.id]) == 1
    assert await database.fetchval("SELECT id FROM outbox") == bad.id
    assert await database.fetchval("SELECT count(*) FROM outbox_dead") == 0


async def test_x4_a_relay_that_was_paused_with_rows_in_hand_is_fenced(scratch: Scratch) -> None:
    database, log = await scratch.database(), await scratch.log()
    admin = await scratch.admin()
    await emit(database, event(b"k", b"1"))
    paused, goes_on = asyncio.Event(), asyncio.Event()

    class PausedLog(PostgresLog):
        async def append(self, records: Sequence[Record], *, fence: Fence | None = None) -> None:
            paused.set()
            await goes_on.wait()
            await log.append(records, fence=fence)

    slow = Relay(database=database, log=PausedLog(dsn="postgresql:///none", bell=database.bell), topics=[])
    first = asyncio.create_task(slow.publish())
    await paused.wait()

    async def given_up() -> bool:
        """Whether the server gave up on the paused relay's session, as after 30 s in an idle transaction."""
        return bool(
            await admin.fetch(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE application_name = $1 AND state = 'idle in transaction'",
                f"nova-{database.room}",
            )
        )

    await until(given_up)
    await Relay(database=database, log=log, topics=[THINGS]).publish()
    await emit(database, event(b"k", b"2"))
    await Relay(database=database, log=log, topics=[THINGS]).publish()
    goes_on.set()
    with pytest.raises(Fenced):
        await first
    assert [one.payload for one in await logged(log)] == [b"1", b"2"]


async def turn(database: Database) -> int:
    """Draw a turn, as a relay does."""
    await emit(database, event(b"k", b"v"))
    async with database.transaction(RelayTx) as tx:
        return int((await tx.claim(1))[0]["turn"])


async def test_turns_grow_when_a_database_was_restored(scratch: Scratch) -> None:
    """A backup knows nothing of the turns that were drawn after it; the log does, and refuses lower ones."""
    database = await scratch.database()
    before = await turn(database)
    await database.fetchval("SELECT setval('outbox_turns', 1)")
    assert await turn(database) > before


async def test_turns_grow_when_the_clock_is_put_back(scratch: Scratch) -> None:
    database = await scratch.database()
    tomorrow = await turn(database) + 86_400_000
    await database.fetchval("SELECT setval('outbox_turns', $1)", tomorrow)
    assert await turn(database) == tomorrow + 1


class LogThatWaits(PostgresLog):
    """Keeps an append back until it is told to go on."""

    begun: asyncio.Event
    released: asyncio.Event

    async def append(self, records: Sequence[Record], *, fence: Fence | None = None) -> None:
        self.begun.set()
        await self.released.wait()
        await super().append(records, fence=fence)


async def test_a_batch_that_has_begun_is_published_before_the_relay_ends(scratch: Scratch) -> None:
    database = await scratch.database()
    log = LogThatWaits(dsn=await scratch.log_dsn(), bell=database.bell)
    log.begun, log.released = asyncio.Event(), asyncio.Event()
    await emit(database, event(b"a", b"1"), event(b"a", b"2"))
    async with log:
        task = asyncio.create_task(Relay(database=database, log=log, topics=[THINGS]).run())
        await log.begun.wait()
        task.cancel()
        await asyncio.wait([task], timeout=0)  # it has heard, and goes on
        log.released.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await waiting(database) == 0
        assert [record.payload for record in await logged(log)] == [b"1", b"2"]


async def test_what_may_go_wrong_is_counted_from_nought(scratch: Scratch) -> None:
    """Prometheus sees no growth in a counter that is born as 1: an alert on the first dead event would be silent."""
    database = await scratch.database()
    Relay(database=database, log=await scratch.log(), topics=[THINGS])
    lines = exposition().decode().splitlines()
    for counter in ("dead", "retried", "fenced", "failures", "published"):
        assert f'outbox_{counter}_total{{room="{database.room}"}} 0.0' in lines
