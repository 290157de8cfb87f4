"""An engine's process: started in the background, found again by its number, ended by a signal."""

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from failure import CannotHave
from folder import HOST

START_S = 300.0
STOP_S = 30.0


@dataclass(frozen=True, slots=True)
class Server:
    """A process whose number is in `folder/pid` and whose words are in `folder/log`."""

    name: str
    folder: Path
    port: int

    def is_up(self) -> bool:
        """Return whether it runs and its port answers."""
        return self._runs() and answers(self.port)

    def start(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        """Start it unless it runs, and wait until its port answers."""
        if not self._runs():
            if answers(self.port):
                raise CannotHave(f"Port {self.port} belongs to another program: set NOVA_ENGINES_PORT.")
            with (self.folder / "log").open("ab") as log:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                    cwd=self.folder, env=None if env is None else {**os.environ, **env},
                )  # fmt: skip
            (self.folder / "pid").write_text(f"{process.pid} {_birth(process.pid)}")
        wait(lambda: answers(self.port), self._runs, f"{self.name} did not start: see {self.folder / 'log'}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> bool:
        """End it; return whether it ran."""
        if not self._runs():
            return False
        os.kill(self._pid(), number)
        wait(lambda: not self._runs(), lambda: True, f"{self.name} does not end", within_s=STOP_S)
        (self.folder / "pid").unlink()
        return True

    def _pid(self) -> int:
        return int((self.folder / "pid").read_text().split()[0])

    def _runs(self) -> bool:
        """Return whether the process of that number is still the one that was started."""
        try:
            pid, birth = (self.folder / "pid").read_text().split()
        except (FileNotFoundError, ValueError):
            return False
        return _birth(int(pid)) == birth


def _birth(pid: int) -> str:
    """Return when a process began, as the system says it; empty for one that has ended."""
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    state, *began = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split() or [
        ""
    ]
    return "" if state.startswith("Z") else "-".join(began)


def answers(port: int) -> bool:
    """Return whether somebody listens on a port of this machine."""
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False


def wait(
    holds: Callable[[], bool], may_go_on: Callable[[], bool], why: str, *, within_s: float = START_S
) -> None:
    """Wait until `holds()`. Raises CannotHave with `why` when the time is over, or `may_go_on()` is false."""

    async def until() -> None:
        async with asyncio.timeout(within_s):
            while not holds():
                if not may_go_on():
                    raise TimeoutError
                await asyncio.sleep(0.1)

    try:
        asyncio.run(until())
    except TimeoutError:
        raise CannotHave(f"{why}.") from None
