"""Background tasks: ended with the process, heard when they crash."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from nova.platform.health import Health
from nova.platform.tasks import TaskCrashed, Tasks
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
