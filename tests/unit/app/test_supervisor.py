"""The supervisor, with programs of a line each: what it starts, keeps, replaces and ends, and what outlives it."""

import asyncio
import errno
import http.client
import os
import re
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from nova.app.supervisor import Ask, Part, PartEnded, Supervisor
from nova.platform.backoff import Backoff
from tests.waiting import until

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


@pytest.fixture
def said() -> list[str]:
    """What the parts have written, by line, without the numbers of their processes."""
    return []


def heard(said: list[str]) -> Callable[[str, str], None]:
    def write(part: str, line: str) -> None:
        assert line.startswith(part)
        said.append(PID.sub("", line))

    return write


@pytest.fixture
async def supervisor(said: list[str]) -> AsyncIterator[Supervisor]:
    pauses = Backoff(first_s=0.01, longest_s=0.05)
    supervisor = Supervisor(
        write=heard(said), drain_s=0.2, grace_s=0.8, start_s=0.5, look_every_s=0.05, pauses=pauses
    )
    yield supervisor
    await supervisor.stop()


async def always(_: bool) -> bool:
    return True


async def never(_: bool) -> bool:
    return False


def part(
    name: str, program: str, serves: Ask = always, *, lives: Ask = always, can_move: bool = True
) -> Part:
    return Part(
        name=name,
        command=(sys.executable, "-S", "-c", program),
        environment={"PATH": os.environ["PATH"]},
        serves=serves,
        lives=lives,
        moved={"LANE": "second"} if can_move else None,
    )


async def test_each_line_is_written_with_the_name_of_its_part(
    supervisor: Supervisor, said: list[str]
) -> None:
    await supervisor.begin(part("talker", "import sys; print('one'); print('two', file=sys.stderr); input()"))
    await until(lambda: len(said) >= 2)
    assert {"talker| one\n", "talker| two\n"} <= set(said)


async def test_c1_who_writes_what_has_no_room_is_read_on(said: list[str]) -> None:
    """A pipe takes 64 KiB: a part that nobody reads any more would hang before its last line."""

    def write(part: str, line: str) -> None:
        if "no room" in line:
            raise OSError(errno.ENOSPC, "No space left on device")
        heard(said)(part, line)

    supervisor = Supervisor(write=write, drain_s=0.2, grace_s=0.3)
    program = (
        "for _ in range(4): print('no room' * 10_000, flush=True)\nprint('at last', flush=True); input()"
    )
    await supervisor.begin(part("talker", program))
    await until(lambda: "talker| at last\n" in said)
    await supervisor.stop()


async def test_what_is_written_says_which_process_wrote_it(said: list[str]) -> None:
    """While one replaces another both write."""
    supervisor = Supervisor(write=lambda _, line: said.append(line), drain_s=0.2)
    await supervisor.begin(part("talker", "print('one', flush=True); input()"))
    pid = supervisor.pids["talker"]
    await until(lambda: f"talker   {pid} | one\n" in said)
    await supervisor.stop()


async def test_a_line_that_is_too_long_is_left_out_whole_and_counted(
    supervisor: Supervisor, said: list[str]
) -> None:
    lost = REGISTRY.get_sample_value("log_lines_lost_total") or 0
    program = "print('before')\nfor n in (1, 2, 5): print('x' * (n << 20) + '!')\nprint('after', flush=True); input()"
    await supervisor.begin(part("talker", program))
    await until(lambda: "talker| after\n" in said)
    assert said[:2] == ["talker| before\n", "talker| after\n"]
    assert REGISTRY.get_sample_value("log_lines_lost_total") == lost + 3


async def test_what_ends_by_itself_is_started_again_and_again(
    supervisor: Supervisor, said: list[str]
) -> None:
    await supervisor.begin(part("mortal", "print('born')"))
    await until(lambda: said.count("mortal| born\n") >= 3)


@pytest.fixture
def forks(monkeypatch: pytest.MonkeyPatch) -> "list[OSError]":
    """What the system answers to the next starts of a process, before it starts one again."""
    refusals: list[OSError] = []
    start = asyncio.create_subprocess_exec

    async def started(*arguments: Any, **options: Any) -> asyncio.subprocess.Process:
        if refusals:
            raise refusals.pop()
        return await start(*arguments, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", started)
    return refusals


def no_process_left() -> OSError:
    return BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


async def test_c1_a_start_that_the_system_refuses_is_tried_again(
    supervisor: Supervisor, forks: list[OSError]
) -> None:
    await supervisor.begin(part("mortal", WAITS))
    pid = supervisor.pids["mortal"]
    forks += [no_process_left(), no_process_left()]
    with capture_logs() as logs:
        os.kill(pid, signal.SIGKILL)
        await until(lambda: supervisor.pids["mortal"] != pid)
    assert [line["event"] for line in logs] == ["part_ended", "part_not_started", "part_not_started"]
    assert is_alive(supervisor.pids["mortal"])


async def test_c1_a_replacement_that_the_system_refuses_takes_nothing_over(
    supervisor: Supervisor, forks: list[OSError]
) -> None:
    await supervisor.begin(part("leader", WAITS))
    pid = supervisor.pids["leader"]
    forks.append(no_process_left())
    with pytest.raises(BlockingIOError):
        await supervisor.roll("leader", overlap_s=0)
    assert supervisor.pids["leader"] == pid
    assert is_alive(pid)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: supervisor.pids["leader"] != pid)


async def test_one_that_does_not_end_keeps_no_other_from_its_end(
    supervisor: Supervisor, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("stuck", "drainer"):
        await supervisor.begin(part(name, DRAINS))
    await until(lambda: len(said) == 2)
    pids, end = supervisor.pids, supervisor.end

    async def ended(name: str) -> int:
        if name == "stuck":
            raise TimeoutError("stuck does not end")
        return await end(name)

    with monkeypatch.context() as broken:
        broken.setattr(supervisor, "end", ended)
        with pytest.raises(TimeoutError, match="stuck"):
            await supervisor.stop()
    assert [is_alive(pids[name]) for name in ("stuck", "drainer")] == [True, False]


async def test_what_says_that_it_does_not_live_is_started_anew(
    supervisor: Supervisor, said: list[str]
) -> None:
    async def first_only(_: bool) -> bool:
        return len(said) != 1

    await supervisor.begin(part("sick", DRAINS, lives=first_only))
    pid = supervisor.pids["sick"]
    await until(lambda: supervisor.pids["sick"] != pid)
    assert not is_alive(pid)
    await until(lambda: said == [f"sick| {line}\n" for line in ("ready", "drained", "ready")])


async def test_c1_a_look_that_fails_is_not_the_last_one(supervisor: Supervisor) -> None:
    looks = 0

    async def fails(_: bool) -> bool:
        nonlocal looks
        looks += 1
        raise http.client.BadStatusLine("what is this")

    with capture_logs() as logs:
        await supervisor.begin(part("odd", WAITS, lives=fails))
        pid = supervisor.pids["odd"]
        await until(lambda: looks >= 2)
    assert {line["event"] for line in logs} == {"part_not_kept"}
    assert is_alive(pid)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: supervisor.pids["odd"] != pid)


async def test_c1_one_that_does_not_end_even_when_killed_is_started_anew_once_it_has(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that the kernel holds in a call to a disk."""
    tried = asyncio.Event()

    async def stuck(running: Any, _: signal.Signals) -> int:
        tried.set()
        raise TimeoutError(f"{running.part.name} does not end")

    with monkeypatch.context() as kernel:
        kernel.setattr(supervisor, "_ended", stuck)
        await supervisor.begin(part("stuck", WAITS, lives=never))
        pid = supervisor.pids["stuck"]
        await asyncio.wait_for(tried.wait(), 20)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: supervisor.pids["stuck"] != pid)


async def test_what_is_started_in_a_wrong_way_is_not_waited_for(supervisor: Supervisor) -> None:
    program = "import sys; print('nova: NOVA_PORT is wrong'); sys.exit(2)"
    await supervisor.begin(part("wrong", program, never))
    with pytest.raises(PartEnded, match=r"^wrong ended with exit code 2: NOVA_PORT is wrong$"):
        await supervisor.ready("wrong", within_s=60)


async def test_what_was_ended_stays_ended_and_can_begin_anew(supervisor: Supervisor, said: list[str]) -> None:
    await supervisor.begin(part("drainer", DRAINS))
    await until(lambda: "drainer| ready\n" in said)
    assert await supervisor.end("drainer") == 0
    assert said[-1] == "drainer| drained\n", "its last words are written too"
    assert supervisor.pids == {}
    assert not await supervisor.serves("drainer")
    await supervisor.begin(supervisor.parts["drainer"])
    assert await supervisor.end("drainer", signal.SIGKILL) == -signal.SIGKILL


async def test_what_does_not_drain_is_killed(supervisor: Supervisor, said: list[str]) -> None:
    await supervisor.begin(part("stayer", STAYS))
    await until(lambda: "stayer| ready\n" in said)
    assert await supervisor.end("stayer") == -signal.SIGKILL


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
    assert supervisor.pids["leader"] == pid
    assert is_alive(pid)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: supervisor.pids["leader"] != pid)


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
    assert supervisor.pids["leader"] == pid
    assert is_alive(pid)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: supervisor.pids["leader"] != pid)


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


async def test_the_first_have_ended_before_the_others_are_asked_to(
    supervisor: Supervisor, said: list[str]
) -> None:
    for name in ("room", "door"):
        await supervisor.begin(part(name, DRAINS))
    await until(lambda: len(said) == 2)
    assert await supervisor.stop(first=["door"]) == {"door": 0, "room": 0}
    assert said[2:] == ["door| drained\n", "room| drained\n"]


async def test_parts_do_not_start_from_another_thread(said: list[str]) -> None:
    refused: list[RuntimeError] = []

    def make() -> None:
        try:
            Supervisor(write=heard(said), drain_s=1)
        except RuntimeError as error:
            refused.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    assert refused


HOST = """
import asyncio, sys
from nova.app.supervisor import Part, Supervisor

async def always(_):
    return True

async def main():
    supervisor = Supervisor(write=lambda _, line: sys.stdout.write(line), drain_s=1)
    stays = (sys.executable, "-S", "-c", sys.argv[1])
    await supervisor.begin(Part(name="stayer", command=stays, environment={}, serves=always))
    print(supervisor.pids["stayer"], flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ties processes to their parent")
async def test_c2_nothing_outlives_a_supervisor_that_is_killed() -> None:
    host = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOST, STAYS, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    assert host.stdout is not None
    pid = int(await host.stdout.readline())
    assert is_alive(pid)
    host.kill()
    await host.wait()
    await until(lambda: not is_alive(pid))


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended and is not yet buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
