"""What a Nova that was killed may leave for a moment: engines that still work in the data folder."""

import asyncio
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from nova.app.engines.errors import EngineDown

ENGINE_NAMES = frozenset({"postgres", "valkey-server", "redis-server"})
PROC = Path("/proc")
WAIT_S = 10.0


async def end_leftovers(folder: Path, pid_file: Path, stop_signal: signal.Signals) -> None:
    """Return once no engine works in `folder`; the caller holds the lock of the data folder.

    On Linux Nova's death has already told them to end, and they are given time for it, then killed; elsewhere
    the one named by `pid_file` is told now. Only that leader is asked: PostgreSQL's other processes follow
    it, and read the same signals differently. Raises EngineDown where one does not end.
    """
    pids = living_in(folder, pid_file)
    for number, only in ((stop_signal, {pid_in(pid_file)}), (signal.SIGKILL, None)):
        for pid in pids:
            if only is None or pid in only:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
        deadline = time.monotonic() + WAIT_S
        while pids and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
            pids = living_in(folder, pid_file)
    if pids:
        raise EngineDown(f"Processes {pids} still use {folder} and do not end: end them, then start again.")


def living_in(folder: Path, pid_file: Path) -> list[int]:
    """Pids of the engine processes at work in `folder`.

    Linux: those whose working directory it is, so that backends of a dead postmaster count too. Elsewhere the
    one that `pid_file` names, if that process is an engine.
    """
    if not sees_processes():
        pid = pid_in(pid_file)
        return [pid] if pid is not None and command_of(pid) in ENGINE_NAMES else []
    target = folder.resolve()
    found: list[int] = []
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        # A process may end while it is looked at, and another user's may not be looked at: neither is ours.
        with suppress(OSError):
            if (entry / "comm").read_text().strip() in ENGINE_NAMES and (entry / "cwd").readlink() == target:
                found.append(int(entry.name))
    return sorted(found)


def sees_processes() -> bool:
    """Whether the kernel shows each process's working directory (Linux)."""
    return (PROC / "self" / "cwd").exists()


def pid_in(pid_file: Path) -> int | None:
    """The pid on the first line of a pid file, None without one."""
    try:
        return int(pid_file.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def command_of(pid: int) -> str:
    """The name of a process's program, by ps(1); empty when there is none."""
    shown = subprocess.run(  # noqa: S603 - the only argument from outside is a number
        ["/bin/ps", "-p", str(pid), "-o", "comm="], capture_output=True, text=True, check=False
    )
    return Path(shown.stdout.strip()).name
