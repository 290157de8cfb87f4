"""Page tokens of lists in order of time: when the last entry was made, and its id, in 24 bytes.

Rooms give them to each other as they are; a client gets them sealed, from the gateway.
"""

import struct
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from nova.platform.clock import from_unix_us, unix_us
from nova.platform.errors import InvalidArgument
from nova.platform.ids import id_of

NEWEST: Final = (datetime(9999, 1, 1, tzinfo=UTC), UUID(int=(1 << 128) - 1))
"""The place before the first entry of a list that begins with the newest."""

_ENTRY: Final = struct.Struct(">q16s")


class PageTokenUnknown(InvalidArgument):
    """This page token was not given by this list."""


def token_of(moment: int, entry_id: UUID) -> bytes:
    """Return the token of the page after an entry; `moment` is in the unit of its list."""
    return _ENTRY.pack(moment, entry_id.bytes)


def place_of(token: bytes) -> tuple[int, UUID] | None:
    """Return moment and id of the entry that a page comes after, None at the beginning. Raises `PageTokenUnknown`."""
    if not token:
        return None
    if len(token) != _ENTRY.size:
        raise PageTokenUnknown(field="page_token")
    moment, entry_id = _ENTRY.unpack(token)
    return moment, id_of(entry_id)


def token_at(at: datetime, entry_id: UUID) -> bytes:
    """Return the token of the page after an entry that was made at this moment, to the microsecond."""
    return token_of(unix_us(at), entry_id)


def place_at(token: bytes) -> tuple[datetime, UUID]:
    """Return time and id of the entry that a page comes after, `NEWEST` at the beginning. Raises `PageTokenUnknown`."""
    place = place_of(token)
    if place is None:
        return NEWEST
    return moment_of(place[0]), place[1]


def moment_of(unix_us: int) -> datetime:
    """Return a moment from a token. Raises `PageTokenUnknown` for one that no calendar has."""
    try:
        return from_unix_us(unix_us)
    except OverflowError:
        raise PageTokenUnknown(field="page_token") from None
