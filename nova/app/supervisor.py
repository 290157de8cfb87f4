"""Keeps the parts of a platform running, each as a process of its own.

A part that ends by itself, or says that it must be started anew, is started again, after a pause that grows while it
keeps ending. Each line that a part writes gets the name and the process of the part before it.
However this process ends, none of them outlives it: the kernel kills them with the thread that started them (see
`nova.app.engines.launch`).
"""

import asyncio
import signal
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import structlog

from nova.app.cli_command import USAGE
from nova.app.engines.identity import Identity
from nova.platform.backoff import Backoff
from nova.platform.errors import FailedPrecondition
from nova.platform.telemetry.metrics import LOG_LINES_LOST

STEADY_S: Final = 10.0
"""Who ran for so long did not fail to start: the next pause is the first one again."""

_KILLED_S: Final = 10.0
_LAST_WORDS_S: Final = 1.0
_LONGEST_LINE: Final = 1 << 20
_POLL_S: Final = 0.05
_log = structlog.get_logger(__name__)

Write = Callable[[str, str], object]
Ask = Callable[[bool], Awaitable[bool]]


class PartEnded(FailedPrecondition):
    """A part ended that should have come to serve."""


async def _always(_: bool) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part: the command that runs it, with which variables, and how to find out that it serves.

    `lives` tells whether it need not be started anew; of one that does not answer nobody knows, and it is left alone.
    Both are asked of the part, or (True) of its replacement. `moved` are the variables of a replacement, which runs
    beside the part until it takes its place; None for a part that cannot be replaced while it runs.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    serves: Ask
    lives: Ask = _always
    moved: Mapping[str, str] | None = None


@dataclass(slots=True)
class _Running:
    """A part as it runs. `is_moved`: in its replacement's place; the next replacement goes back to the first."""

    part: Part
    process: asyncio.subprocess.Process
    is_moved: bool
    reading: "asyncio.Task[None]" = field(init=False)
    last_words: str = ""
    since: float = field(default_factory=time.monotonic)

    async def serves(self) -> bool:
        return await self.part.serves(self.is_moved)

    async def how_it_ended(self) -> PartEnded:
        """Return what to say of one that has ended."""
        await asyncio.wait([self.reading], timeout=_LAST_WORDS_S)
        last = self.last_words.removeprefix("nova: ") or "it said nothing"
        return PartEnded(f"{self.part.name} ended with exit code {self.process.returncode}: {last}")


class Supervisor:
    """Starts, keeps, replaces and ends parts. Leaving one running is not possible: end it by `stop`.

    `write` takes the name of a part and a whole line; those for which it raises OSError are left out. A replacement
    gets `start_s` to come to serve. A part that is asked to end gets `drain_s`, and is killed `grace_s` later. Each is
    asked every `look_every_s` whether it lives.
    """

    def __init__(
        self,
        *,
        write: Write,
        drain_s: float,
        grace_s: float = 10.0,
        start_s: float = 120.0,
        look_every_s: float = 10.0,
        pauses: Backoff | None = None,
    ) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("parts start from the main thread: they end with the thread that starts them")
        self._write = write
        self._patience_s = drain_s + grace_s
        self._start_s = start_s
        self._look_every_s = look_every_s
        self._pauses = pauses or Backoff(first_s=0.2, longest_s=5.0)
        self.parts: dict[str, Part] = {}
        self._running: dict[str, _Running] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[int]] = set()
        self._misused: dict[str, PartEnded] = {}

    @property
    def pids(self) -> dict[str, int]:
        """The processes that run now, by part."""
        return {name: one.process.pid for name, one in self._running.items()}

    async def begin(self, part: Part) -> None:
        """Start a part, or one that was ended again, and keep it running from now on. Raises OSError."""
        self.parts[part.name] = part
        self._misused.pop(part.name, None)
        self._running[part.name] = await self._started(part, is_moved=False)
        self._keep_on(part.name)

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

        Callers need up to `overlap_s` to find the replacement. One that cannot be started (OSError), ends (`PartEnded`)
        or does not come to serve (TimeoutError) takes nothing over: the part goes on. Raises ValueError for a part that
        cannot be replaced.
        """
        if self.parts[name].moved is None:
            raise ValueError(f"{name} cannot run beside its replacement.")
        await self._let_go(name)
        old = self._running[name]
        try:
            self._running[name] = new = await self._replacement(old, overlap_s)
        finally:
            self._keep_on(name)
        # Whoever gives this up meanwhile does not forget it: `stop` waits for it too.
        leaving = asyncio.create_task(self._ended(old, signal.SIGTERM), name=f"end of {name}")
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)
        code = await asyncio.shield(leaving)
        _log.info("part_replaced", part=name, pid=new.process.pid, exit_code=code)

    def is_moved(self, name: str) -> bool:
        """Return whether a part, or the one that ran last, is in its replacement's place."""
        running = self._running.get(name)
        return running is not None and running.is_moved

    async def serves(self, name: str) -> bool:
        """Return whether a part runs, and serves."""
        running = self._running.get(name)
        return running is not None and await running.serves()

    async def ready(self, name: str, *, within_s: float) -> None:
        """Return once a part serves. Raises TimeoutError, and `PartEnded` where it is started in a way it refuses."""

        async def serves() -> bool:
            if name in self._misused:
                raise self._misused[name]
            return await self.serves(name)

        await _until(serves, within_s=within_s)

    async def stop(self, *, first: Sequence[str] = ()) -> dict[str, int]:
        """End all parts, those of `first` before the others; return their exit codes.

        Raises what kept one from ending, after all others have.
        """
        codes: dict[str, int] = {}
        failed: list[BaseException] = []
        for names in (first, tuple(self._running)):
            ending = [name for name in names if name in self._running]
            ended = await asyncio.gather(*map(self.end, ending), return_exceptions=True)
            for name, code in zip(ending, ended, strict=True):
                if isinstance(code, BaseException):
                    failed.append(code)
                else:
                    codes[name] = code
        left = await asyncio.gather(*self._leaving, return_exceptions=True)
        failed += [error for error in left if isinstance(error, BaseException)]
        if failed:
            raise failed[0]
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
        running = _Running(part=part, process=process, is_moved=is_moved)
        running.reading = asyncio.create_task(self._read(running), name=f"log of {part.name}")
        return running

    async def _read(self, running: _Running) -> None:
        assert running.process.stdout is not None  # noqa: S101 - it was asked for
        prefix = f"{running.part.name:<8} {running.process.pid} | "
        async for line in _lines(running.process.stdout):
            running.last_words = line.decode(errors="replace").rstrip()
            try:
                self._write(running.part.name, f"{prefix}{running.last_words}\n")
            except OSError:
                LOG_LINES_LOST.inc()  # who is read no more hangs as soon as the pipe is full

    def _keep_on(self, name: str) -> None:
        self._keepers[name] = asyncio.create_task(self._keep(name), name=f"keeper of {name}")

    async def _keep(self, name: str) -> None:
        failures = 0
        while True:
            try:
                failures = await self._followed(self._running[name], failures)
            except Exception:  # noqa: BLE001 - who is not kept would stay away for ever: it is looked at again
                failures += 1
                _log.exception("part_not_kept", part=name, failures=failures)
                await asyncio.sleep(self._pauses.wait_s(failures))

    async def _followed(self, running: _Running, failures: int) -> int:
        """Return once one is over and another runs in its place: how often this one has failed by now."""
        name, code = running.part.name, await self._over(running)
        if code == USAGE:
            self._misused[name] = await running.how_it_ended()
        failures = 1 if time.monotonic() - running.since > STEADY_S else failures + 1
        pid = running.process.pid
        _log.warning("part_ended", part=name, pid=pid, exit_code=code, failures=failures)
        while (new := await self._again(running, failures)) is None:
            failures += 1
        self._running[name] = new
        return failures

    async def _over(self, running: _Running) -> int:
        """Return the exit code of a part once it has ended, by itself or because it says that it does not live."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._look_every_s):
                    return await running.process.wait()
            if not await running.part.lives(running.is_moved):
                _log.error("part_not_alive", part=running.part.name, pid=running.process.pid)
                return await self._ended(running, signal.SIGTERM)

    async def _again(self, running: _Running, failures: int) -> _Running | None:
        """Start a part again after a pause; return None where the system does not let it, as without memory."""
        await asyncio.sleep(self._pauses.wait_s(failures))
        try:
            return await self._started(running.part, is_moved=running.is_moved)
        except OSError as error:
            _log.warning("part_not_started", part=running.part.name, failures=failures, error=str(error))
            return None

    async def _replacement(self, old: _Running, overlap_s: float) -> _Running:
        """Return what can take the place of a part: it serves, and callers had the time to find it."""
        new = await self._started(old.part, is_moved=not old.is_moved)

        async def serves() -> bool:
            if new.process.returncode is not None:
                raise await new.how_it_ended()
            return await new.serves()

        try:
            await _until(serves, within_s=self._start_s)
            await asyncio.sleep(overlap_s)
            # It may have ended meanwhile, and then there would be nobody once the old one is gone.
            await _until(serves, within_s=self._start_s)
        except BaseException:
            await self._ended(new, signal.SIGTERM)
            raise
        return new

    async def _let_go(self, name: str) -> None:
        keeper = self._keepers.pop(name)
        keeper.cancel()
        await asyncio.wait([keeper])

    async def _ended(self, running: _Running, number: signal.Signals) -> int:
        for one, wait_s in ((number, self._patience_s), (signal.SIGKILL, _KILLED_S)):
            if running.process.returncode is None:
                with suppress(ProcessLookupError):
                    running.process.send_signal(one)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    code = await running.process.wait()
                await asyncio.wait([running.reading], timeout=_LAST_WORDS_S)
                return code
        raise TimeoutError(
            f"{running.part.name} (process {running.process.pid}) does not end, even when killed."
        )


async def _until(holds: Callable[[], Awaitable[bool]], *, within_s: float) -> None:
    async with asyncio.timeout(within_s):
        while not await holds():  # noqa: ASYNC110 - what is waited for is in another process
            await asyncio.sleep(_POLL_S)


async def _lines(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield what is written, line by line. One that is longer than any of ours is left out whole, and counted."""
    is_tail = False
    while True:
        try:
            line = await reader.readuntil()
        except asyncio.LimitOverrunError as error:
            await reader.readexactly(error.consumed)
            if not is_tail:
                LOG_LINES_LOST.inc()
            is_tail = True
            continue
        except asyncio.IncompleteReadError as error:
            if error.partial and not is_tail:
                yield error.partial
            return
        if not is_tail:
            yield line
        is_tail = False
