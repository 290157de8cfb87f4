"""Page tokens of this room: the last row seen, as bytes. A client gets them sealed, from the gateway."""

import struct
from typing import Final
from uuid import UUID

from nova.platform.errors import InvalidArgument
from nova.services.graph.model import Row, UserId

_ROW: Final = struct.Struct(">q16s")


def row_token(row: Row) -> bytes:
    """Return the token of the page after this row."""
    return _ROW.pack(row.since_ms, row.user_id.bytes)


def row_before(token: bytes) -> Row | None:
    """Return the row that the next page comes after; None at the beginning."""
    if not token:
        return None
    if len(token) != _ROW.size:
        raise InvalidArgument("page_token: take it from the page before.", field="page_token")
    since_ms, user_id = _ROW.unpack(token)
    return Row(user_id=UserId(UUID(bytes=user_id)), since_ms=since_ms)
