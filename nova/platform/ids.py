"""Identifiers: UUIDv7, ordered by the time they were made (RFC 9562, section 5.7)."""

import os
import threading
import time
from datetime import UTC, datetime
from uuid import UUID, SafeUUID

_RANDOM_BITS = 74
_COUNTER_ROOM = 1 << (_RANDOM_BITS - 1)


def uuid7_at(at_ms: int, random_bits: int) -> UUID:
    """Return the UUIDv7 of the millisecond `at_ms` with the low 74 bits of `random_bits`."""
    rand_a = (random_bits >> 62) & 0xFFF
    rand_b = random_bits & ((1 << 62) - 1)
    return UUID(int=(at_ms & ((1 << 48) - 1)) << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b)


class _Uuid7:
    """Ids of one process, strictly increasing (RFC 9562, section 6.2, method 2).

    Within a millisecond the random part is a counter with a random start and random steps, so that ids made
    here keep their order and still cannot be guessed. A clock that steps back keeps the last millisecond.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_ms = 0
        self._random = 0

    def __call__(self) -> UUID:
        now_ms = time.time_ns() // 1_000_000
        seed = int.from_bytes(os.urandom(10), "big")
        with self._lock:
            if now_ms > self._last_ms:
                self._last_ms = now_ms
                # The top bit starts clear, so that the steps of one millisecond cannot overflow.
                self._random = seed & (_COUNTER_ROOM - 1)
            else:
                self._random += 1 + (seed & 0xFFFFFFFF)
            return uuid7_at(self._last_ms, self._random)


uuid7 = _Uuid7()


def made_ms(identifier: UUID) -> int:
    """Return the moment at which a UUIDv7 was made, in unix ms."""
    return identifier.int >> 80


def made_at(identifier: UUID) -> datetime:
    """Return the moment at which a UUIDv7 was made, to the millisecond."""
    return datetime.fromtimestamp(made_ms(identifier) / 1000, UTC)


def id_of(raw: bytes) -> UUID:
    """Return the UUID of 16 bytes, big-endian; the length is the caller's to check.

    `UUID(bytes=raw)` without its examination of six ways to name a UUID: pages turn hundreds of these.
    """
    identifier = _new(UUID)
    _set_int(identifier, _from_bytes(raw))
    _set_is_safe(identifier, _UNKNOWN)
    return identifier


_UNKNOWN = SafeUUID.unknown
_new = object.__new__
_from_bytes = int.from_bytes
_set_int = UUID.__dict__["int"].__set__
_set_is_safe = UUID.__dict__["is_safe"].__set__
