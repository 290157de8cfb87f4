"""Ids as the kernels take them: 16 bytes each, big-endian, side by side in one buffer."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

ID_BYTES = 16

IdBuffer = bytes | bytearray | memoryview | NDArray[np.uint8] | NDArray[np.void]
Ids = IdBuffer | Sequence[UUID]
"""A buffer of n × 16 bytes (the fast way: it is passed on as it is), or UUIDs."""
Id = bytes | UUID

_BUFFERS = (bytes, np.ndarray, memoryview, bytearray)


def pack(ids: Iterable[UUID]) -> bytes:
    """Return the ids as one buffer of n × 16 bytes."""
    return b"".join([identifier.bytes for identifier in ids])


def unpack(buffer: bytes) -> list[UUID]:
    """Return the ids of a buffer of n × 16 bytes."""
    return [UUID(bytes=buffer[at : at + ID_BYTES]) for at in range(0, len(buffer), ID_BYTES)]


def split(buffer: bytes) -> list[bytes]:
    """Return the ids of a buffer of n × 16 bytes, as their bytes."""
    return [buffer[at : at + ID_BYTES] for at in range(0, len(buffer), ID_BYTES)]


def pack_one(identifier: Id) -> bytes:
    """Return one id as its 16 bytes."""
    return identifier.bytes if isinstance(identifier, UUID) else identifier


def pack_cursor(identifier: Id | None) -> bytes | None:
    """Return the 16 bytes of the id where a page ended, if there was one."""
    return None if identifier is None else pack_one(identifier)


def to_buffer(ids: Ids) -> IdBuffer:
    """Return a buffer as it is, and UUIDs packed."""
    return ids if isinstance(ids, _BUFFERS) else pack(ids)
