"""The processes of one platform: started and ended side by side, killed and started again by name."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self


def environment() -> dict[str, str]:
    """Return this process's environment without what configures Nova: a test says that itself."""
    return {name: value for name, value in os.environ.items() if not name.startswith("NOVA_")}


@dataclass(frozen=True, slots=True)
class _Started:
    command: tuple[str, ...]
    process: asyncio.subprocess.Process


class Processes:
    """Processes of the `nova` command that share an environment. Leaving the block ends them as an operator would."""

    def __init__(self, environment: Mapping[str, str], logs: Path) -> None:
        self._environment = dict(environment)
        self._logs = logs
        self._running: dict[str, _Started] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        running, self._running = self._running, {}
        for one in running.values():
            one.process.send_signal(signal.SIGTERM)
        codes = await asyncio.gather(*(one.process.wait() for one in running.values()))
        bad = {name: self.log(name) for name, code in zip(running, codes, strict=True) if code != 0}
        assert not bad, bad

    async def start(self, *command: str) -> None:
        """Start `nova COMMAND`; its name is its last word."""
        name = command[-1]
        with self._file(name).open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "nova.app", *command, env=self._environment, stdout=log, stderr=log
            )
        self._running[name] = _Started(command, process)

    async def kill(self, name: str) -> None:
        """End a process at once (SIGKILL)."""
        one = self._running.pop(name)
        one.process.kill()
        assert await one.process.wait() == -signal.SIGKILL

    def pause(self, name: str) -> None:
        """Stop a process where it is (SIGSTOP): its sockets stay open and nobody answers."""
        self._running[name].process.send_signal(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Let a paused process go on."""
        self._running[name].process.send_signal(signal.SIGCONT)

    def names(self) -> Sequence[str]:
        """Return what runs."""
        return tuple(self._running)

    def log(self, name: str) -> str:
        """Return the end of what a process has written."""
        return self._file(name).read_text()[-2000:]

    def _file(self, name: str) -> Path:
        return self._logs / f"{name}.log"
