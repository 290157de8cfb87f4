"""How `nova up` ends, and where it does not start: nothing left behind, one sentence that says what to do."""

import json
import re
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from nova.app.ports import free_port
from nova.app.processes import RELAY
from nova.app.rooms import ROOMS
from tests.chaos.upped import Upped, alive, family
from tests.waiting import until

pytestmark = pytest.mark.timeout(180)

FAILED = 1
PARTS = (*ROOMS, RELAY, "gateway")


@pytest.fixture
async def upped(tmp_path: Path) -> AsyncIterator[Upped]:
    up = Upped(tmp_path / "data", free_port())
    yield up
    up.stop_now()


def run_folder(upped: Upped) -> Path | None:
    """Return where the sockets lie, as the lock file says."""
    run = json.loads((upped.data / "nova.lock").read_text() or "{}").get("run")
    return None if run is None else Path(run)


def assert_nothing_is_left(upped: Upped, pids: list[int], sockets: Path) -> None:
    assert alive(pids) == []
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", upped.port)):
        pass
    assert not sockets.exists()
    assert run_folder(upped) is None
    assert not (upped.data / "instance.json").exists()
    assert not (upped.data / "postgres" / "postmaster.pid").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_asked_for_end_leaves_no_process_port_or_socket(
    upped: Upped, number: signal.Signals
) -> None:
    await upped.begin()
    said = await upped.ready()
    assert said["pid"] == upped.process.pid
    pids, sockets = list(family(upped.process.pid)), run_folder(upped)
    assert pids
    assert sockets is not None
    assert any(path.is_socket() for path in sockets.iterdir())
    async with httpx.AsyncClient() as client:  # a connection that stays open does not hold it up
        assert (await client.get(f"{upped.url}/livez")).status_code == 200
        assert await upped.interrupt(number) == 0
    assert_nothing_is_left(upped, pids, sockets)


@pytest.mark.long
async def test_c2_processes_of_rooms_end_with_the_one_that_was_started(upped: Upped) -> None:
    """Killed, it takes them along at once; asked to, it ends them in good order."""
    await upped.begin("--processes")
    await upped.ready()
    pids = list(family(upped.process.pid))
    assert len(pids) > len(PARTS)
    await upped.kill()
    await until(lambda: alive(pids) == [], within_s=20)
    await upped.begin("--processes")
    said = await upped.ready()
    assert said["pid"] == upped.process.pid
    pids, sockets = list(family(upped.process.pid)), run_folder(upped)
    assert sockets is not None
    log = upped.data / "logs" / "nova.log"
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{upped.url}/readyz")).status_code == 200
        assert await upped.interrupt() == 0
    assert_nothing_is_left(upped, pids, sockets)
    assert "part_ended_badly" not in log.read_text()


async def test_an_end_while_it_starts_leaves_nothing_either(upped: Upped) -> None:
    await upped.begin()
    await until((upped.data / "postgres" / "postmaster.pid").exists, within_s=60)
    pids, sockets = list(family(upped.process.pid)), run_folder(upped)
    assert sockets is not None
    assert await upped.interrupt() in {0, 130}
    assert_nothing_is_left(upped, pids, sockets)


async def test_c2_a_kill_leaves_no_engine_and_the_next_start_clears_the_rest(upped: Upped) -> None:
    await upped.begin()
    await upped.ready()
    pids, sockets = list(family(upped.process.pid)), run_folder(upped)
    assert sockets is not None
    await upped.kill()
    await until(lambda: alive(pids) == [], within_s=20)
    await upped.begin()
    assert (await upped.ready())["started_s"] <= 15
    assert not sockets.exists()
    assert await upped.interrupt() == 0


async def test_c1_a_second_up_on_one_folder_says_who_holds_it(upped: Upped) -> None:
    await upped.begin()
    await upped.ready()
    second = Upped(upped.data, free_port())
    code, told = await second.refusal()
    assert code == FAILED
    assert f"pid {upped.process.pid}" in told
    assert f"kill {upped.process.pid}" in told
    assert_one_sentence(told)
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{upped.url}/readyz")).status_code == 200
    assert await upped.interrupt() == 0


async def test_c1_a_busy_port_is_named_and_nothing_is_left(upped: Upped) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", upped.port))
        holder.listen()
        code, told = await upped.refusal()
    assert code == FAILED
    assert str(upped.port) in told
    assert "--port" in told
    assert_one_sentence(told)
    assert run_folder(upped) is None
    assert not (upped.data / "postgres" / "postmaster.pid").exists()


def assert_one_sentence(told: str) -> None:
    """A person reads it: a line that begins with `nova:` and ends with a stop, and no traceback."""
    assert re.fullmatch(r"nova: [^\n]+\.\n", told), told
