"""Page tokens that only this room has: of a list of words, and of the walk through all restrictions."""

import struct
from datetime import datetime
from typing import Final
from uuid import UUID

from nova.platform.clock import unix_us
from nova.platform.rpc.page_tokens import NEWEST, PageTokenUnknown, moment_of
from nova.platform.rpc.validate import text_of
from nova.policy.rules import MUTED_WORD_MOST
from nova.services.user.model import MutedWord, RestrictionKind
from nova.services.user.store.restrictions import START, Place

_PLACE: Final = struct.Struct(">B16s16s")
_MOMENT: Final = struct.Struct(">q")


def word_token(muted: MutedWord) -> bytes:
    """Return the token of the page after this word."""
    return _MOMENT.pack(unix_us(muted.created_at)) + muted.word.encode()


def word_before(token: bytes) -> tuple[datetime, str]:
    """Return the time and word that the next page comes after."""
    if not token:
        return NEWEST[0], ""
    try:
        (at,) = _MOMENT.unpack_from(token)
        word = text_of(token[_MOMENT.size :].decode(), "page_token", most=MUTED_WORD_MOST)
    except (struct.error, UnicodeDecodeError):
        raise PageTokenUnknown(field="page_token") from None
    return moment_of(at), word


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
        raise PageTokenUnknown(field="page_token") from None
