"""The layer in the process: bounded, expiring, and one dictionary lookup a hit.

Eviction is S3-FIFO (Yang and others, "FIFO queues are all you need for cache eviction", SOSP 2023): a newcomer
stands in a short queue and is promoted only when it was asked for again, so one scan cannot empty the cache.
A hit sets one flag; the main queue counts its own rounds instead of every hit (CLOCK), which keeps a hit cheap.
"""

import re
from collections import OrderedDict
from enum import Enum
from typing import Final, Generic, Literal, TypeVar

V = TypeVar("V")

_PROBATION_SHARE = 0.05
_MOST_ROUNDS = 7
# Bounds the work of one eviction; the entry at hand goes even if it was used.
_MOST_CHANCES = 64


class Miss(Enum):
    """The answer that no value can be mistaken for: None is a value, "known to be absent"."""

    MISS = "miss"


MISS: Final = Miss.MISS


class _Entry(Generic[V]):
    __slots__ = ("expires_at", "rounds", "seen", "value")

    def __init__(self, value: V, expires_at: float) -> None:
        self.value = value
        self.expires_at = expires_at
        self.seen = False
        self.rounds = 0


class LocalLayer(Generic[V]):
    """At most `most` values by key. `now` is the owner's monotonic time in seconds, set before it is asked."""

    __slots__ = ("_entries", "_ghosts", "_main", "_most", "_newcomers", "_probation", "now")

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._newcomers = max(1, int(most * _PROBATION_SHARE))
        self._entries: dict[bytes, _Entry[V]] = {}
        self._probation: OrderedDict[bytes, _Entry[V]] = OrderedDict()
        self._main: OrderedDict[bytes, _Entry[V]] = OrderedDict()
        self._ghosts: OrderedDict[bytes, None] = OrderedDict()
        self.now = 0.0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes) -> V | Literal[Miss.MISS]:
        """Return the value, or MISS when there is none or it has expired."""
        try:
            entry = self._entries[key]
        except KeyError:
            return MISS
        if entry.expires_at <= self.now:
            return MISS
        entry.seen = True
        return entry.value

    def put(self, key: bytes, value: V, *, expires_at: float) -> None:
        """Keep a value until `expires_at`, in the time of `now`."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.value = value
            entry.expires_at = expires_at
            return
        entry = self._entries[key] = _Entry(value, expires_at)
        if key in self._ghosts:
            del self._ghosts[key]
            self._main[key] = entry
        else:
            self._probation[key] = entry
        while len(self._entries) > self._most:
            if len(self._probation) > self._newcomers or not self._main:
                self._judge_newcomer()
            else:
                self._evict_from_main()

    def drop(self, key: bytes) -> None:
        """Forget a key."""
        if self._entries.pop(key, None) is not None and self._probation.pop(key, None) is None:
            del self._main[key]

    def drop_matching(self, pattern: re.Pattern[bytes]) -> None:
        """Forget the keys that match wholly."""
        for key in [key for key in self._entries if pattern.fullmatch(key)]:
            self.drop(key)

    def clear(self) -> None:
        """Forget everything; what was popular is remembered no longer either."""
        for part in (self._entries, self._probation, self._main, self._ghosts):
            part.clear()

    def _judge_newcomer(self) -> None:
        key, entry = self._probation.popitem(last=False)
        if entry.seen:
            entry.seen = False
            self._main[key] = entry
        else:
            self._forget(key)

    def _evict_from_main(self) -> None:
        for _ in range(_MOST_CHANCES):
            key, entry = self._main.popitem(last=False)
            if entry.expires_at <= self.now:
                del self._entries[key]
                return
            if entry.seen:
                entry.seen = False
                entry.rounds = min(entry.rounds + 1, _MOST_ROUNDS)
            elif entry.rounds:
                entry.rounds -= 1
            else:
                break
            self._main[key] = entry
        else:
            key, _ = self._main.popitem(last=False)
        self._forget(key)

    def _forget(self, key: bytes) -> None:
        del self._entries[key]
        self._ghosts[key] = None
        if len(self._ghosts) > self._most:
            self._ghosts.popitem(last=False)
