"""A bucket of this process: so many a second, so many at once, and nothing saved beyond that."""

from datetime import UTC, datetime

from nova.platform.clock import FixedClock
from nova.platform.limits.pace import Pace


def test_it_gives_a_burst_and_then_so_many_a_second() -> None:
    clock = FixedClock(datetime.now(UTC))
    pace = Pace(4.0, burst=2, monotonic=clock.monotonic)

    def given(tries: int) -> int:
        return sum(pace.take() for _ in range(tries))

    assert given(10) == 2
    clock.advance(0.25)
    assert given(10) == 1
    clock.advance(0.2)
    assert given(10) == 0
    clock.advance(3600.0)
    assert given(10) == 2
