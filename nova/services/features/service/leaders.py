"""The posts that people react to most, now."""

import heapq
import math
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

from nova.services.features.model import DAY_S

HALF_LIFE_MS: Final = DAY_S * 1000
MOST_LEADERS: Final = 20_000


class _Sum(NamedTuple):
    """A sum of 2^(when / half-life) by its sign and the logarithm (base 2) of its size."""

    sign: int
    log2: float

    def plus(self, other: "_Sum") -> "_Sum | None":
        """Return the sum of both; None when a millionth or less is left of the larger."""
        low, high = sorted((self, other), key=lambda one: one.log2)
        rest = 1.0 + high.sign * low.sign * 2.0 ** (low.log2 - high.log2)
        return None if rest <= 2.0**-20 else _Sum(high.sign, high.log2 + math.log2(rest))


class Leaders:
    """Posts by reactions that halve each day.

    All fade alike, so their order does not depend on the moment: a score is kept as a logarithm, which never has to
    be decayed and never overflows. A reaction that is taken back before it is heard of makes a sum negative until it
    is; such posts lead nobody.
    """

    def __init__(self, *, most: int = MOST_LEADERS) -> None:
        self._most = most
        self._sums: dict[bytes, _Sum] = {}
        self._authors: dict[bytes, bytes] = {}

    def add(self, post_id: bytes, author_id: bytes, at_ms: int) -> None:
        """Count a reaction at `at_ms` (unix milliseconds)."""
        self._authors[post_id] = author_id
        self._count(post_id, 1, at_ms)

    def take_back(self, post_id: bytes, author_id: bytes, at_ms: int) -> None:
        """Uncount a reaction that was made at `at_ms`; a post without any left leaves."""
        self._authors[post_id] = author_id
        self._count(post_id, -1, at_ms)

    def forget(self, post_id: bytes) -> None:
        """Drop a post."""
        self._sums.pop(post_id, None)
        self._authors.pop(post_id, None)

    def best(self, limit: int) -> list[tuple[bytes, bytes]]:
        """Return (post, author) of the `limit` posts with the most reactions, best first."""
        leading = [post_id for post_id, total in self._sums.items() if total.sign > 0]
        log2s = np.array([total.log2 for total in self._sums.values() if total.sign > 0])
        # All that may be among them, ties too; few are then put in order.
        least = np.partition(log2s, -limit)[-limit] if limit < len(leading) else -math.inf
        chosen = [(log2s[place], leading[place]) for place in np.flatnonzero(log2s >= least).tolist()]
        return [(post_id, self._authors[post_id]) for _, post_id in heapq.nlargest(limit, chosen)]

    def dump(self) -> list[tuple[str, str, float, int]]:
        """Return all posts with author, score and sign, for a snapshot."""
        return [
            (post_id.hex(), self._authors[post_id].hex(), total.log2, total.sign)
            for post_id, total in self._sums.items()
        ]

    def restore(self, rows: Iterable[tuple[str, str, float, int]]) -> None:
        """Replace all by what `dump` gave."""
        self._sums, self._authors = {}, {}
        for post_id, author_id, log2, sign in rows:
            self._sums[bytes.fromhex(post_id)] = _Sum(sign, log2)
            self._authors[bytes.fromhex(post_id)] = bytes.fromhex(author_id)

    def _count(self, post_id: bytes, sign: int, at_ms: int) -> None:
        new, old = _Sum(sign, at_ms / HALF_LIFE_MS), self._sums.get(post_id)
        total = new if old is None else old.plus(new)
        if total is None:
            self.forget(post_id)
            return
        self._sums[post_id] = total
        if len(self._sums) > 2 * self._most:
            self._cut()

    def _cut(self) -> None:
        for post_id in heapq.nsmallest(
            len(self._sums) - self._most, self._sums, key=lambda post_id: self._sums[post_id]
        ):
            self.forget(post_id)
