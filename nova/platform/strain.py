"""How busy the event loop of this process is, and how busy the rooms that it asks say that they are.

Busy is the share of time in which the loop's thread runs, or could run and waits for a processor. Who waits for an
engine, or for a room that hangs, leaves the loop idle. A room tells its callers of its own strain, and of what it was
told, with its answers: so the door of the platform hears of the one room behind it that has too much to do.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from prometheus_client import Gauge

BUSY = Gauge(
    "event_loop_busy_ratio",
    "The share of half a second in which the event loop ran, or could run and waited for a processor.",
)

BEAT_S: Final = 0.05
OVER_S: Final = 0.5
"""The time constant of the average."""
TOLD_FROM: Final = 0.3
"""Less is not worth telling."""

_SCHEDSTAT: Final = Path("/proc/thread-self/schedstat")

Wanted = Callable[[], float]
"""Tells for how many seconds in all a thread has run, and could have run."""


class Strain:
    """How busy this process is, from 0 to 1, averaged exponentially over `OVER_S`; and the busiest of those it asks."""

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        wanted: Wanted | None = None,
    ) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._wanted = wanted
        self._own = 0.0
        self._told = 0.0
        self._told_at = monotonic()

    @property
    def busy(self) -> float:
        """The greater of how busy this process is, and of what it was told, which fades."""
        return max(self._own, self._told * self._faded(self._monotonic()))

    def tell(self, busy: float) -> None:
        """Take what a room says of itself."""
        now = self._monotonic()
        if busy > self._told * self._faded(now):
            self._told, self._told_at = busy, now

    async def watch(self) -> None:
        """Measure until cancelled, in the thread of the loop."""
        with _wanting() as of_this_thread:
            wanted = self._wanted or of_this_thread
            at, had = self._monotonic(), wanted()
            while True:
                await self._sleep(BEAT_S)
                now, has = self._monotonic(), wanted()
                kept = math.exp((at - now) / OVER_S)
                self._own = min(self._own * kept + (1 - kept) * (has - had) / (now - at), 1.0)
                at, had = now, has
                BUSY.set(self._own)

    def _faded(self, now: float) -> float:
        return math.exp(-(now - self._told_at) / OVER_S)


@contextmanager
def _wanting() -> Iterator[Wanted]:
    """Yield what tells how long this thread has run and waited to run (Linux, Documentation/scheduler/sched-stats).

    Where the system does not count that: how long it has run.
    """
    if not _SCHEDSTAT.exists():
        yield time.thread_time
        return
    with _SCHEDSTAT.open("rb", buffering=0) as schedstat:

        def wanted() -> float:
            schedstat.seek(0)
            ran_ns, waited_ns, _ = schedstat.read().split()
            return (int(ran_ns) + int(waited_ns)) / 1e9

        yield wanted if wanted() > 0 else time.thread_time
