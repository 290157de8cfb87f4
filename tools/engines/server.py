"""An engine's process: started in the background, found again by its number, ended by a signal."""

import asyncio
import inspect
import os
import signal
import socket
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tools.engines.failure import CannotHave
from tools.engines.folder import HOST

START_S = 300.0
STOP_S = 30.0


class _Note(NamedTuple):
    """What is written down of a process. A number alone may be another process's by now; with its birth it is not."""

    pid: int
    birth: str
    port: int
    edition: str


@dataclass(frozen=True, slots=True)
class Server:
    """A process that is noted in `folder/pid` and whose words are in `folder/log`."""

    name: str
    folder: Path
    port: int
    stop_signal: signal.Signals = signal.SIGTERM

    def is_up(self) -> bool:
        """Return whether it runs and its port answers."""
        return self._running() is not None and answers(self.port)

    def runs(self, edition: str) -> bool:
        """Return whether it runs as it is wanted: of this edition, and for our port."""
        note = self._running()
        return note is not None and (note.port, note.edition) == (self.port, edition)

    def require_port(self) -> None:
        """Raise CannotHave where another program listens on its port."""
        if answers(self.port):
            raise CannotHave(f"Port {self.port} belongs to another program: set NOVA_ENGINES_PORT.")

    def start(self, command: Sequence[str], edition: str, env: Mapping[str, str]) -> None:
        """Start it. An edition is one word that says what it is made of and what it is told."""
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                cwd=self.folder, env={**os.environ, **env},
            )  # fmt: skip
        note = _Note(process.pid, _birth(process.pid) or "-", self.port, edition)
        (self.folder / "pid").write_text(" ".join(map(str, note)))

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Return once it is ready. Raises CannotHave when it has ended before, or takes too long."""
        wait(ready, self._runs, f"{self.name} did not start: see {self.folder / 'log'}", within_s=START_S)

    def stop(self) -> str | None:
        """End it, and say how it has ended; None where it did not run. One that does not go is killed."""
        note = self._running()
        if note is None:
            return None
        try:
            os.kill(note.pid, self.stop_signal)
            self._wait_until_ended()
            how = "has ended"
        except CannotHave:
            os.killpg(note.pid, signal.SIGKILL)
            self._wait_until_ended()
            how = f"did not end within {STOP_S:.0f} s and was killed"
        (self.folder / "pid").unlink()
        return how

    def _wait_until_ended(self) -> None:
        wait(lambda: not self._runs(), lambda: True, f"{self.name} does not end", within_s=STOP_S)

    def _runs(self) -> bool:
        return self._running() is not None

    def _running(self) -> _Note | None:
        """Return what is noted of its process; None unless that process lives."""
        try:
            pid, birth, port, edition = (self.folder / "pid").read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        return _Note(int(pid), birth, int(port), edition) if _birth(int(pid)) == birth else None


def _birth(pid: int) -> str | None:
    """Return when a process began, in the kernel's ticks since it booted; None for one that has ended (proc(5))."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # After the name in brackets: the state, which is field 3; the start is field 22.
    fields = told.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def answers(port: int) -> bool:
    """Return whether somebody listens on a port of this machine."""
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False


def wait(
    holds: Callable[[], bool | Awaitable[bool]],
    may_go_on: Callable[[], bool],
    why: str,
    *,
    within_s: float,
) -> None:
    """Wait until `holds()`. Raises CannotHave with `why` when the time is over, or `may_go_on()` is false."""

    async def until() -> None:
        async with asyncio.timeout(within_s):
            while True:
                held = holds()
                if await held if inspect.isawaitable(held) else held:
                    return
                if not may_go_on():
                    raise TimeoutError
                await asyncio.sleep(0.1)

    try:
        asyncio.run(until())
    except TimeoutError:
        raise CannotHave(f"{why}.") from None
