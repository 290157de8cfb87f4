"""What is Kafka's own: topics that are there already, the wire, and a broker that goes away."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

import pytest
from aiokafka.admin import NewTopic
from google.protobuf.wrappers_pb2 import BytesValue
from prometheus_client import REGISTRY

from nova.platform.clock import SystemClock
from nova.platform.consumer import Consumer
from nova.platform.dead_letters import list_dead, replay
from nova.platform.errors import Unavailable
from nova.platform.events import Received, Topic
from nova.platform.log.kafka import KafkaLog
from nova.platform.log.kafka_cluster import Cluster, Place
from nova.platform.log.kafka_registry import SchemaRegistry
from nova.platform.log.kafka_wire import unframed
from nova.platform.log.port import Fence
from tests.contract.test_event_log import THINGS, failed, record, tailed, take
from tests.real import ENGINES, on_real_engines
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


async def test_the_trace_and_the_cloudevents_attributes_are_headers(log: KafkaLog, cluster: Cluster) -> None:
    sent = record()
    sent.headers = {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}
    await log.append([sent])
    reader = cluster.reader()
    await reader.start()
    places = [Place(cluster.on_wire(THINGS.name), number) for number in range(THINGS.partitions)]
    reader.assign(places)
    for place in places:
        reader.seek(place, 0)
    message = await asyncio.wait_for(reader.getone(), 10)
    await reader.stop()
    headers = dict(message.headers)
    assert headers["traceparent"].decode() == sent.headers["traceparent"]
    assert headers["ce_id"].decode() == str(sent.id)
    assert headers["ce_type"].decode() == THINGS.name
    assert unframed(message.value) == sent.payload


async def test_a_failed_batch_pauses_its_partitions_until_the_next(log: KafkaLog) -> None:
    await log.append([record()])
    async with aclosing(log.subscribe("g", [THINGS])) as member:
        assert await failed(member, 1) == [b"p"]
        assert member.paused == 1
        async with asyncio.timeout(10), member.batch(1) as records:
            assert [one.payload for one in records] == [b"p"]
            assert member.paused == 0


async def test_an_append_that_is_cancelled_leaves_nothing_half_done(log: KafkaLog) -> None:
    """A transaction that its producer has left open is ended by the next one: nobody waits behind it for ever."""
    for turn in range(5):
        append = asyncio.create_task(
            log.append([record(payload=b"cut")] * 50, fence=Fence(producer="outbox:a", turn=turn))
        )
        await asyncio.sleep(0.002 * turn)
        append.cancel()
        await asyncio.gather(append, return_exceptions=True)
    await log.append([record(payload=b"last")], fence=Fence(producer="outbox:a", turn=9))
    found: list[bytes] = []
    async with asyncio.timeout(30), aclosing(log.tail([THINGS], {})) as batches:
        async for records in batches:
            found += [one.payload for one in records]
            if b"last" in found:
                break
    assert found.count(b"cut") % 50 == 0


async def test_a_broker_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        async with asyncio.timeout(20), KafkaLog(Cluster(bootstrap="127.0.0.1:9")):
            pytest.fail("nobody listens there")


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
        assert await replay(log, THINGS.name) == 1
        await until(lambda: has(3), within_s=40)
    assert sum((await log.lag("g")).values()) == 0
    assert REGISTRY.get_sample_value("consumer_dead_total", {"group": "g", "topic": THINGS.name}) == 1


async def test_a_group_that_nobody_has_read_for_is_behind_by_all(log: KafkaLog) -> None:
    await log.append([record(bytes([key])) for key in range(20)])
    async with aclosing(log.subscribe("new", [THINGS])):
        assert sum((await log.lag("new")).values()) == 20
    assert len(await take(log, "new")) == 20
    assert len(await tailed(log, 20)) == 20


@pytest.fixture
async def registered(cluster: Cluster) -> AsyncIterator[KafkaLog]:
    """A log beside a registry, with a subject of this test's own."""
    async with KafkaLog(cluster, registry=SchemaRegistry(ENGINES["NOVA_SCHEMA_REGISTRY_URL"])) as log:
        await log.declare([THINGS])
        yield log


async def test_with_a_registry_payloads_name_their_schema_and_both_kinds_are_read(
    registered: KafkaLog, log: KafkaLog, cluster: Cluster
) -> None:
    payload = BytesValue(value=b"x").SerializeToString()
    await log.append([record(payload=payload)])
    await registered.append([record(payload=payload)])
    assert [one.payload for one in await tailed(registered, 2)] == [payload, payload]
    assert [one.payload for one in await tailed(log, 2)] == [payload, payload]
