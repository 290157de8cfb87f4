"""The supervisor, with programs of a line each: what it starts, keeps, replaces and ends, and what outlives it."""

import asyncio
import errno
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from nova.app.supervisor import Part, Supervisor
from nova.platform.backoff import Backoff
from tests.waiting import until

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
    """What the parts have written, by line."""
    return []


@pytest.fixture
async def supervisor(said: list[str]) -> AsyncIterator[Supervisor]:
    pauses = Backoff(first_s=0.01, longest_s=0.05)
    supervisor = Supervisor(write=said.append, drain_s=0.2, grace_s=0.3, pauses=pauses)
    yield supervisor
    await supervisor.stop()


async def always(_: bool) -> bool:
    return True


async def never(_: bool) -> bool:
    return False


def part(
    name: str, program: str, serves: Callable[[bool], Awaitable[bool]] = always, *, can_move: bool = True
) -> Part:
    return Part(
        name=name,
        command=(sys.executable, "-S", "-c", program),
        environment={"PATH": os.environ["PATH"]},
        serves=serves,
        moved={"LANE": "second"} if can_move else None,
    )


async def test_each_line_is_written_with_the_name_of_its_part(
    supervisor: Supervisor, said: list[str]
) -> None:
    await supervisor.begin(part("talker", "import sys; print('one'); print('two', file=sys.stderr); input()"))
    await until(lambda: len(said) >= 2)
    assert {"talker    | one\n", "talker    | two\n"} <= set(said)


async def test_c1_who_writes_what_has_no_room_is_read_on(said: list[str]) -> None:
    """A pipe takes 64 KiB: a part that nobody reads any more would hang before its last line."""

    def write(line: str) -> None:
        if "no room" in line:
            raise OSError(errno.ENOSPC, "No space left on device")
        said.append(line)

    supervisor = Supervisor(write=write, drain_s=0.2, grace_s=0.3)
    program = (
        "for _ in range(4): print('no room' * 10_000, flush=True)\nprint('at last', flush=True); input()"
    )
    await supervisor.begin(part("talker", program))
    await until(lambda: "talker    | at last\n" in said)
    await supervisor.stop()


async def test_what_ends_by_itself_is_started_again_and_again(
    supervisor: Supervisor, said: list[str]
) -> None:
    await supervisor.begin(part("mortal", "print('born')"))
    await until(lambda: said.count("mortal    | born\n") >= 3)


async def test_what_was_ended_stays_ended_and_can_begin_anew(supervisor: Supervisor, said: list[str]) -> None:
    await supervisor.begin(part("drainer", DRAINS))
    await until(lambda: "drainer   | ready\n" in said)
    assert await supervisor.end("drainer") == 0
    assert said[-1] == "drainer   | drained\n", "its last words are written too"
    assert supervisor.pids == {}
    assert not await supervisor.serves("drainer")
    await supervisor.begin(supervisor.parts["drainer"])
    assert await supervisor.end("drainer", signal.SIGKILL) == -signal.SIGKILL


async def test_what_does_not_drain_is_killed(supervisor: Supervisor, said: list[str]) -> None:
    await supervisor.begin(part("stayer", STAYS))
    await until(lambda: "stayer    | ready\n" in said)
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
        return said == [f"mover     | lane {lane}\n" for lane in lanes]

    for lanes in (["first"], ["first", "second"], ["first", "second", "first"]):
        if pids:
            await supervisor.roll("mover", overlap_s=0)
        pids.append(supervisor.pids["mover"])
        await until(partial(has_told, lanes))
    assert [is_alive(pid) for pid in pids] == [False, False, True]
    assert asked == [True, False]


async def test_a_replacement_that_does_not_serve_takes_nothing_over(supervisor: Supervisor) -> None:
    await supervisor.begin(part("leader", WAITS, never))
    pid = supervisor.pids["leader"]
    with pytest.raises(TimeoutError):
        await supervisor.roll("leader", overlap_s=0)
    assert supervisor.pids["leader"] == pid
    assert is_alive(pid)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: supervisor.pids["leader"] != pid)


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
    assert said[2:] == ["door      | drained\n", "room      | drained\n"]


async def test_parts_do_not_start_from_another_thread(said: list[str]) -> None:
    refused: list[RuntimeError] = []

    def make() -> None:
        try:
            Supervisor(write=said.append, drain_s=1)
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
    supervisor = Supervisor(write=sys.stdout.write, drain_s=1)
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
