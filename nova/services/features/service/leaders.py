"""The posts that people react to most, now."""

import heapq
import math
from collections.abc import Iterable
from typing import Final

from nova.services.features.model import DAY_S

HALF_LIFE_MS: Final = DAY_S * 1000
MOST_LEADERS: Final = 20_000


class Leaders:
    """Posts by reactions that halve each day.

    All fade alike, so their order does not depend on the moment: a score is kept as the logarithm (base 2) of the
    sum of 2^(when / half-life), which never has to be decayed and never overflows.
    """

    def __init__(self, *, most: int = MOST_LEADERS) -> None:
        self._most = most
        self._scores: dict[bytes, float] = {}
        self._authors: dict[bytes, bytes] = {}

    def add(self, post_id: bytes, author_id: bytes, at_ms: int) -> None:
        """Count a reaction at `at_ms` (unix milliseconds)."""
        new = at_ms / HALF_LIFE_MS
        old = self._scores.get(post_id)
        self._scores[post_id] = new if old is None else _log2_sum(old, new)
        self._authors[post_id] = author_id
        if len(self._scores) > 2 * self._most:
            self._cut()

    def take_back(self, post_id: bytes, at_ms: int) -> None:
        """Uncount a reaction; a post without any left leaves."""
        old, gone = self._scores.get(post_id), at_ms / HALF_LIFE_MS
        if old is None:
            return
        rest = 1.0 - 2.0 ** (gone - old)
        if rest <= 2.0**-20:
            self.forget(post_id)
        else:
            self._scores[post_id] = old + math.log2(rest)

    def forget(self, post_id: bytes) -> None:
        """Drop a post."""
        self._scores.pop(post_id, None)
        self._authors.pop(post_id, None)

    def best(self, limit: int) -> list[tuple[bytes, bytes]]:
        """Return (post, author) of the `limit` posts with the most reactions, best first."""
        posts = heapq.nlargest(limit, self._scores, key=lambda post_id: (self._scores[post_id], post_id))
        return [(post_id, self._authors[post_id]) for post_id in posts]

    def dump(self) -> list[tuple[str, str, float]]:
        """Return all posts with author and score, for a snapshot."""
        return [
            (post_id.hex(), self._authors[post_id].hex(), score) for post_id, score in self._scores.items()
        ]

    def restore(self, rows: Iterable[tuple[str, str, float]]) -> None:
        """Replace all by what `dump` gave."""
        self._scores, self._authors = {}, {}
        for post_id, author_id, score in rows:
            self._scores[bytes.fromhex(post_id)] = score
            self._authors[bytes.fromhex(post_id)] = bytes.fromhex(author_id)

    def _cut(self) -> None:
        for post_id in heapq.nsmallest(
            len(self._scores) - self._most, self._scores, key=self._scores.__getitem__
        ):
            self.forget(post_id)


def _log2_sum(a: float, b: float) -> float:
    """Return log2(2^a + 2^b)."""
    high, low = max(a, b), min(a, b)
    return high + math.log2(1.0 + 2.0 ** (low - high))
