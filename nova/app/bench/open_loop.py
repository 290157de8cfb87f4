"""Load by a schedule that is fixed before: calls leave at a constant rate, whether earlier ones are answered or not.

The time of a call runs from the moment at which it was due, not from when it left. So a stall, on either side, counts
for every call that was due in it, as it would for as many people (coordinated omission: Gil Tene, "How NOT to Measure
Latency", 2013).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from nova.app.bench.figures import quantile
from nova.platform.errors import NovaError, Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What came of one: the seconds of each call that was answered, and the error of each that was not.

    `lasted_s` runs from the moment when the first call was due to the last answer.
    """

    seconds: Sequence[float]
    errors: Sequence[NovaError]
    lasted_s: float

    @property
    def rate(self) -> float:
        """Calls a second that were answered."""
        return len(self.seconds) / self.lasted_s

    def holds(self, goal_s: float) -> bool:
        """Return whether every call was answered, and 95 % of them within `goal_s`."""
        return not self.errors and quantile(self.seconds, 0.95) <= goal_s

    def require_all(self, what: str) -> None:
        """Raise `Unavailable` where a call was not answered."""
        if self.errors:
            calls = len(self.errors) + len(self.seconds)
            raise Unavailable(
                f"{what}: {len(self.errors)} of {calls} calls failed, the first by: {self.errors[0]}"
            )


async def at_rate(
    call: Callable[[int], Awaitable[object]],
    *,
    rate: float,
    calls: int,
    ended: asyncio.Event | None = None,
    monotonic: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Load:
    """Make `calls` calls, `rate` a second; each gets its number. Returns when the last one is answered.

    Once `ended` is set no more are made.
    """
    seconds: list[float] = []
    errors: list[NovaError] = []
    began = monotonic()

    async def one(number: int, since: float) -> None:
        try:
            await call(number)
        except NovaError as error:
            errors.append(error)
        else:
            seconds.append(monotonic() - since)

    async with asyncio.TaskGroup() as running:
        for number in range(calls):
            if ended is not None and ended.is_set():
                break
            due = began + number / rate
            # Also where it is late already: the call before must have left.
            await sleep(max(due - monotonic(), 0.0))
            # Timers count whole milliseconds: one that is a little early must not flatter.
            running.create_task(one(number, min(due, monotonic())))
    return Load(seconds=seconds, errors=errors, lasted_s=monotonic() - began)
