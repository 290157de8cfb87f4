"""Work that a room does again and again beside its calls: sweeping, tending keys, keeping snapshots."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from nova.platform.errors import Timeout, Unavailable
from nova.platform.tasks import Tasks

_log = structlog.get_logger(__name__)


class Upkeep:
    """Runs `work` every `every_s` seconds. What cannot be done now (`Unavailable`, `Timeout`) is put off.

    With `first`, also once before the room serves, and then it must succeed; with `last`, also once at the end.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[object]],
        *,
        every_s: float,
        tasks: Tasks,
        first: bool = False,
        last: bool = False,
    ) -> None:
        self._name = name
        self._work = work
        self._every_s = every_s
        self._tasks = tasks
        self._first = first
        self._last = last
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin. Raises what `work` raises, with `first`."""
        if self._first:
            await self._work()
        self._task = self._tasks.spawn(self._name, self._run(), critical=True)

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            task, self._task = self._task, None
            await self._tasks.cancel(task)
            if self._last:
                await self._do()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            await self._do()

    async def _do(self) -> None:
        try:
            await self._work()
        except (Unavailable, Timeout) as error:
            _log.warning("upkeep_put_off", task=self._name, error=error.reason)
