"""A registry of this test's own that is killed and comes back: an id stands for the schema that it stood for."""

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import BytesValue

from nova.platform.errors import Timeout, Unavailable
from nova.platform.events import Topic
from nova.platform.log.kafka import KafkaLog
from nova.platform.log.kafka_cluster import Cluster
from nova.platform.log.kafka_registry import SchemaRegistry
from tests.contract.test_event_log import record
from tests.contract.test_kafka_log import raw
from tests.own_engine import OwnEngine
from tests.real import on_real_engines
from tests.waiting import until

# A registry takes seconds to start, and this one does so twice.
pytestmark = [on_real_engines, pytest.mark.timeout(400)]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[OwnEngine]:
    engine = OwnEngine("registry", tmp_path, port=81, fetched="home")
    yield engine
    engine.kill()


def made(message: type[Message]) -> Topic[Message]:
    return Topic(f"test.{message.DESCRIPTOR.name.lower()}.made", message, key="", partitions=1)


async def declared(log: KafkaLog, topics: Sequence[Topic[Message]]) -> bool:
    """Return whether a registry has answered: a Java that has only begun may be late."""
    try:
        await log.declare(topics)
    except (Unavailable, Timeout):
        return False
    return True


async def on_wire(cluster: Cluster, topic: Topic[Message]) -> int:
    """Return the id of a schema that the first record of a topic names."""
    return int.from_bytes((await raw(cluster, topic.name, 1)).value[1:5], "big")


async def test_one_that_is_killed_keeps_its_ids_and_who_runs_goes_on(
    cluster: Cluster, engine: OwnEngine
) -> None:
    registry = SchemaRegistry(f"http://{engine.address}/apis/ccompat/v7")
    before, after = [made(BytesValue), made(Timestamp)], made(Duration)

    async def schema(number: int) -> object:
        return (await asyncio.to_thread(registry._get, f"/schemas/ids/{number}"))["schema"]

    await engine.start()
    async with KafkaLog(cluster, registry=registry) as log:
        await until(partial(declared, log, before), within_s=120)
        frames = [await registry.frame(topic.name, topic.message) for topic in before]
        numbers = [int.from_bytes(frame[1:5], "big") for frame in frames]
        schemas = [await schema(number) for number in numbers]
        engine.kill()
        # What this process has asked once it knows.
        await log.append([record(topic=topic.name) for topic in before])
        await engine.start()
        # Who comes now is dealt what nobody has, and who comes again what he had.
        await until(partial(declared, log, [after]), within_s=120)
        await log.append([record(topic=after.name), *(record(topic=topic.name) for topic in before)])
        assert await on_wire(cluster, after) not in numbers
        assert [await on_wire(cluster, topic) for topic in before] == numbers
        assert [await schema(number) for number in numbers] == schemas
        assert [await registry.frame(topic.name, topic.message) for topic in before] == frames
        assert len(set(numbers)) == len(before)
        assert [len(await log.newest(topic.name, limit=9)) for topic in before] == [2, 2]
