"""Which values in Redis are too old to believe.

A value in Redis carries the sequence number at which its load began. Keys are invalidated by tombstones, in
Redis itself; patterns cannot be, so every reader remembers the patterns of the last minutes and holds each
value against those that came after it.
"""

import re

_MOST_PATTERNS = 64
_HELD_S = 2.0


class Trust:
    """What one cache believes. Beyond 64 live patterns it stops telling keys apart: all older values go."""

    def __init__(self) -> None:
        self._patterns: list[tuple[int, float, re.Pattern[bytes]]] = []
        self._held: list[tuple[float, re.Pattern[bytes]]] = []
        self.floor = 0

    def distrust_before(self, number: int) -> None:
        """Believe no value whose load began before this number."""
        self.floor = max(self.floor, number)

    def distrust_matching(self, number: int, pattern: re.Pattern[bytes], *, until: float) -> None:
        """Believe no value of a matching key whose load began before this number; remember it `until` then."""
        if len(self._patterns) >= _MOST_PATTERNS:
            self._patterns.clear()
            self.distrust_before(number)
        else:
            self._patterns.append((number, until, pattern))

    def hold(self, pattern: re.Pattern[bytes], *, now: float) -> None:
        """Believe no value of a matching key for as long as the number of a new pattern may be on its way."""
        self._held.append((now + _HELD_S, pattern))

    def tick(self, now: float) -> None:
        """Forget the patterns whose time is over."""
        if self._held:
            self._held = [entry for entry in self._held if entry[0] > now]
        if self._patterns:
            self._patterns = [entry for entry in self._patterns if entry[1] > now]

    def believes(self, key: bytes, number: int) -> bool:
        """Whether a value of `key` whose load began at this number may be used."""
        if number < self.floor or any(pattern.fullmatch(key) for _, pattern in self._held):
            return False
        return not any(number < since and pattern.fullmatch(key) for since, _, pattern in self._patterns)
