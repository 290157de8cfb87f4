"""The strain of a process: its own lag on average, and what it is told, which fades."""

import asyncio
from collections.abc import Sequence

import pytest

from nova.platform.strain import BEAT_S, MOST_S, OVER_S, Strain


class Loop:
    """A clock on which each sleep ends as late as `late_s` says; after the last of them it is cancelled."""

    def __init__(self, late_s: Sequence[float] = ()) -> None:
        self.now = 50.0
        self.late_s = list(late_s)

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        if not self.late_s:
            raise asyncio.CancelledError
        self.now += seconds + self.late_s.pop(0)


async def watched(late_s: Sequence[float]) -> Strain:
    loop = Loop(late_s)
    strain = Strain(monotonic=loop.monotonic, sleep=loop.sleep)
    with pytest.raises(asyncio.CancelledError):
        await strain.watch()
    return strain


async def test_a_loop_on_time_has_none() -> None:
    assert (await watched([0.0] * 40)).lag_s == 0


async def test_a_loop_that_is_always_late_has_just_that() -> None:
    assert (await watched([0.005] * 200)).lag_s == pytest.approx(0.005)


async def test_one_long_step_is_an_average_of_little() -> None:
    lag_s = (await watched([0.0] * 20 + [5.0])).lag_s
    assert 0 < lag_s < MOST_S * 1.1 * BEAT_S / OVER_S


async def test_a_loop_that_was_late_recovers() -> None:
    assert (await watched([0.1] * 40 + [0.0] * 100)).lag_s < 0.0001


def test_what_a_room_tells_counts_and_fades() -> None:
    loop = Loop()
    strain = Strain(monotonic=loop.monotonic)
    strain.tell(0.03)
    assert strain.lag_s == pytest.approx(0.03)
    loop.now += OVER_S
    assert strain.lag_s == pytest.approx(0.03 / 2.718281828)
    loop.now += 20 * OVER_S
    assert strain.lag_s < 1e-9


def test_the_room_that_is_latest_counts() -> None:
    loop = Loop()
    strain = Strain(monotonic=loop.monotonic)
    strain.tell(0.03)
    strain.tell(0.01)
    assert strain.lag_s == pytest.approx(0.03)
    loop.now += 3 * OVER_S
    strain.tell(0.01)
    assert strain.lag_s == pytest.approx(0.01)
