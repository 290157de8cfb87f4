"""Request fields turned into words of the domain, or refused with the name of the field.

protobuf lets anything pass that has the right wire type: ids of three bytes, enums of tomorrow, NaN.
Servers ask these functions for every field that they use. Each raises `InvalidArgument` with `field` set.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from nova.platform.errors import InvalidArgument
from nova.platform.ids import id_of

_ID_BYTES = 16
_EARLIEST_S = 0
# 9999-12-31T23:59:59Z, the last second that a datetime holds.
_LATEST_S = 253_402_300_799


class ProtoEnum(Protocol):
    """A generated enum, such as `content_pb2.Audience`."""

    def values(self) -> Sequence[int]:
        """Return the declared numbers."""
        ...


def uuid_of(value: bytes, field: str) -> UUID:
    """Return the id of 16 bytes, big-endian."""
    if len(value) != _ID_BYTES:
        raise InvalidArgument(f"{field} must be an id of 16 bytes.", field=field)
    return id_of(value)


def optional_uuid_of(value: bytes, field: str) -> UUID | None:
    """Return the id, or None where the field is empty."""
    return uuid_of(value, field) if value else None


def uuids_of(values: Sequence[bytes], field: str, *, most: int) -> list[UUID]:
    """Return at most `most` ids, in order, duplicates kept."""
    if len(values) > most:
        raise InvalidArgument(f"{field} may hold at most {most} ids.", field=field)
    for value in values:
        if len(value) != _ID_BYTES:
            raise InvalidArgument(f"{field} must hold ids of 16 bytes.", field=field)
    return [id_of(value) for value in values]


def page_size(value: int, *, most: int, default: int, field: str = "page_size") -> int:
    """Return how many entries a page shall have: 1 to `most`; 0, the unset value, means `default`."""
    if value == 0:
        return default
    if not 0 < value <= most:
        raise InvalidArgument(f"{field} must be 1 to {most}.", field=field)
    return value


def enum_of(value: int, enum: ProtoEnum, field: str) -> int:
    """Return the number of a declared enum value; 0, the unset value, and unknown numbers are refused."""
    if value == 0 or value not in enum.values():
        raise InvalidArgument(f"{field} must be one of its declared values.", field=field)
    return value


def text_of(value: str, field: str, *, most: int, least: int = 0) -> str:
    """Return a text of `least` to `most` code points, without NUL (PostgreSQL holds none)."""
    if not least <= len(value) <= most:
        raise InvalidArgument(f"{field} must have {least} to {most} characters.", field=field)
    if "\0" in value:
        raise InvalidArgument(f"{field} must not hold NUL characters.", field=field)
    return value


def number_of(value: float, field: str, *, least: float, most: float) -> float:
    """Return a number from `least` to `most`; NaN is refused."""
    if math.isnan(value) or not least <= value <= most:
        raise InvalidArgument(f"{field} must be a number from {least:g} to {most:g}.", field=field)
    return value


def time_of(value: Timestamp, field: str) -> datetime:
    """Return the aware moment, to the microsecond, from 1970 to 9999."""
    if not (_EARLIEST_S <= value.seconds <= _LATEST_S and 0 <= value.nanos < 1_000_000_000):
        raise InvalidArgument(f"{field} must be a moment from 1970 to 9999.", field=field)
    return value.ToDatetime(tzinfo=UTC)


def to_timestamp(moment: datetime) -> Timestamp:
    """Return the protobuf form of an aware moment."""
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
