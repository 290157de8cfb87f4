"""The strain of a process: how busy it is on average, and what it is told, which fades."""

import asyncio
import time
from collections.abc import Sequence

import pytest

from nova.platform.strain import BEAT_S, OVER_S, Strain


class Loop:
    """A clock on which each beat wants so much of its time as `busy` says; after the last it is cancelled."""

    def __init__(self, busy: Sequence[float] = ()) -> None:
        self.now = 50.0
        self.had = 7.0
        self.busy = list(busy)

    def monotonic(self) -> float:
        return self.now

    def wanted(self) -> float:
        return self.had

    async def sleep(self, seconds: float) -> None:
        if not self.busy:
            raise asyncio.CancelledError
        busy = self.busy.pop(0)
        # A loop that is busy wakes late: as much as it had to do.
        took_s = seconds * (1 + busy)
        self.now += took_s
        self.had += busy * took_s


async def watched(busy: Sequence[float]) -> Strain:
    loop = Loop(busy)
    strain = Strain(monotonic=loop.monotonic, sleep=loop.sleep, wanted=loop.wanted)
    with pytest.raises(asyncio.CancelledError):
        await strain.watch()
    return strain


async def test_an_idle_loop_has_none() -> None:
    assert (await watched([0.0] * 40)).busy == 0


@pytest.mark.parametrize("busy", [0.25, 0.8, 1.0])
async def test_a_loop_that_is_always_as_busy_has_just_that(busy: float) -> None:
    assert (await watched([busy] * 200)).busy == pytest.approx(busy)


async def test_one_busy_beat_is_an_average_of_little() -> None:
    busy = (await watched([0.0] * 20 + [1.0])).busy
    assert 0 < busy < 2.2 * BEAT_S / OVER_S


async def test_a_loop_that_was_busy_recovers() -> None:
    assert (await watched([1.0] * 40 + [0.0] * 100)).busy < 0.001


async def test_what_counts_is_the_thread_of_the_loop() -> None:
    """Measured, not told: this loop does nothing but run, until it is known to be busy."""
    strain = Strain()
    watching = asyncio.create_task(strain.watch())
    try:
        assert strain.busy == 0
        until = time.monotonic() + 30
        while strain.busy < 0.5 and time.monotonic() < until:  # noqa: ASYNC110 - it is to be busy
            await asyncio.sleep(0)
        assert 0.5 <= strain.busy <= 1
    finally:
        watching.cancel()


async def test_where_the_system_counts_no_waiting_the_time_it_ran_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    empty = tmp_path_factory.mktemp("proc") / "schedstat"
    for there in (False, True):
        if there:
            empty.write_bytes(b"0 0 0\n")
        monkeypatch.setattr("nova.platform.strain._SCHEDSTAT", empty)
        await test_what_counts_is_the_thread_of_the_loop()


def test_what_a_room_tells_counts_and_fades() -> None:
    loop = Loop()
    strain = Strain(monotonic=loop.monotonic)
    strain.tell(0.9)
    assert strain.busy == pytest.approx(0.9)
    loop.now += OVER_S
    assert strain.busy == pytest.approx(0.9 / 2.718281828)
    loop.now += 30 * OVER_S
    assert strain.busy < 1e-9


def test_the_busiest_room_counts() -> None:
    loop = Loop()
    strain = Strain(monotonic=loop.monotonic)
    strain.tell(0.9)
    strain.tell(0.3)
    assert strain.busy == pytest.approx(0.9)
    loop.now += 3 * OVER_S
    strain.tell(0.3)
    assert strain.busy == pytest.approx(0.3)
