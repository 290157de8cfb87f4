"""What the house asks of an event log, whichever engine keeps it.

Topics are split into partitions by key. Within a partition records have growing offsets. A group
shares the partitions of its topics among its members; a tail reads them all and belongs to no group. Delivery
is at least once: consumers remember what they handled.
"""

import re
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol, Self, TypeAlias
from uuid import UUID

from nova.platform.errors import FailedPrecondition, InvalidArgument
from nova.platform.events import ACTOR, Topic

MAX_RECORD_BYTES = 1 << 20
USUAL_PARTITIONS = 8
"""Of a topic that nobody has declared."""
DEAD_SUFFIX = ".dlq"
CONTENT_TYPE = "content-type"
_NAME = re.compile(r"^[a-z0-9][a-z0-9._-]{0,199}$")
_DEAD_EXTRA_BYTES = 16 << 10

Position: TypeAlias = Mapping[tuple[str, int], int]
"""The next offset to be read, by (topic, partition)."""


class Refused(InvalidArgument):
    """The log does not take this record, now or later."""


class Fenced(FailedPrecondition):
    """Another producer took this one's turn: what was about to be appended is its matter now."""


class PositionLost(FailedPrecondition):
    """Records after this position are no longer kept, or it is another log's: load from the truth again."""


# Neither frozen nor keyword-only: such take four times as long to make, and hundreds are made at a time. Nobody
# changes one.
@dataclass(slots=True)
class Record:
    """One event in the log. `source` is the room that told it; `headers` hold trace and correlation."""

    id: UUID
    topic: str
    key: bytes
    payload: bytes
    emitted_at: datetime
    source: str
    headers: Mapping[str, str]


@dataclass(slots=True)
class Delivered(Record):
    """A record with its place."""

    partition: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """A producer's turn. The log refuses a turn lower than the highest that it has seen of that producer."""

    producer: str
    turn: int


class Subscription(Protocol):
    """A group's reading of some topics, by one member."""

    def batch(self, limit: int) -> AbstractAsyncContextManager[Sequence[Delivered]]:
        """Wait for records, and own their partitions inside the block.

        At least one and at most `limit` records, in order within a partition. Leaving the block moves the
        group on; an exception leaves it where it was, and the same records come again, here or at another
        member.
        """
        ...

    async def aclose(self) -> None:
        """Leave the group. What it had not moved past comes to the other members, or when one joins again."""
        ...


class EventLog(Protocol):
    """An append-only, partitioned log. Entering it opens it, leaving it closes it."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def declare(self, topics: Iterable[Topic[Any]]) -> None:
        """Make topics that are missing, with their number of partitions. One that exists keeps its own."""
        ...

    async def append(self, records: Sequence[Record], *, fence: Fence | None = None) -> None:
        """Append all or none, keeping their order within a key; returns when they are durable.

        Raises `Refused` for a record that will never be taken, `Fenced`, and `Unavailable` when the log does
        not answer: then the records may or may not be there, and without a fence only some of them.
        """
        ...

    def subscribe(self, group: str, topics: Sequence[Topic[Any]]) -> Subscription:
        """Return a membership in `group`, which starts at the oldest record kept."""
        ...

    def tail(
        self, topics: Sequence[Topic[Any]], position: Position
    ) -> AsyncGenerator[Sequence[Delivered], None]:
        """Yield every record from `position` on, for ever, as it comes. Raises `PositionLost`."""
        ...

    async def end(self, topics: Sequence[Topic[Any]]) -> dict[tuple[str, int], int]:
        """Return the position after the newest records."""
        ...

    async def lag(self, group: str) -> dict[tuple[str, int], int]:
        """Return how many records `group` has not moved past, by (topic, partition)."""
        ...

    async def read(self, topic: str, *, limit: int, after: UUID | None = None) -> list[Delivered]:
        """Return the records kept of one topic, oldest first, for people who look; after the id `after`."""
        ...

    async def newest(self, topic: str, *, limit: int) -> list[Delivered]:
        """Return the last `limit` records of one topic, oldest first, for people who look."""
        ...


WIRE_NAMES: Final = {ACTOR: f"ce_{ACTOR}"}
"""Headers that are extension attributes of CloudEvents, by their names in the house."""


def wire_headers(record: Record) -> dict[str, str]:
    """Return what goes beside key and payload on a wire: CloudEvents 1.0, binary mode, Kafka's names."""
    return {
        **{WIRE_NAMES.get(name, name): text for name, text in record.headers.items()},
        "ce_specversion": "1.0",
        "ce_id": str(record.id),
        "ce_type": record.topic,
        "ce_source": f"/nova/{record.source}",
        "ce_time": record.emitted_at.isoformat(),
        CONTENT_TYPE: "application/protobuf",
    }


def check_name(topic: str) -> None:
    """Raise `Refused` for what cannot be the name of a topic."""
    if not _NAME.match(topic):
        raise Refused(f"{topic!r} cannot be the name of a topic.", field="topic")


def check_size(record: Record) -> None:
    """Raise `Refused` for a record above `MAX_RECORD_BYTES`. A dead letter may be larger by what it tells."""
    size = len(record.payload) + len(record.key) + sum(len(k) + len(v) for k, v in record.headers.items())
    if size > MAX_RECORD_BYTES + (_DEAD_EXTRA_BYTES if record.topic.endswith(DEAD_SUFFIX) else 0):
        raise Refused(f"{record.topic} {record.id} has {size} bytes; {MAX_RECORD_BYTES} is the most.")
