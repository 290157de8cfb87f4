"""A token bucket for this process alone: what strangers can cause, and what must not flood."""

import time
from collections.abc import Callable


class Pace:
    """Gives `per_s` a second on the average, and `burst` at once.

    Kept as the generic cell rate algorithm (ITU-T I.371): one number, the moment at which the bucket will be full.
    """

    def __init__(self, per_s: float, *, burst: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._unit_s = 1.0 / per_s
        self._depth_s = burst / per_s
        self._monotonic = monotonic
        self._full_at = 0.0

    def take(self) -> bool:
        """Take one; False where there is none."""
        now = self._monotonic()
        full_at = max(self._full_at, now) + self._unit_s
        if full_at > now + self._depth_s:
            return False
        self._full_at = full_at
        return True
