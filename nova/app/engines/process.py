"""One engine's process: started through `launch`, watched and stopped.

The kernel ties PR_SET_PDEATHSIG to the *thread* that forked: an engine must be started from the main thread,
or it would end with a worker thread. `EngineProcess.start` refuses anything else.
"""

import asyncio
import os
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

from nova.app.engines.errors import EngineDown
from nova.app.engines.identity import Identity

STOP_WAIT_S = 20.0
KILL_WAIT_S = 5.0


def environment() -> dict[str, str]:
    """What an engine gets to see: none of PGDATA, PGPORT and the like, and no secret of Nova's."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


async def run_to_end(identity: Identity, command: list[str]) -> tuple[int, str]:
    """Run a program of an engine (initdb) to its end: its exit code, and all that it said.

    Cancelling kills it.
    """
    process = await asyncio.create_subprocess_exec(
        *identity.launcher_argv(signal.SIGKILL, command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment(),
        start_new_session=True,
    )
    try:
        said, _ = await process.communicate()
    except BaseException:
        # initdb starts servers of its own: the whole session goes, so that none keeps the folder.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    return process.returncode or 0, said.decode(errors="replace")


class EngineProcess:
    """A running engine. `stop_signal` asks for a clean end; it is also sent if Nova dies."""

    def __init__(
        self, name: str, process: asyncio.subprocess.Process, stop_signal: signal.Signals, log: Path
    ) -> None:
        self.name = name
        self.log = log
        self._process = process
        self._stop_signal = stop_signal

    @classmethod
    async def start(
        cls, name: str, command: list[str], *, log: Path, stop_signal: signal.Signals, identity: Identity
    ) -> Self:
        """Start `command` in a session of its own, so that Ctrl-C at the terminal reaches Nova alone."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(
                "engines start from the main thread: they end with the thread that starts them"
            )
        with log.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                *identity.launcher_argv(stop_signal, command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=environment(),
                start_new_session=True,
            )
        return cls(name, process, stop_signal, log)

    @property
    def pid(self) -> int:
        """The engine's own: the launcher becomes it, and starts nothing."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait for its end and return its exit code."""
        return await self._process.wait()

    async def stop(self) -> None:
        """Ask it to end, then insist, then kill it. Returns when the process is gone."""
        for number, wait_s in (
            (self._stop_signal, STOP_WAIT_S),
            (signal.SIGQUIT, KILL_WAIT_S),
            (signal.SIGKILL, KILL_WAIT_S),
        ):
            if self.exit_code is None:
                with suppress(ProcessLookupError):
                    self._process.send_signal(number)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), wait_s)
                return
        raise EngineDown(f"{self.name} (pid {self.pid}) does not end, even when killed: see {self.log}.")

    def last_words(self) -> str:
        """The last line of its log, for the sentence that says why it did not start."""
        return last_line(self.log.read_text(errors="replace"))


def last_line(said: str) -> str:
    """The last line that is not empty, without its final stop."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "it gave no reason"
