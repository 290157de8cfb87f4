"""Background tasks: ended with the process, heard when they crash."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from nova.platform.health import Health
from nova.platform.tasks import TaskCrashed, Tasks, to_its_end
from tests.waiting import until


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    tasks = Tasks()
    yield tasks
    await tasks.aclose()


async def crash() -> None:
    raise ZeroDivisionError


async def wait_for_ever() -> None:
    await asyncio.Event().wait()


def crashes(name: str) -> float:
    return REGISTRY.get_sample_value("tasks_failed_total", {"task": name}) or 0


async def test_a_finished_task_leaves_nothing_behind(tasks: Tasks) -> None:
    done = asyncio.Event()

    async def work() -> None:
        done.set()

    await tasks.spawn("work", work())
    assert done.is_set()
    assert len(tasks) == 0
    await tasks.check()


@pytest.mark.parametrize("critical", [False, True])
async def test_a_crash_is_logged_and_counted_and_a_critical_one_shows(
    tasks: Tasks, *, critical: bool
) -> None:
    health = Health()
    health.add("tasks", tasks.check)
    before = crashes("crash")
    with capture_logs() as logs:
        task = tasks.spawn("crash", crash(), critical=critical)
        await asyncio.wait([task])
        await until(lambda: len(tasks) == 0)
    assert crashes("crash") == before + 1
    (line,) = logs
    assert (line["event"], line["task"], line["critical"]) == ("task_crashed", "crash", critical)
    assert isinstance(line["exc_info"], ZeroDivisionError)
    assert (await health.ready()).ok is not critical
    if critical:
        with pytest.raises(TaskCrashed, match="crash"):
            await tasks.check()


async def test_the_crashes_of_a_task_are_counted_from_nought(tasks: Tasks) -> None:
    """Prometheus sees no growth in a counter that is born as 1: an alert on the first crash would be silent."""
    tasks.spawn("never-crashed", wait_for_ever())
    assert REGISTRY.get_sample_value("tasks_failed_total", {"task": "never-crashed"}) == 0


async def test_closing_cancels_all_and_waits_for_them() -> None:
    tasks = Tasks()
    cleaned = asyncio.Event()
    started = asyncio.Event()

    async def tidy() -> None:
        try:
            started.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    tasks.spawn("tidy", tidy())
    tasks.spawn("wait", wait_for_ever())
    await started.wait()
    with capture_logs() as logs:
        await tasks.aclose()
    assert cleaned.is_set()
    assert len(tasks) == 0
    assert logs == [], "an end that was asked for is no crash"


async def test_nothing_starts_once_the_process_ends() -> None:
    tasks = Tasks()
    await tasks.aclose()
    with pytest.raises(RuntimeError, match="late"):
        tasks.spawn("late", wait_for_ever())


async def test_one_task_is_ended_alone(tasks: Tasks) -> None:
    kept = tasks.spawn("kept", wait_for_ever())
    ended = tasks.spawn("ended", wait_for_ever())
    await tasks.cancel(ended)
    assert ended.cancelled()
    assert not kept.done()


async def waited_for(ended: list[bool], work: Coroutine[Any, Any, int], within_s: float = 10.0) -> None:
    value, ending = await to_its_end(work, within_s=within_s)
    ended.append(ending)
    assert value == 7


async def test_work_that_nobody_disturbs_gives_its_value() -> None:
    async def work() -> int:
        return 7

    ended: list[bool] = []
    await waited_for(ended, work())
    assert ended == [False]


async def test_work_comes_to_its_end_when_its_task_is_cancelled() -> None:
    released, ended = asyncio.Event(), list[bool]()

    async def work() -> int:
        await released.wait()
        return 7

    task = asyncio.create_task(waited_for(ended, work()))
    await asyncio.wait([task], timeout=0)
    task.cancel()
    await asyncio.wait([task], timeout=0)
    released.set()
    await task
    assert ended == [True]


async def test_work_that_does_not_end_is_cut_off() -> None:
    cut = asyncio.Event()

    async def work() -> int:
        try:
            await asyncio.Event().wait()
        finally:
            cut.set()
        return 7

    task = asyncio.create_task(waited_for([], work(), within_s=0.0))
    await asyncio.wait([task], timeout=0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cut.is_set()


async def test_work_is_cut_off_at_once_when_its_task_is_cancelled_again() -> None:
    cut = asyncio.Event()

    async def work() -> int:
        try:
            await asyncio.Event().wait()
        finally:
            cut.set()
        return 7

    task = asyncio.create_task(waited_for([], work()))
    for _ in range(2):
        await asyncio.wait([task], timeout=0)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await cut.wait()


@pytest.mark.parametrize("cancelled", [False, True])
async def test_work_that_fails_says_so_or_ends_with_its_task(*, cancelled: bool) -> None:
    released = asyncio.Event()

    async def work() -> int:
        await released.wait()
        raise ZeroDivisionError

    task = asyncio.create_task(waited_for([], work()))
    await asyncio.wait([task], timeout=0)
    if cancelled:
        task.cancel()
        await asyncio.wait([task], timeout=0)
    released.set()
    with pytest.raises(asyncio.CancelledError if cancelled else ZeroDivisionError):
        await task
