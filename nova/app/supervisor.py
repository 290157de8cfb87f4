"""Keeps the parts of a platform running, each as a process of its own.

A part that ends by itself is started again, after a pause that grows while it keeps ending. What the parts write
goes to one place, each line with the name of its part before it. However this process ends, none of them outlives
it: the kernel kills them with the thread that started them (see `nova.app.engines.launch`).
"""

import asyncio
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import structlog

from nova.app.engines.identity import Identity
from nova.platform.backoff import Backoff
from nova.platform.telemetry.metrics import LOG_LINES_LOST

STEADY_S: Final = 10.0
"""Who ran for so long did not fail to start: the next pause is the first one again."""

_KILLED_S: Final = 10.0
_LONGEST_LINE: Final = 1 << 20
_POLL_S: Final = 0.05
_log = structlog.get_logger(__name__)

Write = Callable[[str], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part: the command that runs it, with which variables, and how to find out that it serves.

    `moved` are the variables of a replacement, which runs beside the part until it takes its place; None for a
    part that cannot be replaced while it runs.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    serves: Callable[[bool], Awaitable[bool]]
    moved: Mapping[str, str] | None = None


@dataclass(slots=True)
class _Running:
    """A part as it runs. `is_moved`: in its replacement's place; the next replacement goes back to the first."""

    part: Part
    process: asyncio.subprocess.Process
    reading: "asyncio.Task[None]"
    is_moved: bool
    since: float = field(default_factory=time.monotonic)


class Supervisor:
    """Starts, keeps, replaces and ends parts. Leaving one running is not possible: end it by `stop`.

    `write` takes whole lines; those for which it raises OSError are left out. A part that is asked to end gets
    `drain_s`, and is killed `grace_s` later.
    """

    def __init__(
        self, *, write: Write, drain_s: float, grace_s: float = 10.0, pauses: Backoff | None = None
    ) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("parts start from the main thread: they end with the thread that starts them")
        self._write = write
        self._patience_s = drain_s + grace_s
        self._pauses = pauses or Backoff(first_s=0.2, longest_s=5.0)
        self.parts: dict[str, Part] = {}
        self._running: dict[str, _Running] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}

    @property
    def pids(self) -> dict[str, int]:
        """The processes that run now, by part."""
        return {name: one.process.pid for name, one in self._running.items()}

    async def begin(self, part: Part) -> None:
        """Start a part, or one that was ended again, and keep it running from now on."""
        self.parts[part.name] = part
        self._running[part.name] = await self._started(part, is_moved=False)
        self._keepers[part.name] = asyncio.create_task(self._keep(part.name), name=f"keeper of {part.name}")

    async def end(self, name: str, number: signal.Signals = signal.SIGTERM) -> int:
        """Keep a part no more, and end it; return its exit code (negative where a signal ended it)."""
        await self._let_go(name)
        running = self._running.pop(name)
        return await self._ended(running, number)

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to the process of a part."""
        self._running[name].process.send_signal(number)

    async def roll(self, name: str, *, overlap_s: float) -> None:
        """Replace a part without a gap: its replacement serves beside it before it is asked to end.

        Callers need up to `overlap_s` to find the replacement. One that does not come to serve is ended again, and
        raises TimeoutError: the part goes on. Raises ValueError for a part that cannot be replaced.
        """
        if self.parts[name].moved is None:
            raise ValueError(f"{name} cannot run beside its replacement.")
        await self._let_go(name)
        old = self._running[name]
        try:
            new = await self._started(old.part, is_moved=not old.is_moved)
            try:
                await _until(lambda: old.part.serves(new.is_moved), within_s=self._patience_s)
                await asyncio.sleep(overlap_s)
            except BaseException:
                await self._ended(new, signal.SIGTERM)
                raise
            self._running[name] = new
            code = await self._ended(old, signal.SIGTERM)
            _log.info("part_replaced", part=name, pid=new.process.pid, exit_code=code)
        finally:
            self._keepers[name] = asyncio.create_task(self._keep(name), name=f"keeper of {name}")

    async def serves(self, name: str) -> bool:
        """Return whether a part runs, and serves."""
        running = self._running.get(name)
        return running is not None and await running.part.serves(running.is_moved)

    async def ready(self, name: str, *, within_s: float) -> None:
        """Return once a part serves. Raises TimeoutError."""
        await _until(lambda: self.serves(name), within_s=within_s)

    async def stop(self, *, first: Sequence[str] = ()) -> dict[str, int]:
        """End all parts, those of `first` before the others; return their exit codes."""
        codes: dict[str, int] = {}
        for names in (first, tuple(self._running)):
            ending = [name for name in names if name in self._running]
            ended = await asyncio.gather(*(self.end(name) for name in ending))
            codes |= dict(zip(ending, ended, strict=True))
        return codes

    async def _started(self, part: Part, *, is_moved: bool) -> _Running:
        moved = part.moved if is_moved and part.moved is not None else {}
        process = await asyncio.create_subprocess_exec(
            *Identity().launcher_argv(signal.SIGKILL, list(part.command)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**part.environment, **moved},
            limit=_LONGEST_LINE,
            start_new_session=True,  # Ctrl-C at the terminal reaches the supervisor alone
        )
        reading = asyncio.create_task(self._read(part.name, process), name=f"log of {part.name}")
        return _Running(part=part, process=process, reading=reading, is_moved=is_moved)

    async def _read(self, name: str, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:
                continue  # longer than any line of ours: what was read of it is dropped
            if not line:
                return
            try:
                self._write(f"{name:<10}| {line.decode(errors='replace').rstrip()}\n")
            except OSError:
                LOG_LINES_LOST.inc()  # who is read no more hangs as soon as the pipe is full

    async def _keep(self, name: str) -> None:
        failures = 0
        while True:
            running = self._running[name]
            code = await running.process.wait()
            failures = 1 if time.monotonic() - running.since > STEADY_S else failures + 1
            pause_s = self._pauses.wait_s(failures)
            _log.warning("part_ended", part=name, exit_code=code, failures=failures, again_in_s=pause_s)
            await asyncio.sleep(pause_s)
            self._running[name] = await self._started(running.part, is_moved=running.is_moved)

    async def _let_go(self, name: str) -> None:
        keeper = self._keepers.pop(name)
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper

    async def _ended(self, running: _Running, number: signal.Signals) -> int:
        for one, wait_s in ((number, self._patience_s), (signal.SIGKILL, _KILLED_S)):
            if running.process.returncode is None:
                with suppress(ProcessLookupError):
                    running.process.send_signal(one)
            with suppress(TimeoutError):
                code = await asyncio.wait_for(running.process.wait(), wait_s)
                await running.reading
                return code
        raise TimeoutError(
            f"{running.part.name} (process {running.process.pid}) does not end, even when killed."
        )


async def _until(holds: Callable[[], Awaitable[bool]], *, within_s: float) -> None:
    async with asyncio.timeout(within_s):
        while not await holds():  # noqa: ASYNC110 - what is waited for is in another process
            await asyncio.sleep(_POLL_S)
