"""Load shedding: what cannot be answered in time is refused at once, so that what is let in is answered in time.

Without it each operation of too many waits for all others, and all of them are late: the work is done, and nobody
waits for it any more. That it is too many is said by how busy loops are: one that is never idle has a queue. A part
that hangs leaves them idle, and there refusing helps nobody. How many may be in flight is said by Little's law (Little,
"A Proof for the Queuing Formula L = λW", Operations Research 9, 1961): as many as end in the time that an operation
may take. Whoever lets in just enough leaves loops idle again, and so hides the sign; so a door that was made narrow
opens slowly.
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

OBJECTIVE_S: Final = 0.12
"""What 99 % of operations take at most, and all on average while there is more to do than can be done."""
LEAST: Final = 2
"""So many are always let in: while one waits for an engine, the other runs."""
MOST: Final = 512
"""So many hold the memory of the process, whoever is late."""
STRAINED: Final = 0.95
"""From so busy on the door is made narrow."""
STILL_STRAINED: Final = 0.5
"""From so busy on a full door stays narrow."""
DOUBLES_S: Final = 2.0
"""In this time a narrow door becomes twice as wide."""
RETRY_AFTER_S: Final = 1.0


class Shedding:
    """Lets operations in. The width of the door is brought up to date whenever one comes or goes."""

    def __init__(self, strain: Strain, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._strain = strain
        self._monotonic = monotonic
        self._in_flight = 0
        self._ends_per_s = 0.0  # averaged exponentially over OVER_S
        self._places = float(MOST)
        self._at = monotonic()

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Hold a place inside the block. Raises `TooBusy` where there is none."""
        self._catch_up()
        if self._is_full:
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

    @property
    def _is_full(self) -> bool:
        return self._in_flight + 1 > self._places

    def _catch_up(self) -> None:
        now = self._monotonic()
        passed_s, self._at = now - self._at, now
        self._ends_per_s *= math.exp(-passed_s / OVER_S)
        if self._strain.busy >= (STILL_STRAINED if self._is_full else STRAINED):
            self._places = min(max(LEAST, self._ends_per_s * OBJECTIVE_S), MOST)
        else:
            self._places = min(self._places * 2 ** (passed_s / DOUBLES_S), MOST)
