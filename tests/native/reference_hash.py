"""The order-independent content hash, in plain Python."""

from collections.abc import Iterable

_MASK = (1 << 64) - 1
_SEEDS = (0x6A09E667F3BCC908, 0xBB67AE8584CAA73B)


def content_hash(records: Iterable[Iterable[int]]) -> bytes:
    """Return the sum of the 128-bit hashes of records of 64-bit words."""
    total = 0
    for record in records:
        words = [word & _MASK for word in record]
        high, low = (_fold(seed, words) for seed in _SEEDS)
        total += high << 64 | low
    return (total & (1 << 128) - 1).to_bytes(16, "big")


def id_words(identifier: bytes) -> tuple[int, int]:
    """Return the two words of an id, most significant first."""
    return int.from_bytes(identifier[:8], "big"), int.from_bytes(identifier[8:], "big")


def _fold(state: int, words: Iterable[int]) -> int:
    for word in words:
        state = _mix(state ^ word)
    return state


def _mix(state: int) -> int:
    z = (state + 0x9E3779B97F4A7C15) & _MASK
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & _MASK
    return z ^ z >> 31
