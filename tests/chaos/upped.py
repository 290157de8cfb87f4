"""A `nova up` of its own on a data folder, made to be killed and started again."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from nova.app.engines.leftovers import pid_in
from nova.app.ports import free_range
from nova.app.processes import all_ports
from tests.e2e.processes import environment
from tests.waiting import until

READY_S = 60.0
ENDED_S = 60.0


class Upped:
    """One data folder, and the `nova up` that runs on it, if any. Its port stays the same from start to start."""

    def __init__(self, data: Path, port: int, *, world: str = "none", **settings: str) -> None:
        self.data = data
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._world = world
        self._settings = {
            "NOVA_LIMITS": "off",
            "NOVA_GRPC_PORT_BASE": str(free_range(all_ports())),
            **settings,
        }
        self._process: asyncio.subprocess.Process | None = None

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._process is not None
        return self._process

    async def begin(self, *options: str) -> None:
        """Start it, and do not wait."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "nova.app", "up", "--json",
            "--port", str(self.port), "--data", str(self.data), "--world", self._world, *options,
            env={**environment(), **self._settings},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def under_way(self, processes: int) -> None:
        """Wait until its start has begun so many processes (each connection of PostgreSQL is one), or is over."""

        async def reached() -> bool:
            if self.process.returncode is not None:
                raise ChildProcessError("It ended by itself.")
            return len(family(self.process.pid)) >= processes or await self._answers()

        await until(reached, within_s=READY_S)

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True

    async def ready(self) -> dict[str, Any]:
        """Wait until it is ready; return what it says then."""
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), READY_S)
        assert line, (await self.process.communicate())[1].decode()
        said: dict[str, Any] = json.loads(line)
        assert said["ready"] is True
        return said

    async def kill(self, *, engines: bool = False) -> None:
        """End it at once (SIGKILL); with `engines` PostgreSQL's postmaster and Valkey at the same moment."""
        pids = [pid_in(self.data / "postgres" / "postmaster.pid")] if engines else []
        self.process.kill()
        for pid in pids:
            if pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        assert await self.ended() == -signal.SIGKILL

    async def interrupt(self, number: signal.Signals = signal.SIGINT) -> int:
        """End it as Ctrl-C does; return its exit code."""
        self.process.send_signal(number)
        return await self.ended()

    async def ended(self) -> int:
        """Wait for its end; return its exit code."""
        return await asyncio.wait_for(self.process.wait(), ENDED_S)

    def stop_now(self) -> None:
        """Leave nothing running, whatever the test has come to."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()


def family(pid: int) -> Sequence[int]:
    """Return the processes below one (Linux), by their numbers."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                # The command may hold anything, so what follows its closing parenthesis is read.
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(fields[1])
    found, waiting = [], [pid]
    while waiting:
        parent = waiting.pop()
        children = [child for child, above in parents.items() if above == parent]
        found += children
        waiting += children
    return found


def alive(pids: Sequence[int]) -> list[int]:
    """Return those that still run."""
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]
