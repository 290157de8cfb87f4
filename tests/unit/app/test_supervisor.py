"""The supervisor, with programs of a line each: what it starts, keeps, replaces and ends, and what outlives it."""

import asyncio
import errno
import http.client
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from nova.app.supervisor import PartEnded, Supervisor
from tests.unit.app.programs import DRAINS, STAYS, WAITS, heard, is_alive, never, no_process_left, part
from tests.waiting import until


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
