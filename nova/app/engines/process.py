"""One engine's process: started through `launch`, watched, stopped; and what a dead Nova left behind.

The kernel ties PR_SET_PDEATHSIG to the *thread* that forked: an engine must be started from the main thread,
or it would end with a worker thread. `EngineProcess.start` refuses anything else.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nova.app.engines.errors import EngineDown

LAUNCHER = Path(__file__).with_name("launch.py")
ENGINE_NAMES = frozenset({"postgres", "valkey-server", "redis-server"})
KILL_WAIT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """As whom an engine runs: see `launch`. `uid` and `gid` matter to `setuid` only."""

    mode: Literal["plain", "namespace", "setuid"] = "plain"
    uid: int = -1
    gid: int = -1


def environment() -> dict[str, str]:
    """What an engine gets to see: none of PGDATA, PGPORT and the like, and no secret of Nova's."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def launcher_argv(identity: Identity, death_signal: signal.Signals, command: Sequence[str]) -> list[str]:
    """The command line that becomes `command` under `identity`, signalled when this process ends."""
    python = [sys.executable, "-I", "-S", str(LAUNCHER)]
    who = [identity.mode, str(identity.uid), str(identity.gid)]
    return [*python, *who, str(int(death_signal)), str(os.getpid()), *command]


async def namespaces_allowed() -> bool:
    """Whether the kernel lets this user enter a user namespace."""
    probe = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", str(LAUNCHER), "probe",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    return await probe.wait() == 0


async def run_to_end(identity: Identity, command: Sequence[str]) -> tuple[int, str]:
    """Run a program of an engine (initdb) to its end: its exit code, and all that it said."""
    process = await asyncio.create_subprocess_exec(
        *launcher_argv(identity, signal.SIGKILL, command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment(),
    )
    said, _ = await process.communicate()
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
        cls,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        stop_signal: signal.Signals,
        identity: Identity,
    ) -> "EngineProcess":
        """Start `command` in a session of its own, so that Ctrl-C at the terminal reaches Nova alone."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(
                "engines start from the main thread: they end with the thread that starts them"
            )
        with log.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                *launcher_argv(identity, stop_signal, command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=environment(),
                start_new_session=True,
            )
        return cls(name, process, stop_signal, log)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait for its end."""
        return await self._process.wait()

    async def stop(self, *, grace_s: float = KILL_WAIT_S) -> None:
        """Ask it to end, wait `grace_s`, then kill it. Returns when the process is gone."""
        for number in (self._stop_signal, signal.SIGQUIT, signal.SIGKILL):
            if self.exit_code is None:
                with contextlib.suppress(ProcessLookupError):
                    self._process.send_signal(number)
            try:
                await asyncio.wait_for(self._process.wait(), grace_s)
            except TimeoutError:
                continue
            return
        raise EngineDown(f"{self.name} (pid {self.pid}) does not end, even when killed: see {self.log}.")

    def last_words(self) -> str:
        """The last line of its log, for the sentence that says why it did not start."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else "it said nothing"


def living_in(folder: Path, pid_file: Path) -> list[int]:
    """Pids of the engine processes at work in `folder`, as a Nova that was killed can leave them for a moment.

    Linux: those whose working directory it is, backends of a dead postmaster too. Elsewhere the one that
    `pid_file` names, if that process still is an engine.
    """
    proc = Path("/proc")
    if not (proc / "self" / "cwd").exists():
        return living_by_pid_file(pid_file)
    target = folder.resolve()
    found: list[int] = []
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        # A process may end between the listing and the reading, and others' may not be read: neither is ours.
        with contextlib.suppress(OSError):
            if (entry / "comm").read_text().strip() in ENGINE_NAMES and (entry / "cwd").readlink() == target:
                found.append(int(entry.name))
    return sorted(found)


def living_by_pid_file(pid_file: Path) -> list[int]:
    """The engine that `pid_file` names on its first line, where /proc is missing: ps(1) tells what it is."""
    try:
        pid = int(pid_file.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return []
    command = ["ps", "-p", str(pid), "-o", "comm="]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a number only
    return [pid] if Path(shown.stdout.strip()).name in ENGINE_NAMES else []


async def end_leftovers(folder: Path, pid_file: Path, *, grace_s: float = KILL_WAIT_S) -> None:
    """Wait for engines of a dead Nova to end by themselves (they were signalled by its death), then kill them."""
    for number in (signal.SIGINT, signal.SIGKILL):
        deadline = time.monotonic() + grace_s
        pids = living_in(folder, pid_file)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        while pids and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
            pids = living_in(folder, pid_file)
        if not pids:
            return
    raise EngineDown(f"Processes {pids} still use {folder} and cannot be ended: end them, then start again.")
