"""How long to wait before trying again: exponential, with jitter, up to a limit."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Doubles from `first_s` to `longest_s` seconds; each wait is a random half to whole of that.

    The jitter keeps those who failed together from coming back together.
    """

    first_s: float = 0.1
    longest_s: float = 5.0

    def wait_s(self, failures: int) -> float:
        """Return how many seconds to wait after the `failures`-th failure in a row, counted from 1."""
        whole = min(self.first_s * 2.0 ** min(failures - 1, 30), self.longest_s)
        return whole * random.uniform(0.5, 1.0)  # noqa: S311 - no secret hangs on it
