"""What figures depend on: commit, processor, load; and what a tree of processes takes of them.

Memory and CPU time of other processes are read from /proc: on Linux only, and missing elsewhere.
"""

import asyncio
import os
import platform
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import nova
from nova.platform.errors import NotFound

_PROC: Final = Path("/proc")
# Fields of /proc/PID/stat after the name in brackets, from 0 (proc(5)): utime and stime are its 14th and 15th.
_UTIME, _STIME = 11, 12
_CALM: Final = 0.2


def machine() -> dict[str, str]:
    """Return what a figure is to be read with."""
    return {
        "commit": _commit(),
        "python": platform.python_version(),
        "cpu": f"{_processor()}, {os.cpu_count()} cores",
        "load": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def can_be_watched() -> bool:
    """Whether this system shows what processes take."""
    return (_PROC / "self" / "smaps_rollup").exists()


def tree(pid: int) -> list[int]:
    """Return a process and all that came of it."""
    return [pid, *(one for child in _children(pid) for one in tree(child))]


def ending_with(root: int, *words: str) -> int:
    """Return the process that came of `root` whose command line ends with `words`. Raises `NotFound`."""
    for pid in tree(root):
        if tuple(_told(pid, "cmdline").split("\0")[-1 - len(words) : -1]) == words:
            return pid
    raise NotFound(f"No process of {root} was started as {' '.join(words)!r}.")


def memory_mib(pids: list[int], *, shared_once: bool = False) -> float:
    """Return the resident memory of some processes; with `shared_once` what they share counts once (PSS)."""
    name = "Pss:" if shared_once else "Rss:"
    return sum(_rollup(pid, name) for pid in pids) / 1024


class CpuWatch:
    """Counts the CPU time of processes and all that comes of them, from now on. What has ended meanwhile is not seen.

    `alone`: without what came of them, such as the engines that one has started.
    """

    def __init__(self, *pids: int, alone: bool = False) -> None:
        self._pids = pids
        self._alone = alone
        self._before = self._ticks()

    def spent_s(self) -> float:
        """Return the seconds of CPU time since the watch began."""
        spent = sum(ticks - self._before.get(pid, 0) for pid, ticks in self._ticks().items())
        return spent / os.sysconf("SC_CLK_TCK")

    def _ticks(self) -> dict[int, int]:
        pids = self._pids if self._alone else [one for pid in self._pids for one in tree(pid)]
        return {pid: _ticks(pid) for pid in pids}


async def calm(pid: int, *, every_s: float = 1.0, within_s: float = 10.0) -> bool:
    """Wait until a process and all that came of it take less than a fifth of a core; return whether that came."""
    until = time.monotonic() + within_s
    while can_be_watched() and time.monotonic() < until:
        watch = CpuWatch(pid)
        await asyncio.sleep(every_s)
        if watch.spent_s() < every_s * _CALM:
            return True
    return False


def _children(pid: int) -> Iterator[int]:
    for task in _tasks(pid):
        yield from map(int, _told(pid, f"task/{task}/children").split())


def _tasks(pid: int) -> list[str]:
    try:
        return os.listdir(_PROC / str(pid) / "task")  # noqa: PTH208 - names are enough
    except (FileNotFoundError, ProcessLookupError):
        return []


def _rollup(pid: int, name: str) -> int:
    for line in _told(pid, "smaps_rollup").splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0


def _ticks(pid: int) -> int:
    fields = _told(pid, "stat").rpartition(")")[2].split()
    return int(fields[_UTIME]) + int(fields[_STIME]) if fields else 0


def _told(pid: int, file: str) -> str:
    """Return what /proc says of a process; nothing when it has ended, as PostgreSQL's workers do all the time."""
    try:
        return (_PROC / str(pid) / file).read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _commit() -> str:
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607 - whichever git the caller uses
        cwd=Path(nova.__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "none"


def _processor() -> str:
    information = _PROC / "cpuinfo"
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
