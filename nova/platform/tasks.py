"""Background tasks that are not forgotten: named, counted when they crash, ended when the process ends."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import structlog

from nova.platform.errors import Unavailable
from nova.platform.telemetry import metrics

R = TypeVar("R")
_log = structlog.get_logger(__name__)

END_S: Final = 5.0
"""What a piece of work that has begun gets to come to its end when its process ends, in seconds."""


class TaskCrashed(Unavailable):
    """A background task that the process cannot do without has crashed."""


class Tasks:
    """The background tasks of one process."""

    def __init__(self) -> None:
        self._running: dict[asyncio.Task[Any], bool] = {}
        self._crashed: list[str] = []
        self._closed = False

    def __len__(self) -> int:
        return len(self._running)

    def spawn(
        self, name: str, work: Coroutine[Any, Any, None], *, critical: bool = False
    ) -> "asyncio.Task[None]":
        """Run `work` in the background. A crash is logged and counted under `name`, one of a closed set.

        When a critical task crashes, `check` raises from then on: the process shows that it is not ready.
        """
        if self._closed:
            work.close()
            raise RuntimeError(f"{name} cannot start: the process is ending.")
        metrics.TASKS_FAILED.labels(name)  # shown from the start: one whose first sample is 1 has not grown
        task = asyncio.create_task(work, name=name)
        self._running[task] = critical
        task.add_done_callback(self._ended)
        return task

    async def cancel(self, task: "asyncio.Task[None]") -> None:
        """End one task and wait for it."""
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def check(self) -> None:
        """Raise `TaskCrashed` when a critical task has crashed: a check for `Health`."""
        if self._crashed:
            raise TaskCrashed(f"Crashed: {', '.join(self._crashed)}.")

    async def aclose(self) -> None:
        """Cancel all tasks and wait for them. No task can be started any more."""
        self._closed = True
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        critical = self._running.pop(task)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        name = task.get_name()
        metrics.TASKS_FAILED.labels(name).inc()
        _log.error("task_crashed", task=name, critical=critical, exc_info=error)
        if critical:
            self._crashed.append(name)


async def to_its_end(work: Coroutine[Any, Any, R], *, within_s: float = END_S) -> tuple[R, bool]:
    """Run `work`; when the task that waits for it is cancelled meanwhile, let it end first, within `within_s`.

    Return what came of it, and whether that happened: the caller settles it, and raises `CancelledError`. It is raised
    here where the work failed, or was cut off.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task), False
    except asyncio.CancelledError:
        try:
            await asyncio.wait([task], timeout=within_s)
        finally:
            task.cancel()
        if task.done() and not task.cancelled() and task.exception() is None:
            return task.result(), True
        await asyncio.gather(task, return_exceptions=True)
        raise
