"""Page tokens of this room: the last row seen, as bytes. A client gets them sealed, from the gateway."""

import struct
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from nova.platform.clock import from_unix_us, unix_us
from nova.platform.errors import InvalidArgument
from nova.platform.rpc.validate import text_of
from nova.policy.rules import MUTED_WORD_MOST
from nova.services.user.model import Listed, MutedWord, RestrictionKind
from nova.services.user.store.restrictions import START, Place

NEWEST: Final = (datetime(9999, 1, 1, tzinfo=UTC), UUID(int=(1 << 128) - 1))

_LISTED: Final = struct.Struct(">q16s")
_PLACE: Final = struct.Struct(">B16s16s")
_MOMENT: Final = struct.Struct(">q")


def listed_token(entry: Listed) -> bytes:
    """Return the token of the page after this entry."""
    return _LISTED.pack(unix_us(entry.listed_at), entry.user_id.bytes)


def listed_before(token: bytes) -> tuple[datetime, UUID]:
    """Return the time and id that the next page is older than."""
    if not token:
        return NEWEST
    try:
        at, user_id = _LISTED.unpack(token)
        return from_unix_us(at), UUID(bytes=user_id)
    except (struct.error, OverflowError):
        raise _foreign() from None


def word_token(muted: MutedWord) -> bytes:
    """Return the token of the page after this word."""
    return _MOMENT.pack(unix_us(muted.created_at)) + muted.word.encode()


def word_before(token: bytes) -> tuple[datetime, str]:
    """Return the time and word that the next page comes after."""
    if not token:
        return NEWEST[0], ""
    try:
        (at,) = _MOMENT.unpack_from(token)
        return from_unix_us(at), text_of(token[_MOMENT.size :].decode(), "page_token", most=MUTED_WORD_MOST)
    except (struct.error, OverflowError, UnicodeDecodeError):
        raise _foreign() from None


def place_token(place: Place) -> bytes:
    """Return the token of a walk through all restrictions."""
    return _PLACE.pack(place.kind, place.user_id.bytes, place.other_id.bytes)


def place_after(token: bytes) -> Place:
    """Return where a walk through all restrictions stands."""
    if not token:
        return START
    try:
        kind, user_id, other_id = _PLACE.unpack(token)
        return Place(kind=RestrictionKind(kind), user_id=UUID(bytes=user_id), other_id=UUID(bytes=other_id))
    except (struct.error, ValueError):
        raise _foreign() from None


def _foreign() -> InvalidArgument:
    return InvalidArgument("page_token: take it from the page before.", field="page_token")
