"""How a process ends: the signals that ask it to, and the time that it has from then on."""

import asyncio
import signal
import time
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

import structlog

_CUT_S: Final = 0.1
_log = structlog.get_logger(__name__)


class Ending:
    """SIGINT and SIGTERM, in a block: while what is in it starts they break that off; later they end a wait.

    The block ends without an error when it was broken off.
    """

    def __init__(self) -> None:
        self._starting: asyncio.Task[object] | None = None
        self._event = asyncio.Event()

    def __enter__(self) -> Self:
        self._starting = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._come)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._starting = None
        return self._event.is_set() and isinstance(error, asyncio.CancelledError)

    async def wait(self) -> None:
        """Break nothing off any more, and return when a signal has come."""
        self._starting = None
        await self._event.wait()

    def _come(self) -> None:
        self._event.set()
        if self._starting is not None:
            self._starting.cancel()
            self._starting = None


class Drain:
    """The `within_s` seconds that a process has to end, from `begin` on."""

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        self._until = float("inf")

    def begin(self) -> None:
        """Let the time run."""
        self._until = time.monotonic() + self._within_s

    @property
    def left_s(self) -> float:
        """How much of the time is left, in seconds."""
        return max(self._until - time.monotonic(), 0.0)

    async def close(self, stack: AsyncExitStack) -> None:
        """End what is on `stack`. Once the time is over, whatever holds that up is cut off, one after the other."""
        closing = asyncio.ensure_future(stack.aclose())
        await asyncio.wait([closing], timeout=self.left_s)
        while not closing.done():
            _log.warning("end_cut_off", drain_s=self._within_s)
            closing.cancel()
            await asyncio.wait([closing], timeout=_CUT_S)
        if not closing.cancelled():
            closing.result()
