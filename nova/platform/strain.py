"""How late the event loop of this process runs what is due, and how late the rooms that it asks say that they are.

That is the sign of work that waits for the processor: a loop that waits for an engine is on time. A room tells its
callers of its own strain, and of what it was told, with its answers: so the door of the platform hears of the one room
behind it that has too much to do.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Final

from prometheus_client import Gauge

LAG = Gauge(
    "event_loop_lag_seconds", "How late the event loop runs what is due, on average over half a second."
)

BEAT_S: Final = 0.05
OVER_S: Final = 0.5
"""The time constant of the average."""
MOST_S: Final = 0.02
"""More of one beat is not counted: one long step, such as a collection of garbage, is no strain."""
TOLD_FROM_S: Final = 0.0005
"""A smaller lag is not worth telling."""


class Strain:
    """The lag of this process, in seconds, averaged exponentially over `OVER_S`; and of those that it asks."""

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._own_s = 0.0
        self._told_s = 0.0
        self._told_at = monotonic()

    @property
    def lag_s(self) -> float:
        """The greater of this process's own lag, and of what it was told, which fades."""
        return max(self._own_s, self._told_s * self._faded(self._monotonic()))

    def tell(self, lag_s: float) -> None:
        """Take what a room says of its own lag."""
        now = self._monotonic()
        if lag_s > self._told_s * self._faded(now):
            self._told_s, self._told_at = lag_s, now

    async def watch(self) -> None:
        """Measure until cancelled."""
        weight = 1 - math.exp(-BEAT_S / OVER_S)
        while True:
            due = self._monotonic() + BEAT_S
            await self._sleep(BEAT_S)
            late_s = min(max(self._monotonic() - due, 0.0), MOST_S)
            self._own_s += weight * (late_s - self._own_s)
            LAG.set(self._own_s)

    def _faded(self, now: float) -> float:
        return math.exp(-(now - self._told_at) / OVER_S)
