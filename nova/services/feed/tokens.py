"""Places as page tokens and back. The gateway seals them; here they only have to be whole and of the right list."""

import struct
from collections.abc import Collection
from typing import Final

from nova.native.ids import ID_BYTES
from nova.platform.rpc.page_tokens import PageTokenUnknown
from nova.services.feed.model import (
    SLATE_MOST,
    InSlate,
    InTime,
    Order,
    Place,
    Shelf,
)

_IN_TIME: Final = struct.Struct(f">c{ID_BYTES}s")
_IN_SLATE: Final = struct.Struct(f">c{ID_BYTES}sI{ID_BYTES}s")
_NO_ID: Final = bytes(ID_BYTES)
_ORDERS: Final = {order.value: order for order in Order}
_SHELVES: Final = {shelf.value: shelf for shelf in Shelf}


def token_of(place: Place | None) -> bytes:
    """Return the token of a place; empty where there is nothing more."""
    if place is None:
        return b""
    if isinstance(place, InTime):
        return _IN_TIME.pack(place.order.value, place.before)
    return _IN_SLATE.pack(place.shelf.value, place.slate_id, place.offset, place.before or _NO_ID)


def place_of(token: bytes, kinds: Collection[Order | Shelf]) -> Place | None:
    """Return the place of a token, None for an empty one. Raises `PageTokenUnknown` for one of other `kinds`."""
    if not token:
        return None
    place = _read(token)
    if place is None or (place.order if isinstance(place, InTime) else place.shelf) not in kinds:
        raise PageTokenUnknown(field="page_token")
    return place


def _read(token: bytes) -> Place | None:
    kind = token[:1]
    if kind in _ORDERS and len(token) == _IN_TIME.size:
        _, before = _IN_TIME.unpack(token)
        return InTime(order=_ORDERS[kind], before=before)
    if kind in _SHELVES and len(token) == _IN_SLATE.size:
        _, slate_id, offset, before = _IN_SLATE.unpack(token)
        if offset <= SLATE_MOST:
            return InSlate(
                shelf=_SHELVES[kind],
                slate_id=slate_id,
                offset=offset,
                before=None if before == _NO_ID else before,
            )
    return None
