"""Kafka beside a schema registry: what is on the wire names a schema that the registry knows."""

import asyncio
from contextlib import aclosing

import pytest
from google.protobuf import wrappers_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.wrappers_pb2 import BytesValue

from nova.api.content.v1 import content_pb2
from nova.platform.dead_letters import dead_letter, replay
from nova.platform.events import Topic
from nova.platform.ids import uuid7
from nova.platform.log.kafka import KafkaLog
from nova.platform.log.kafka_cluster import Cluster
from nova.platform.log.kafka_registry import SchemaRefused, SchemaRegistry
from nova.platform.log.kafka_schema import source_of
from nova.platform.log.kafka_wire import frame
from nova.platform.log.port import DEAD_SUFFIX, Record, Refused
from tests.contract.test_event_log import record, tailed
from tests.contract.test_kafka_log import raw
from tests.real import ENGINES, on_real_engines

pytestmark = on_real_engines

PLACE_IN_FILE = 8
"""Of `BytesValue` in wrappers.proto, the first message there being 0."""


@pytest.fixture
def registry() -> SchemaRegistry:
    return SchemaRegistry(ENGINES["NOVA_SCHEMA_REGISTRY_URL"])


@pytest.fixture
def topic() -> Topic[BytesValue]:
    """A topic, and so a subject, of this test's own: what a registry has been told it keeps."""
    return Topic(f"test.t{uuid7().hex}.made", BytesValue, key="value", partitions=1)


def of(topic: Topic[BytesValue]) -> Record:
    return record(payload=BytesValue(value=b"x").SerializeToString(), topic=topic.name)


async def assert_framed(
    cluster: Cluster, registry: SchemaRegistry, topic: Topic[BytesValue], name: str
) -> None:
    """Assert that the first record of the topic `name` has the frame of the schema of `topic`."""
    value = (await raw(cluster, name, 1)).value
    schema_id = int.from_bytes(value[1:5], "big")
    assert value == frame(schema_id, [PLACE_IN_FILE]) + of(topic).payload
    assert value[:1] + value[5:7] == bytes([0, 1 << 1, PLACE_IN_FILE << 1])
    kept = await asyncio.to_thread(registry._get, f"/subjects/{topic.name}-value/versions/latest")
    assert kept["id"] == schema_id
    assert kept["schemaType"] == "PROTOBUF"
    known = await asyncio.to_thread(registry._get, f"/schemas/ids/{schema_id}")
    assert known["schema"] == source_of(wrappers_pb2.DESCRIPTOR)


async def test_a_payload_names_its_schema_and_both_kinds_are_read(
    cluster: Cluster, registry: SchemaRegistry, topic: Topic[BytesValue]
) -> None:
    async with KafkaLog(cluster, registry=registry) as framing, KafkaLog(cluster) as plain:
        await framing.declare([topic])
        await framing.append([of(topic)])
        await assert_framed(cluster, registry, topic, topic.name)
        await plain.append([of(topic)])
        for log in (framing, plain):
            assert [one.payload for one in await tailed(log, 2, [topic])] == [of(topic).payload] * 2


async def test_a_dead_letter_of_a_topic_that_is_only_heard_names_its_schema(
    cluster: Cluster, registry: SchemaRegistry, topic: Topic[BytesValue]
) -> None:
    async with KafkaLog(cluster, registry=registry) as log, aclosing(log.subscribe("g", [topic])):
        await log.append([dead_letter(of(topic), group="g", why="bad", tries=5)])
    await assert_framed(cluster, registry, topic, topic.name + DEAD_SUFFIX)


async def test_a_dead_letter_that_is_put_back_names_its_schema(
    cluster: Cluster, registry: SchemaRegistry, topic: Topic[BytesValue]
) -> None:
    async with KafkaLog(cluster) as plain:
        await plain.append([dead_letter(of(topic), group="g", why="bad", tries=5)])
    async with KafkaLog(cluster, registry=registry) as log:
        assert await replay(log, topic) == 1
    await assert_framed(cluster, registry, topic, topic.name)


async def test_a_topic_of_which_nobody_knows_the_schema_is_refused(
    cluster: Cluster, registry: SchemaRegistry, topic: Topic[BytesValue]
) -> None:
    async with KafkaLog(cluster, registry=registry) as log:
        for name in (topic.name, topic.name + DEAD_SUFFIX):
            with pytest.raises(Refused, match="declare"):
                await log.append([record(topic=name)])
        assert await log.end([topic]) == {(topic.name, 0): 0}


def things(**fields: "FieldDescriptorProto.Type.ValueType") -> type[Message]:
    """Return a message with these fields, and with one of a message that its file imports."""
    pool = DescriptorPool()
    imported = content_pb2.DESCRIPTOR
    for one in (*imported.dependencies, imported):
        pool.AddSerializedFile(one.serialized_pb)
    file = FileDescriptorProto(
        name="thing.proto", package="test", syntax="proto3", dependency=[imported.name]
    )
    thing = file.message_type.add(name="Thing")
    thing.field.add(
        name="post", number=1, type=FieldDescriptorProto.TYPE_MESSAGE, type_name=".nova.api.content.v1.Post"
    )
    for number, (name, kind) in enumerate(fields.items(), 2):
        thing.field.add(name=name, number=number, type=kind)
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("test.Thing"))


async def test_a_schema_may_grow_and_may_not_become_another(
    cluster: Cluster, registry: SchemaRegistry, topic: Topic[BytesValue]
) -> None:
    text, number = FieldDescriptorProto.TYPE_STRING, FieldDescriptorProto.TYPE_FIXED64

    async def declare(message: type[Message]) -> None:
        async with KafkaLog(cluster, registry=registry) as log:
            await log.declare([Topic(topic.name, message, key="value", partitions=1)])

    await declare(things(value=text))
    await declare(things(value=text, more=text))
    with pytest.raises(SchemaRefused):
        await declare(things(value=number, more=text))
