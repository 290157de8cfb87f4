"""Topics and events: what rooms tell one another, before any transport.

A `Topic` ties a name to its protobuf message, so that a wrong payload is a type error and the name of a
topic is written once. Attributes follow CloudEvents 1.0 (id, source, type, time).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar
from uuid import UUID

from google.protobuf.message import Message

from nova.platform.ids import uuid7

ACTOR: Final = "actor"
"""The header with the id of the user in whose name an event came about; none where the house itself did it."""

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One fact, ready to be written to an outbox. `key` orders: events of one key are seen in order."""

    id: UUID
    topic: str
    key: bytes
    payload: bytes
    emitted_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Topic(Generic[M]):
    """A named stream of one message type, split into `partitions` by its `key`: a field of bytes in the message."""

    name: str
    message: type[M]
    key: str
    partitions: int = 8

    def event(self, value: M) -> Event:
        """Return a new event of this topic. Who did it, trace and correlation are added when it is emitted."""
        return Event(
            id=uuid7(), topic=self.name, key=getattr(value, self.key), payload=value.SerializeToString(),
            emitted_at=datetime.now(UTC),
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Received(Generic[M]):
    """One event as a consumer sees it: the parsed message with what came along."""

    id: UUID
    topic: str
    key: bytes
    value: M
    emitted_at: datetime
    headers: Mapping[str, str]
