"""The token bucket of an address."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova.platform.clock import FixedClock
from nova.platform.errors import RateLimited
from nova.platform.limits.address import IpLimiter


def clock() -> FixedClock:
    return FixedClock(datetime(2026, 1, 1, tzinfo=UTC))


def limiter(time: FixedClock, *, rate: float = 100, burst: int = 10, most: int = 1000) -> IpLimiter:
    return IpLimiter(rate=rate, burst=burst, clock=time, most_addresses=most)


def test_the_burst_passes_and_the_next_waits_for_one_refill() -> None:
    time = clock()
    limits = limiter(time)
    assert [limits.take("192.0.2.1").allowed for _ in range(11)] == [True] * 10 + [False]
    refused = limits.take("192.0.2.1")
    assert refused.retry_after_s == pytest.approx(0.01)
    assert refused.headers()["Retry-After"] == "1"
    time.advance(0.01)
    assert limits.take("192.0.2.1").allowed
    assert not limits.take("192.0.2.1").allowed
    assert limits.take("192.0.2.2").allowed


def test_q3_units_are_taken_together_or_not_at_all() -> None:
    limits = limiter(clock())
    assert limits.take("192.0.2.1", 8).remaining == 2
    assert not limits.take("192.0.2.1", 3).allowed
    assert limits.take("192.0.2.1", 2).remaining == 0
    assert not limits.take("192.0.2.3", 11).allowed


def test_an_ipv6_network_is_one_address_and_a_mapped_ipv4_is_its_ipv4() -> None:
    limits = limiter(clock(), burst=1)
    assert limits.take("2001:db8::1").allowed
    assert not limits.take("2001:db8::ffff:2").allowed
    assert limits.take("2001:db8:0:1::1").allowed
    assert limits.take("192.0.2.9").allowed
    assert not limits.take("::ffff:192.0.2.9").allowed


def test_the_table_is_bounded_and_forgets_the_quietest() -> None:
    limits = limiter(clock(), burst=1, most=3)
    for last in range(4):
        assert limits.take(f"192.0.2.{last}").allowed
    assert len(limits) == 3
    assert limits.take("192.0.2.0").allowed
    assert not limits.take("192.0.2.3").allowed


def test_a_refusal_raises_with_the_time_to_wait() -> None:
    limits = limiter(clock(), rate=1, burst=1)
    limits.take("192.0.2.1").require()
    with pytest.raises(RateLimited) as caught:
        limits.take("192.0.2.1").require()
    assert caught.value.retry_after_s == pytest.approx(1)


@given(
    steps=st.lists(st.tuples(st.floats(0, 0.5), st.integers(1, 12)), max_size=60),
    rate=st.sampled_from([0.5, 1.0, 7.0, 100.0]),
    burst=st.integers(1, 20),
)
def test_never_more_than_burst_plus_rate_times_time(
    steps: list[tuple[float, int]], rate: float, burst: int
) -> None:
    time = clock()
    limits = limiter(time, rate=rate, burst=burst)
    passed: list[tuple[float, int]] = []
    for wait_s, units in steps:
        time.advance(wait_s)
        verdict = limits.take("192.0.2.1", units)
        if verdict.allowed:
            passed.append((time.monotonic(), units))
        else:
            assert units > burst or verdict.retry_after_s > 0
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            through = sum(units for _, units in passed[first : last + 1])
            assert through <= burst + rate * (passed[last][0] - passed[first][0]) + 1e-6


@given(units=st.integers(1, 10), used=st.integers(0, 10))
def test_who_waits_as_told_is_let_through(units: int, used: int) -> None:
    time = clock()
    limits = limiter(time, rate=3, burst=10)
    if used:
        limits.take("192.0.2.1", used)
    verdict = limits.take("192.0.2.1", units)
    if not verdict.allowed:
        time.advance(verdict.retry_after_s)
        assert limits.take("192.0.2.1", units).allowed
