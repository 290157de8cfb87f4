"""Programs of a line each, as parts that a supervisor keeps."""

import errno
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from nova.app.supervisor import Ask, Part

PID = re.compile(r" +\d+ (?=\|)")
WAITS = "import os, signal; print('lane', os.environ.get('LANE', 'first'), flush=True)\nwhile True: signal.pause()"
# By os.write: the signal may come while `print` still holds the buffer.
DRAINS = (
    "import os, signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: (os.write(1, b'drained\\n'), sys.exit(0)))\n"
    "print('ready', flush=True)\nwhile True: signal.pause()"
)
STAYS = (
    "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('ready', flush=True)\nwhile True: signal.pause()"
)


def heard(said: list[str]) -> Callable[[str, str], None]:
    """Return what notes the lines of parts, without the numbers of their processes."""

    def write(part: str, line: str) -> None:
        assert line.startswith(part)
        said.append(PID.sub("", line))

    return write


async def always(_: bool) -> bool:
    """Say yes."""
    return True


async def never(_: bool) -> bool:
    """Say no."""
    return False


def part(
    name: str, program: str, serves: Ask = always, *, lives: Ask = always, can_move: bool = True
) -> Part:
    """Return a part that runs a program."""
    return Part(
        name=name,
        command=(sys.executable, "-S", "-c", program),
        environment={"PATH": os.environ["PATH"]},
        serves=serves,
        lives=lives,
        moved={"LANE": "second"} if can_move else None,
    )


def no_process_left() -> OSError:
    """Return what the system says where there can be no more processes."""
    return BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended and is not yet buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
