"""Time is asked of a clock that is passed in, so that tests can hold it still."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_US = timedelta(microseconds=1)


class Clock(Protocol):
    """What the house may ask of time."""

    def now(self) -> datetime:
        """Return the wall clock, aware, in UTC. Never used to order events or to measure."""
        ...

    def monotonic(self) -> float:
        """Return seconds of a clock that never goes back: for deadlines and leases."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """Return the wall clock, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds of a clock that never goes back."""
        return time.monotonic()


class FixedClock:
    """A clock that moves only when told to."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._monotonic = 0.0

    def now(self) -> datetime:
        """Return the time that was set."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds that were advanced so far."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Move both clocks forward by `seconds`."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds

    def step(self, seconds: float) -> None:
        """Set the wall clock `seconds` forward or back, as one does to a machine; the other clock goes on."""
        self._now += timedelta(seconds=seconds)


def unix_ms(moment: datetime) -> int:
    """Return the whole milliseconds from the Unix epoch to `moment`, exactly: a float would lose one at times."""
    return (moment - _EPOCH) // _MS


def unix_us(moment: datetime) -> int:
    """Return the microseconds from the Unix epoch to `moment`, exactly."""
    return (moment - _EPOCH) // _US


def from_unix_us(us: int) -> datetime:
    """Return the aware moment `us` microseconds after the Unix epoch, exactly. Raises `OverflowError`."""
    return _EPOCH + us * _US
