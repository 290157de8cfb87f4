"""Cursors: a place in a list, sealed.

A cursor carries the room's page token and a MAC over it, over the list that it belongs to (field, parent, the
arguments that choose the entries) and over the viewer. One that was edited, or is taken to another list or by
someone else, is refused before any room is asked.

While the house's secret is replaced there are two: the first one seals, the cursors of either are taken.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from nova.platform.errors import InvalidArgument

_MAC_BYTES: Final = 12
_LONGEST: Final = 2048
_PURPOSE: Final = b"nova cursor 1"


class BadCursor(InvalidArgument):
    """The cursor is not one of this list: start without one."""


class Cursors:
    """Seals and opens the cursors of one viewer. `secrets` are the house's: the first one seals."""

    def __init__(self, secrets: Sequence[str], viewer: UUID | None) -> None:
        self._keys = [_key(secret, viewer) for secret in secrets]

    def seal(self, listing: str, token: bytes) -> str:
        """Return the cursor for a page token of the list named `listing`."""
        return urlsafe_b64encode(_mac(self._keys[0], listing, token) + token).rstrip(b"=").decode()

    def open(self, listing: str, cursor: str | None) -> bytes:
        """Return the page token, empty without a cursor; raises `BadCursor`."""
        if cursor is None:
            return b""
        if len(cursor) > _LONGEST or not cursor.isascii():
            raise BadCursor(field="after")
        try:
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except ValueError:
            raise BadCursor(field="after") from None
        mac, token = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        # The same bytes have one spelling: what was touched at all is refused.
        canonical = urlsafe_b64encode(raw).rstrip(b"=").decode() == cursor
        sealed = any(hmac.compare_digest(mac, _mac(key, listing, token)) for key in self._keys)
        if not canonical or not token or not sealed:
            raise BadCursor(field="after")
        return token


def _key(secret: str, viewer: UUID | None) -> bytes:
    house_key = hmac.digest(secret.encode(), _PURPOSE, "sha256")
    return hmac.digest(house_key, viewer.bytes if viewer else b"", "sha256")


def _mac(key: bytes, listing: str, token: bytes) -> bytes:
    name = listing.encode()
    return hmac.digest(key, len(name).to_bytes(4, "big") + name + token, "sha256")[:_MAC_BYTES]
