"""How `nova up` ends, asked to or killed: nothing is left behind. (Ctrl-C: `tests/unit/app/test_cli_up.py`.)"""

import json
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


async def test_an_asked_for_end_leaves_no_process_port_or_socket(upped: Upped) -> None:
    await upped.begin()
    said = await upped.ready()
    assert said["pid"] == upped.process.pid
    pids, sockets = list(family(upped.process.pid)), run_folder(upped)
    assert pids
    assert sockets is not None
    assert any(path.is_socket() for path in sockets.iterdir())
    async with httpx.AsyncClient() as client:  # a connection that stays open does not hold it up
        assert (await client.get(f"{upped.url}/livez")).status_code == 200
        assert await upped.interrupt(signal.SIGTERM) == 0
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
