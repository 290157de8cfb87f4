"""The arithmetic of an open loop, on a clock of its own."""

import asyncio

import pytest

from nova.app.bench.open_loop import Load, at_rate
from nova.platform.errors import NovaError, Unavailable


class Hands:
    """A clock that moves when somebody sleeps, or stalls."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        await asyncio.sleep(0)  # whoever has begun goes on meanwhile
        self.now = max(self.now, until)


async def loaded(hands: Hands, stalls: dict[int, float], *, calls: int) -> Load:
    """Make ten calls a second, of which some stall everything for as long as `stalls` says."""

    async def call(number: int) -> None:
        hands.now += stalls.get(number, 0.0)

    return await at_rate(call, rate=10, calls=calls, monotonic=hands.monotonic, sleep=hands.sleep)


async def test_a_stall_counts_for_every_call_that_was_due_in_it() -> None:
    found = await loaded(Hands(), {2: 0.5}, calls=10)
    # By a clock that begins when a call leaves, one of the ten would be slow.
    slow = sorted((round(seconds, 3) for seconds in found.seconds), reverse=True)
    assert slow[:5] == [0.5, 0.4, 0.3, 0.2, 0.1]
    assert len(found.seconds) == 10


async def test_calls_leave_at_the_rate_asked_for() -> None:
    hands = Hands()
    found = await loaded(hands, {}, calls=11)
    assert hands.now == pytest.approx(101.0)
    assert found.rate == pytest.approx(11.0)
    assert found.holds(0.001)


async def test_a_call_that_left_early_is_counted_from_when_it_left() -> None:
    hands = Hands()

    async def call(_: int) -> None:
        hands.now += 0.01

    async def early(seconds: float) -> None:
        await hands.sleep(max(seconds - 0.02, 0.0))

    found = await at_rate(call, rate=10, calls=5, monotonic=hands.monotonic, sleep=early)
    assert min(found.seconds) == pytest.approx(0.01)


def load(seconds: list[float], errors: list[NovaError] | None = None) -> Load:
    return Load(seconds=seconds, errors=errors or [], lasted_s=2.0)


def test_an_objective_holds_for_95_of_100_and_with_no_call_lost() -> None:
    assert load([0.01] * 95 + [9.0] * 5).holds(0.01)
    assert not load([0.01] * 94 + [9.0] * 6).holds(0.01)
    assert not load([0.01] * 99, [Unavailable()]).holds(0.01)
    assert not load([], [Unavailable()]).holds(0.01)
    assert load([0.1] * 10).rate == 5


def test_lost_calls_are_told_with_their_number_and_the_first_reason() -> None:
    load([0.1]).require_all("likePost")
    with pytest.raises(Unavailable, match=r"likePost: 2 of 3 calls failed, the first by: no more"):
        load([0.1], [Unavailable("no more"), Unavailable("nor that")]).require_all("likePost")


async def test_errors_of_the_platform_are_kept_and_others_break_it_off() -> None:
    async def refused(number: int) -> None:
        if number % 2:
            raise Unavailable(f"number {number}")

    found = await at_rate(refused, rate=1000, calls=4, sleep=Hands().sleep)
    assert (len(found.seconds), [str(error) for error in found.errors]) == (2, ["number 1", "number 3"])

    async def broken(_: int) -> None:
        raise KeyError("a mistake in the benchmark")

    with pytest.raises(ExceptionGroup):
        await at_rate(broken, rate=1000, calls=2, sleep=Hands().sleep)
