"""A record on Kafka's wire and back: CloudEvents headers, and the frame of a schema registry."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from google.protobuf.wrappers_pb2 import BytesValue

from nova.api.content.v1.events_pb2 import PostCreatedEvent
from nova.platform.ids import uuid7
from nova.platform.log.kafka_cluster import Cluster, Place
from nova.platform.log.kafka_registry import path_of
from nova.platform.log.kafka_wire import delivered, frame, headers_of, in_order, unframed
from nova.platform.log.port import Record

ADA = uuid7()
CLUSTER = Cluster(bootstrap="unused:9092", prefix="eu.")


@dataclass
class Message:
    """What aiokafka gives for a record."""

    value: bytes | None
    key: bytes | None = b"k"
    topic: str = "eu.test.thing.made"
    partition: int = 3
    offset: int = 17
    timestamp: int = 1_700_000_000_123
    headers: list[tuple[str, bytes]] = field(default_factory=list)


def record() -> Record:
    return Record(
        id=uuid7(),
        topic="test.thing.made",
        key=b"k",
        payload=b"p",
        emitted_at=datetime.now(UTC),
        source="social",
        headers={
            "correlation_id": "c-1",
            "actor": str(ADA),
            "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01",
        },
    )


def test_headers_are_cloudevents_in_binary_mode_with_the_trace_beside_them() -> None:
    sent = record()
    headers = dict(headers_of(sent))
    assert headers["ce_id"] == str(sent.id).encode()
    assert headers["ce_source"] == b"/nova/social"
    assert headers["ce_type"] == b"test.thing.made"
    assert headers["content-type"] == b"application/protobuf"
    assert headers["ce_actor"] == str(ADA).encode(), "an extension attribute"
    assert "actor" not in headers
    assert headers["traceparent"] == sent.headers["traceparent"].encode()


def test_a_record_comes_back_as_it_was() -> None:
    sent = record()
    got = delivered(Message(sent.payload, headers=headers_of(sent)), CLUSTER)
    assert Record(**{name: getattr(got, name) for name in Record.__slots__}) == sent
    assert (got.partition, got.offset) == (3, 17)


def test_x1_a_strangers_message_has_an_id_that_is_always_the_same() -> None:
    strange = Message(
        b"\xff", key=None, headers=[("ce_id", b"no id"), ("ce_time", b"yesterday"), ("x", b"\xff")]
    )
    first, second = delivered(strange, CLUSTER), delivered(strange, CLUSTER)
    assert first.id == second.id
    assert first.key == b""
    assert first.emitted_at == datetime.fromtimestamp(1_700_000_000.123, UTC)
    assert first.source == "elsewhere"


@pytest.mark.parametrize("path", [[0], [1], [0, 0], [3, 200]])
def test_a_frame_is_taken_off_again(path: list[int]) -> None:
    payload = BytesValue(value=b"x").SerializeToString()
    assert unframed(frame(70_000, path) + payload) == payload
    assert unframed(frame(70_000, path)) == b""


def test_the_frame_is_that_of_confluent() -> None:
    assert frame(1, [0]) == bytes([0, 0, 0, 0, 1, 0])
    assert frame(258, [1, 0]) == bytes([0, 0, 0, 1, 2, 4, 2, 0])


@pytest.mark.parametrize("payload", [b"", b"p", BytesValue(value=bytes(10)).SerializeToString()])
def test_a_plain_payload_is_left_alone(payload: bytes) -> None:
    assert unframed(payload) == payload


@pytest.mark.parametrize("junk", [bytes(1), bytes(5), bytes(5) + b"\xff", bytes(5) + b"\xff" * 20])
def test_x1_junk_after_a_zero_byte_is_no_error(junk: bytes) -> None:
    assert len(unframed(junk)) <= len(junk)


def test_the_path_of_a_message_counts_from_the_top_of_its_file() -> None:
    messages = list(PostCreatedEvent.DESCRIPTOR.file.message_types_by_name)
    assert path_of(PostCreatedEvent.DESCRIPTOR) == [messages.index("PostCreatedEvent")]


def test_partitions_are_merged_in_the_order_of_the_emission() -> None:
    def message(partition: int, offset: int, second: int) -> Message:
        return Message(b"%d" % second, partition=partition, offset=offset, timestamp=second * 1000)

    fetched = {
        Place("eu.test.thing.made", 0): [message(0, 0, 1), message(0, 1, 5), message(0, 2, 4)],
        Place("eu.test.thing.made", 1): [message(1, 0, 2), message(1, 1, 3)],
    }
    assert [one.payload for one in in_order(fetched, CLUSTER)] == [b"1", b"2", b"3", b"5", b"4"]
