"""A real engine of a test's own, to be stopped, killed, frozen and brought back in the middle."""

import asyncio
import os
import signal
import sys
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from nova.app.bench.chaos_faults import stopped
from nova.app.ports import free_range
from tests.real import FILE, variables_in

ROOT = Path(__file__).parents[1]


class OwnEngine:
    """An engine as `make engines` starts it, in a folder of its own, with what that has fetched already."""

    def __init__(self, name: str, folder: Path, *, port: int, fetched: str | None = "lib") -> None:
        """`port` is its place in the range of ports that all engines share, `fetched` where its jars are, if any."""
        self._name = name
        self._folder = folder / name
        self._folder.mkdir()
        for part in () if fetched is None else (fetched, ".checked"):
            (self._folder / part).symlink_to(FILE.parent.resolve() / name / part)
        first = free_range(100)
        self.address = f"127.0.0.1:{first + port}"
        self._environment = {**os.environ, "NOVA_ENGINES": str(folder), "NOVA_ENGINES_PORT": str(first)}

    @property
    def variables(self) -> dict[str, str]:
        """What `nova` is to be told of it, once it has been started."""
        return variables_in(self._folder.parent / "env")

    def secret(self, name: str) -> str:
        """Return a password that was made for it."""
        return (self._folder.parent / "secrets" / name).read_text()

    async def start(self) -> None:
        """Start it; returns when it answers."""
        await self._told("start")

    async def stop(self) -> None:
        """Have it end in good order, if it runs."""
        await self._told("stop")

    def kill(self) -> None:
        """End it at once, if it runs."""
        with suppress(ProcessLookupError, FileNotFoundError):
            os.kill(self._pid, signal.SIGKILL)

    def frozen(self) -> AbstractContextManager[None]:
        """Let it hang inside the block: connections stay open, nothing answers."""
        return stopped(self._pid)

    @property
    def _pid(self) -> int:
        return int((self._folder / "pid").read_text().split()[0])

    async def _told(self, verb: str) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tools.engines", verb, self._name, cwd=ROOT, env=self._environment
        )
        assert await process.wait() == 0
