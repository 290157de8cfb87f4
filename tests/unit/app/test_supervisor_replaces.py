"""The supervisor replaces programs of a line each: one serves beside the other, and takes over or does not."""

import asyncio
import os
import signal
from collections.abc import Sequence
from functools import partial

import pytest

from nova.app.supervisor import PartEnded, Supervisor
from tests.unit.app.programs import STAYS, WAITS, is_alive, never, no_process_left, part
from tests.waiting import until


async def leads_on(supervisor: Supervisor, pid: int) -> None:
    """Assert that `leader` is this process still, and kept: killed, it is started again."""
    assert supervisor.pids["leader"] == pid
    assert is_alive(pid)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: supervisor.pids["leader"] != pid)


async def test_c1_a_replacement_that_the_system_refuses_takes_nothing_over(
    supervisor: Supervisor, forks: list[OSError]
) -> None:
    await supervisor.begin(part("leader", WAITS))
    pid = supervisor.pids["leader"]
    forks.append(no_process_left())
    with pytest.raises(BlockingIOError):
        await supervisor.roll("leader", overlap_s=0)
    await leads_on(supervisor, pid)


async def test_a_replacement_moves_there_and_the_next_one_back(
    supervisor: Supervisor, said: list[str]
) -> None:
    asked: list[bool] = []

    async def serves(is_moved: bool) -> bool:
        asked.append(is_moved)
        return True

    await supervisor.begin(part("mover", WAITS, serves))
    pids: list[int] = []

    def has_told(lanes: Sequence[str]) -> bool:
        return said == [f"mover| lane {lane}\n" for lane in lanes]

    for lanes in (["first"], ["first", "second"], ["first", "second", "first"]):
        if pids:
            await supervisor.roll("mover", overlap_s=0)
        pids.append(supervisor.pids["mover"])
        await until(partial(has_told, lanes))
        assert supervisor.is_moved("mover") is (lanes[-1] == "second")
    assert [is_alive(pid) for pid in pids] == [False, False, True]
    assert asked == [True, True, False, False]  # once more, after callers had the time to find it


async def test_a_replacement_that_does_not_serve_takes_nothing_over(supervisor: Supervisor) -> None:
    await supervisor.begin(part("leader", WAITS, never))
    pid = supervisor.pids["leader"]
    with pytest.raises(TimeoutError):
        await supervisor.roll("leader", overlap_s=0)
    await leads_on(supervisor, pid)


async def test_a_replacement_that_ends_is_not_waited_for(supervisor: Supervisor) -> None:
    async def first(is_moved: bool) -> bool:
        return not is_moved

    ends = "import os, sys\nif os.environ.get('LANE'): sys.exit('no room')\n" + WAITS
    await supervisor.begin(part("leader", ends, first))
    pid = supervisor.pids["leader"]
    with pytest.raises(PartEnded, match=r"^leader ended with exit code 1: no room$"):
        await supervisor.roll("leader", overlap_s=0)
    assert supervisor.pids["leader"] == pid
    assert is_alive(pid)


async def test_a_replacement_that_ends_while_callers_look_for_it_takes_nothing_over(
    supervisor: Supervisor, said: list[str]
) -> None:
    """It served, and then it did not: without the old one there would be nobody."""
    served = False

    async def once(is_moved: bool) -> bool:
        nonlocal served
        was, served = served, served or is_moved
        return is_moved and not was

    ends = "import os, sys\nif os.environ.get('LANE'): input(); sys.exit('ended')\n" + WAITS
    await supervisor.begin(part("leader", ends, once))
    pid = supervisor.pids["leader"]
    with pytest.raises(PartEnded, match=r"^leader ended with exit code 1: "):
        await supervisor.roll("leader", overlap_s=0.3)
    assert served
    await leads_on(supervisor, pid)


async def test_one_that_is_being_replaced_is_not_forgotten(supervisor: Supervisor, said: list[str]) -> None:
    """Who rolls may give up while the old one drains: it is waited for at the end."""
    await supervisor.begin(part("stayer", STAYS))
    await until(lambda: len(said) == 1)
    old = supervisor.pids["stayer"]
    rolling = asyncio.create_task(supervisor.roll("stayer", overlap_s=0))
    await until(lambda: supervisor.pids["stayer"] != old)
    rolling.cancel()
    await asyncio.wait([rolling])
    assert is_alive(old)
    await supervisor.stop()
    assert not is_alive(old)


async def test_what_cannot_run_twice_is_not_replaced(supervisor: Supervisor) -> None:
    await supervisor.begin(part("door", WAITS, can_move=False))
    with pytest.raises(ValueError, match="door"):
        await supervisor.roll("door", overlap_s=0)
