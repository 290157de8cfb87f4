"""What a tree of processes takes of the machine."""

import asyncio
import os
import sys

import pytest

from nova.app.bench import machine
from nova.platform.errors import NotFound
from tests.waiting import until

pytestmark = pytest.mark.skipif(not machine.can_be_watched(), reason="needs Linux's /proc")
# A process with a child; both work until their input ends.
BUSY = """
import os, sys, threading
pid = os.fork()
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
print(pid, flush=True)
while True: pass
"""


async def test_children_count_and_the_dead_do_not() -> None:
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", BUSY, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert started.stdin is not None
    watch = machine.CpuWatch(started.pid)
    await until(lambda: len(machine.tree(started.pid)) == 2)
    await until(lambda: watch.spent_s() >= 0.05)
    pids = machine.tree(started.pid)
    assert machine.memory_mib(pids) > machine.memory_mib(pids, shared_once=True) > 1
    started.stdin.close()
    await started.wait()
    assert machine.memory_mib([started.pid]) == 0
    assert watch.spent_s() == 0


async def test_a_process_is_watched_without_what_came_of_it() -> None:
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", BUSY, "serve", "content"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert started.stdin is not None
    both, one = machine.CpuWatch(started.pid), machine.CpuWatch(started.pid, alone=True)
    await until(lambda: len(machine.tree(started.pid)) == 2)
    await until(lambda: one.spent_s() >= 0.05 and both.spent_s() > one.spent_s())
    assert machine.ending_with(os.getpid(), "serve", "content") == started.pid
    assert not await machine.calm(started.pid, every_s=0.2, within_s=0.2)
    started.stdin.close()
    await started.wait()
    assert await machine.calm(started.pid, every_s=0.01)  # it has ended
    with pytest.raises(NotFound, match="serve content"):
        machine.ending_with(os.getpid(), "serve", "content")


def test_the_machine_is_named() -> None:
    assert set(machine.machine()) == {"commit", "python", "cpu", "load"}
    assert os.getpid() in machine.tree(os.getpid())
