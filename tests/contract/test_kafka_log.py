"""What is Kafka's own: topics that are there already, the wire, and a broker that goes away."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

import pytest
from aiokafka import ConsumerRecord
from aiokafka.admin import NewTopic
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import RequestTimedOutError
from google.protobuf.wrappers_pb2 import BytesValue
from prometheus_client import REGISTRY

from nova.app.bench.kafka_groups import all_handled
from nova.app.sources import Kafka
from nova.platform.clock import SystemClock
from nova.platform.consumer import Consumer
from nova.platform.dead_letters import list_dead, replay
from nova.platform.errors import Unavailable
from nova.platform.events import Received, Topic
from nova.platform.log.kafka import KafkaLog
from nova.platform.log.kafka_cluster import Cluster, Place
from nova.platform.log.port import Fence, Fenced, Record, Refused, Subscription
from tests.contract.test_event_log import OTHERS, THINGS, failed, record, tailed, take
from tests.real import on_real_engines
from tests.scratch import EffectTx, Scratch
from tests.waiting import running, until

pytestmark = on_real_engines


@pytest.fixture
async def log(cluster: Cluster) -> AsyncIterator[KafkaLog]:
    async with KafkaLog(cluster) as log:
        await log.declare([THINGS])
        yield log


async def test_a_topic_that_is_there_keeps_its_partitions(cluster: Cluster) -> None:
    topic = Topic("test.thing.kept", BytesValue, key="value", partitions=4)
    admin = cluster.admin()
    await admin.start()
    await admin.create_topics([NewTopic(cluster.on_wire(topic.name), 2, 1)])
    await admin.close()
    async with KafkaLog(cluster) as log:
        await log.declare([topic])
        assert set(await log.end([topic])) == {(topic.name, 0), (topic.name, 1)}


async def raw(cluster: Cluster, topic: str, partitions: int) -> ConsumerRecord:
    """Return the first record of a topic as it is on the wire."""
    reader = cluster.reader()
    await reader.start()
    places = [Place(cluster.on_wire(topic), number) for number in range(partitions)]
    reader.assign(places)
    for place in places:
        reader.seek(place, 0)
    try:
        return await asyncio.wait_for(reader.getone(), 10)
    finally:
        await reader.stop()


async def test_a_record_on_the_wire_is_a_cloudevent_with_its_trace(log: KafkaLog, cluster: Cluster) -> None:
    sent = record()
    sent.headers = {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}
    await log.append([sent])
    message = await raw(cluster, THINGS.name, THINGS.partitions)
    assert {name: value.decode() for name, value in message.headers} == {
        "ce_specversion": "1.0",
        "ce_id": str(sent.id),
        "ce_source": "/nova/test",
        "ce_type": THINGS.name,
        "ce_time": sent.emitted_at.isoformat(),
        "content-type": "application/protobuf",
        "traceparent": sent.headers["traceparent"],
    }
    assert (message.key, message.value) == (sent.key, sent.payload)


def paused() -> float | None:
    return REGISTRY.get_sample_value("kafka_paused_partitions", {"group": "g"})


async def test_a_failed_batch_pauses_its_partitions_until_the_next(log: KafkaLog) -> None:
    await log.append([record()])
    async with aclosing(log.subscribe("g", [THINGS])) as member:
        assert await failed(member, 1) == [b"p"]
        assert paused() == 1
        async with asyncio.timeout(10), member.batch(1) as records:
            assert [one.payload for one in records] == [b"p"]
            assert paused() == 0


@pytest.mark.parametrize("part", ["_coordinator", "_fetcher"])
async def test_a_member_whose_client_has_failed_inside_joins_again(log: KafkaLog, part: str) -> None:
    """aiokafka does not begin those tasks again: the one repeats its error for ever, the other brings nothing more."""
    found: list[bytes] = []

    async def consume(member: Subscription) -> None:
        while True:
            try:
                async with member.batch(1) as records:
                    found.extend(one.payload for one in records)
            except Unavailable:
                await asyncio.sleep(0.1)

    async with aclosing(log.subscribe("g", [THINGS])) as member, running(consume(member)):
        await log.append([record(payload=b"before")])
        await until(lambda: found == [b"before"], within_s=60)
        break_inside(member._consumer, part)
        # What comes next may still be brought by a fetch that was under way.
        for payload in (b"next", b"after"):
            await log.append([record(payload=payload)])
            await until(lambda payload=payload: payload in found, within_s=60)  # type: ignore[misc]
    assert found == [b"before", b"next", b"after"]


def break_inside(consumer: Any, part: str) -> None:
    """Have a task of a consumer end by an error that aiokafka does not expect."""

    def broken(*_: object) -> None:
        raise ValueError("not one of Kafka's")

    if part == "_coordinator":
        consumer._coordinator.need_rejoin = broken
        consumer._coordinator.request_rejoin()
    else:
        consumer._fetcher._get_actions_per_node = broken
        consumer._fetcher._notify(consumer._fetcher._wait_consume_future)


async def test_an_append_that_is_cancelled_leaves_nothing_half_done(log: KafkaLog) -> None:
    """A transaction that its producer has left open is ended by the next one: nobody waits behind it for ever."""
    for turn in range(3):
        await log.append([record(payload=b"whole")], fence=Fence(producer="outbox:a", turn=turn))
        append = asyncio.create_task(
            log.append(
                [record(bytes([key]), b"cut") for key in range(50)],
                fence=Fence(producer="outbox:a", turn=turn),
            )
        )
        cancel_once_acknowledged(log, append)
        with pytest.raises(asyncio.CancelledError):
            await append
    await log.append([record(payload=b"last")], fence=Fence(producer="outbox:a", turn=3))
    assert [one.payload for one in await tailed(log, 4)] == [b"whole"] * 3 + [b"last"]


def cancel_once_acknowledged(log: KafkaLog, append: "asyncio.Task[None]") -> None:
    """Cancel an append as soon as the brokers have the first of its records."""
    producer: Any = log._producers._fenced["outbox:a"].producer
    send = producer.send

    async def sent(*args: object, **told: object) -> "asyncio.Future[object]":
        found: asyncio.Future[object] = await send(*args, **told)
        found.add_done_callback(lambda _: append.cancel())
        return found

    producer.send = sent


async def test_a_batch_of_which_the_brokers_refuse_a_record_is_not_there_at_all(cluster: Cluster) -> None:
    topic = Topic("test.thing.small", BytesValue, key="value", partitions=2)
    admin = cluster.admin()
    await admin.start()
    small = NewTopic(cluster.on_wire(topic.name), 2, 1, topic_configs={"max.message.bytes": "1000"})
    await admin.create_topics([small])
    await admin.close()

    def of(key: bytes, payload: bytes) -> Record:
        return record(key, payload, topic=topic.name)

    fence = Fence(producer="outbox:a", turn=1)
    async with KafkaLog(cluster) as log:
        await log.declare([topic])
        with pytest.raises(Refused):
            await log.append([of(b"a", b"small"), of(b"b", b"small"), of(b"a", bytes(1000))], fence=fence)
        await log.append([of(b"a", b"next")], fence=fence)
        assert [one.payload for one in await tailed(log, 1, [topic])] == [b"next"]
        assert len(await log.newest(topic.name, limit=9)) == 1


async def test_a_slow_handler_holds_back_what_is_fetched(
    log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Back-pressure: of 16 MiB a member that is at work has no more than two fetches of a MiB a partition."""
    megabyte, received = 1 << 20, 0
    sent = [record(bytes([place]), b"%03d" % place + bytes(megabyte // 4)) for place in range(64)]
    for start in range(0, len(sent), 8):
        await log.append(sent[start : start + 8])
    async with asyncio.timeout(60), aclosing(log.subscribe("slow", [THINGS])) as slow:
        consumer = await slow._joined()
        handle = AIOKafkaConnection._handle_frame

        def counting(connection: AIOKafkaConnection, answer: bytes) -> None:
            nonlocal received
            received += len(answer) if connection in consumer._client._conns.values() else 0
            handle(connection, answer)

        monkeypatch.setattr(AIOKafkaConnection, "_handle_frame", counting)
        async with slow.batch(1) as records:
            found = [one.payload for one in records]
            # Meanwhile another group has the time to read all.
            async with aclosing(log.subscribe("quick", [THINGS])) as quick:
                left = len(sent)
                while left:
                    async with quick.batch(left) as read:
                        left -= len(read)
            assert megabyte / 4 < received < 2 * THINGS.partitions * megabyte + megabyte
        while len(found) < len(sent):
            async with slow.batch(len(sent)) as records:
                found += [one.payload for one in records]
    assert sorted(found) == [one.payload for one in sent]


async def test_x4_an_old_turn_is_fenced_also_where_the_last_one_could_not_be_asked_for(
    log: KafkaLog, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unanswered(*_: object, **__: object) -> None:
        raise RequestTimedOutError

    old, newer = Fence(producer="outbox:a", turn=2), Fence(producer="outbox:a", turn=3)
    await log.append([record(payload=b"3")], fence=newer)
    async with KafkaLog(cluster) as paused:
        admin = await paused._standing.admin()
        with monkeypatch.context() as patched:
            patched.setattr(admin, "list_consumer_group_offsets", unanswered)
            with pytest.raises(Unavailable):
                await paused.append([record(payload=b"2")], fence=old)
        with pytest.raises(Fenced):
            await paused.append([record(payload=b"2")], fence=old)
    await log.append([record(payload=b"3")], fence=newer)
    assert [one.payload for one in await tailed(log, 2)] == [b"3", b"3"]


async def test_a_broker_that_does_not_answer_is_unavailable() -> None:
    async with asyncio.timeout(20), KafkaLog(Cluster(bootstrap="127.0.0.1:9")) as log:
        with pytest.raises(Unavailable):
            await log.declare([THINGS])


async def test_x1_a_bad_event_becomes_a_dead_letter_and_is_put_back(log: KafkaLog, scratch: Scratch) -> None:
    database = await scratch.database()
    broken = True

    async def handle(tx: EffectTx, events: Sequence[Received[BytesValue]]) -> None:
        for event in events:
            if broken and event.value.value == b"bad":
                raise ValueError("bad")
            await tx.add_effect(event.id, event.key)

    consumer = Consumer(
        group="g",
        database=database,
        tx_type=EffectTx,
        log=log,
        handlers={THINGS: handle},
        clock=SystemClock(),
    )

    async def effects() -> int:
        return int(await database.primary.fetchval("SELECT count(*) FROM effects"))

    async def has(count: int) -> bool:
        return await effects() == count

    payloads = [b"good", b"bad", b"good"]
    async with running(consumer.run()):
        await log.append([record(payload=BytesValue(value=one).SerializeToString()) for one in payloads])
        await until(lambda: has(2), within_s=40)
        (letter,) = await list_dead(log, THINGS.name)
        assert (letter.group, letter.tries) == ("g", 5)
        broken = False
        assert await replay(log, THINGS) == 1
        await until(lambda: has(3), within_s=40)
    assert sum((await log.lag("g")).values()) == 0
    assert REGISTRY.get_sample_value("consumer_dead_total", {"group": "g", "topic": THINGS.name}) == 1


async def test_a_group_that_nobody_has_read_for_is_behind_by_all(log: KafkaLog) -> None:
    await log.append([record(bytes([key])) for key in range(20)])
    async with aclosing(log.subscribe("new", [THINGS])):
        assert sum((await log.lag("new")).values()) == 20
    assert len(await take(log, "new")) == 20
    assert len(await tailed(log, 20)) == 20


async def test_a_group_is_not_behind_in_topics_that_it_has_left(log: KafkaLog, cluster: Cluster) -> None:
    await log.append([record(topic=OTHERS.name)])
    async with asyncio.timeout(20), aclosing(log.subscribe("g", [OTHERS])) as member, member.batch(1):
        await log.append([record(topic=OTHERS.name), record()])
    async with KafkaLog(cluster) as later, aclosing(later.subscribe("g", [THINGS])):
        lag = await later.lag("g")
    assert {topic for topic, _ in lag} == {THINGS.name}
    assert sum(lag.values()) == 1


async def test_a_member_that_takes_over_passes_the_marker_that_another_left(log: KafkaLog) -> None:
    """Or a group would be behind by it for ever: after a batch that was full, or a transaction that was aborted."""
    await log.append([record()], fence=Fence(producer="p", turn=1))
    assert len(await take(log, "g", limit=1)) == 1

    async def wait_for_more(member: Subscription) -> None:
        async with member.batch(1):
            raise AssertionError("there is nothing more")

    async with aclosing(log.subscribe("g", [THINGS])) as member, running(wait_for_more(member)):

        async def is_behind_by_nothing() -> bool:
            return not any((await log.lag("g")).values())

        await until(is_behind_by_nothing, within_s=30)


async def test_whoever_is_no_member_sees_when_all_groups_have_handled_all(
    log: KafkaLog, cluster: Cluster
) -> None:
    kafka = Kafka(bootstrap=cluster.bootstrap, prefix=cluster.prefix)

    async def is_handled() -> bool:
        return await all_handled(kafka)

    assert not await is_handled(), "no group has come yet"
    held, handled = asyncio.Event(), asyncio.Event()

    async def handle(member: Subscription) -> None:
        for wait_for in (held, handled):
            async with member.batch(10):
                await wait_for.wait()

    async with aclosing(log.subscribe("g", [THINGS])) as member, running(handle(member)):
        await log.append([record()], fence=Fence(producer="p", turn=1))
        assert not await is_handled()
        held.set()
        await until(is_handled, within_s=30)
        await log.append([record()], fence=Fence(producer="p", turn=2))
        assert not await is_handled()
