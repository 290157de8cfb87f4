"""Load shedding: what cannot be answered in time is refused at once, so that what is let in is answered in time.

Without it each operation of too many waits for all others, and all of them are late: the work is done, and nobody
waits for it any more. Refused is by Little's law (Little, "A Proof for the Queuing Formula L = λW", Operations
Research 9, 1961): operations in flight, divided by those that end in a second, are the seconds that one takes. That
alone would refuse for a dependency that hangs, too; there, refusing helps nobody. So it counts only while the platform
is under strain: while loops have more to run than they can.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client import Gauge

from nova.gateway.errors import TooBusy
from nova.platform.strain import OVER_S, Strain

IN_FLIGHT = Gauge("graphql_operations_in_flight", "GraphQL operations that run now.")

TARGET_S: Final = 0.12
"""What an operation may take on average while there is more to do than can be done: the gateway's objective."""
LEAST: Final = 2
"""So many are always let in: while one waits for an engine, the other runs."""
BURST: Final = 8
"""How much more is let in for a moment than in the long run."""
MOST: Final = 512
"""So many hold the memory of the process, whoever is late."""
STRAINED_S: Final = 0.002
RELAXED_S: Final = 0.001
HELD_S: Final = 3.0
"""The strain begins with the first of these lags and ends with the second. The greatest lag is forgotten slowly, with
this time constant: where just enough is let in, the lag comes and goes."""
RETRY_AFTER_S: Final = 1.0
_STANDS: Final = 0.5
"""A crowd stays one until it is so much smaller than what may be there in the long run: places are whole numbers."""


class Shedding:
    """Lets operations in. The averages over `OVER_S` are exponential, and brought up to date when they are needed."""

    def __init__(self, strain: Strain, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._strain = strain
        self._monotonic = monotonic
        self._in_flight = 0
        self._mean = 0.0
        self._ends_per_s = 0.0
        self._at = monotonic()
        self._lag_s = 0.0
        self._strained = False
        self._standing = False

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Hold a place inside the block. Raises `TooBusy` where there is none."""
        self._catch_up()
        if self._in_flight + 1 > self._places():
            raise TooBusy(retry_after_s=RETRY_AFTER_S)
        self._in_flight += 1
        IN_FLIGHT.set(self._in_flight)
        try:
            yield
        finally:
            self._catch_up()
            self._in_flight -= 1
            IN_FLIGHT.set(self._in_flight)
            self._ends_per_s += 1 / OVER_S

    def _places(self) -> float:
        """Return how many may be in flight now."""
        self._strained = self._lag_s >= (RELAXED_S if self._strained else STRAINED_S)
        if not self._strained:
            self._standing = False
            return MOST
        fair = max(LEAST, self._ends_per_s * TARGET_S)
        self._standing = self._mean > fair * (_STANDS if self._standing else 1)
        return min(fair if self._standing else fair * BURST, MOST)

    def _catch_up(self) -> None:
        now = self._monotonic()
        kept = math.exp((self._at - now) / OVER_S)
        self._mean = self._in_flight + (self._mean - self._in_flight) * kept
        self._ends_per_s *= kept
        self._lag_s = max(self._strain.lag_s, self._lag_s * math.exp((self._at - now) / HELD_S))
        self._at = now
