"""A record as Kafka carries it: CloudEvents 1.0 in binary mode, payloads framed where a registry knows the schema."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from heapq import merge
from uuid import NAMESPACE_URL, UUID, uuid5

from aiokafka import ConsumerRecord

from nova.platform.log.kafka_cluster import Cluster, Place
from nova.platform.log.port import CONTENT_TYPE, WIRE_NAMES, Delivered, Record, wire_headers

Fetched = Mapping[Place, Sequence[ConsumerRecord]]
"""What a fetch brought, by partition, in order of offset."""

_MAGIC = b"\0"
_ID_BYTES = 4
_SOURCE = "/nova/"
_TOLD = ("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", CONTENT_TYPE)
_STRANGER = "elsewhere"


def frame(schema_id: int, indexes: Sequence[int]) -> bytes:
    """Return what stands before a payload: a zero byte, the schema's id, and the path of the message in its file.

    Confluent's wire format: the id in four bytes, big end first; the path as zigzag varints, its length first, and a
    single zero for the first message of a file.
    """
    path = _MAGIC if list(indexes) == [0] else b"".join(map(_zigzag, (len(indexes), *indexes)))
    return _MAGIC + schema_id.to_bytes(_ID_BYTES, "big") + path


def unframed(value: bytes) -> bytes:
    """Return the payload of a value, framed or not: no protobuf message begins with a zero byte."""
    if not value.startswith(_MAGIC) or len(value) <= len(_MAGIC) + _ID_BYTES:
        return value
    count, place = _read_zigzag(value, len(_MAGIC) + _ID_BYTES)
    for _ in range(min(count, len(value) - place)):
        _, place = _read_zigzag(value, place)
    return value[place:]


def headers_of(record: Record) -> list[tuple[str, bytes]]:
    """Return the headers of a record as Kafka takes them."""
    return [(name, text.encode()) for name, text in wire_headers(record).items()]


def delivered(message: ConsumerRecord, cluster: Cluster) -> Delivered:
    """Return a message as the house knows records.

    One that no relay of ours has written has no id: it gets one that is always the same, from its place.
    """
    headers = {name: text.decode(errors="replace") for name, text in message.headers}
    told = {name: headers.pop(name, "") for name in _TOLD}
    headers.update({name: headers.pop(wire) for name, wire in WIRE_NAMES.items() if wire in headers})
    place = f"{message.topic}/{message.partition}/{message.offset}"
    return Delivered(
        _uuid(told["ce_id"]) or uuid5(NAMESPACE_URL, place),
        cluster.off_wire(message.topic),
        message.key or b"",
        unframed(message.value or b""),
        _time(told["ce_time"]) or datetime.fromtimestamp(message.timestamp / 1000, UTC),
        told["ce_source"].removeprefix(_SOURCE) or _STRANGER,
        headers,
        message.partition,
        message.offset,
    )


def in_order(fetched: Fetched, cluster: Cluster) -> list[Delivered]:
    """Return records of several partitions: each partition's in its order, and as they were emitted between those."""
    return list(merge(*_delivered_each(fetched.values(), cluster), key=lambda record: record.emitted_at))


def _delivered_each(
    fetched: Iterable[Sequence[ConsumerRecord]], cluster: Cluster
) -> Iterator[list[Delivered]]:
    for messages in fetched:
        yield [delivered(message, cluster) for message in messages]


def _zigzag(number: int) -> bytes:
    """Return a number as protobuf writes a `sint32` that is not negative."""
    left, found = number << 1, bytearray()
    while left > 0x7F:
        found.append(left & 0x7F | 0x80)
        left >>= 7
    found.append(left)
    return bytes(found)


def _read_zigzag(value: bytes, place: int) -> tuple[int, int]:
    """Return the number at `place` and the place after it; what is cut short counts as ended."""
    number = shift = 0
    while place < len(value):
        byte = value[place]
        number |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte <= 0x7F:
            break
    return number >> 1, place


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
