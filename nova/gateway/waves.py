"""The calls of one request, in waves: what is asked while others are under way waits and is asked together.

A wave starts when the resolvers have nothing more to ask, and ends when all its calls have answered. So equal
calls of one stage always meet, whatever the speed of each room, and the plan that was made before the first
call holds (see `nova.gateway.plan`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from nova.gateway.errors import BackendBudgetExceeded

R = TypeVar("R")
Job = Callable[[], Awaitable[None]]

# Resolvers continue at most three turns of the loop after the call that they waited for: see `Loader.load_many`.
_QUIET_TURNS: Final = 4


class Waves:
    """Runs jobs in waves and counts the calls that they make. One a request."""

    def __init__(self, *, most_calls: int) -> None:
        self._most_calls = most_calls
        self._waiting: list[Job] = []
        self._running = 0
        self._watching = False
        self._arrivals = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.calls = 0

    def join(self, job: Job) -> None:
        """Run `job` in the next wave. A job answers through futures of its own and does not raise."""
        self._waiting.append(job)
        self._arrivals += 1
        self._watch()

    async def ask(self, call: Callable[[], Awaitable[R]]) -> R:
        """Make one call in the next wave and return its answer."""
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()

        async def job() -> None:
            try:
                result = await call()
            except Exception as error:  # noqa: BLE001 - passed on to the one who asked
                if not answer.done():
                    answer.set_exception(error)
            else:
                if not answer.done():
                    answer.set_result(result)

        self.join(job)
        return await answer

    def count(self) -> None:
        """Count one call to a room; raises `BackendBudgetExceeded` when it is one too many."""
        self.calls += 1
        if self.calls > self._most_calls:
            raise BackendBudgetExceeded(
                f"The document needs more than {self._most_calls} calls to the rooms."
            )

    def cancel(self) -> None:
        """End what still runs: the caller has left."""
        self._waiting.clear()
        for task in self._tasks:
            task.cancel()

    def _watch(self) -> None:
        if not self._running and not self._watching:
            self._watching = True
            asyncio.get_running_loop().call_soon(self._settle, self._arrivals, _QUIET_TURNS)

    def _settle(self, arrivals: int, turns: int) -> None:
        """Start the wave once nothing has arrived for some turns of the loop."""
        if arrivals != self._arrivals:
            turns = _QUIET_TURNS
        if turns:
            asyncio.get_running_loop().call_soon(self._settle, self._arrivals, turns - 1)
            return
        self._watching = False
        jobs, self._waiting = self._waiting, []
        self._running = len(jobs)
        for job in jobs:
            task = asyncio.ensure_future(job())
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._running -= 1
        if not self._running and self._waiting:
            self._watch()
