"""Global ids: what a client holds instead of our ids. Opaque, one for every entity of the graph.

A letter of the type, the 16 bytes of the id (and for media its place in the post), in base64url. They are not
secret and not signed: an id opens nothing, for every room asks what its viewer may see.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from enum import Enum
from typing import Final, NamedTuple
from uuid import UUID

_UUID_BYTES: Final = 16
_LONGEST: Final = 64
_NOTHING: Final = bytes(_UUID_BYTES)
"""The nil UUID (RFC 9562, section 5.9): under it no room knows anything."""


class Kind(Enum):
    """The types that have ids. The values are part of ids that clients keep: never change one."""

    USER = b"u"
    POST = b"p"
    COMMENT = b"c"
    STORY = b"s"
    MEDIA = b"m"
    STORY_MEDIA = b"n"
    SESSION = b"k"


class GlobalId(NamedTuple):
    """A decoded id. `place` is the place of a medium in its post, from 0."""

    kind: Kind
    uuid: UUID
    place: int = 0


def encode(kind: Kind, uuid: bytes, place: int | None = None) -> str:
    """Return the global id of the entity with this id of 16 bytes."""
    tail = b"" if place is None else bytes([place])
    return urlsafe_b64encode(kind.value + uuid + tail).rstrip(b"=").decode()


def decode(text: str) -> GlobalId | None:
    """Return what `text` names, or None when it is no id of ours, in its one canonical form."""
    if len(text) > _LONGEST or not text.isascii():
        return None
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        kind = Kind(raw[:1])
    except ValueError:
        return None
    tail = raw[1 + _UUID_BYTES :]
    if len(raw) < 1 + _UUID_BYTES or len(tail) != (kind is Kind.MEDIA):
        return None
    found = GlobalId(kind, UUID(bytes=raw[1 : 1 + _UUID_BYTES]), tail[0] if tail else 0)
    canonical = encode(kind, found.uuid.bytes, found.place if kind is Kind.MEDIA else None)
    return found if canonical == text else None


def bytes_of(text: str, kind: Kind) -> bytes:
    """Return the id of an entity of this kind; for any other text the id of nothing.

    So the room answers, and what it says to an id that names nothing is the same whoever found that out.
    """
    found = decode(text)
    return found.uuid.bytes if found is not None and found.kind is kind else _NOTHING
