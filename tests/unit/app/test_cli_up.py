"""`nova up`: what it says, what it refuses, and that it leaves nothing behind."""

import asyncio
import json
import re
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from nova.app.engines.leftovers import living_in
from nova.app.ports import free_range
from nova.app.processes import all_ports
from tests.unit.app.commands import COMMAND, Commands
from tests.waiting import until

# After the steps that were begun; no traceback.
ONE_SENTENCE = re.compile(r"(?:[A-Z][^\n]+ …\n)*nova: [^\n]+\.\n")


def engines_of(commands: Commands) -> list[int]:
    """The processes of engines that still work in the data folder."""
    folders = {"postgres": "postmaster.pid", "valkey": "valkey.pid"}
    return [
        pid
        for name, file in folders.items()
        for pid in living_in(commands.data / name, commands.data / name / file)
    ]


async def test_its_line_is_the_contract(nova: Commands, nowhere: Commands) -> None:
    async with nowhere.up("--world", "none") as said:
        assert said["ready"]
        assert said["graphql"].endswith("/graphql")
        assert said["playground"] == said["graphql"].replace("/graphql", "/playground")
        assert said["users"] == []
        assert said["data"] == str(nowhere.data)
        assert said["pid"] == nowhere.instance.pid != nova.instance.pid
        assert said["started_s"] > 0
        async with httpx.AsyncClient() as client:
            assert (await client.get(said["playground"])).status_code == 200


async def test_a_second_start_keeps_the_data(nowhere: Commands) -> None:
    async with nowhere.up("--world", "none"):
        await nowhere.sign_up("somebody_kept")
    async with nowhere.up("--world", "none"):
        assert (await nowhere("token", "somebody_kept")).code == 0


async def test_c1_a_second_nova_on_the_folder_is_refused(nova: Commands) -> None:
    refused = await nova("up", "--port", "0")
    assert refused.code == 1
    assert f"kill {nova.instance.pid}" in refused.err
    assert ONE_SENTENCE.fullmatch(refused.err)
    assert (await nova("status")).code == 0


async def test_c1_a_busy_port_is_refused(nowhere: Commands) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        refused = await nowhere("up", "--port", port, "--world", "none")
    assert refused.code == 1
    assert f"127.0.0.1:{port}" in refused.err
    assert "--port" in refused.err
    assert ONE_SENTENCE.fullmatch(refused.err)
    assert engines_of(nowhere) == []


@pytest.mark.parametrize("offset", [4, 15 + 4], ids=["its own", "its spare"])
async def test_c1_a_busy_port_of_a_room_is_refused(nowhere: Commands, offset: int) -> None:
    base = free_range(all_ports())
    with socket.create_server(("127.0.0.1", base + offset)):
        settings = {"NOVA_GRPC_PORT_BASE": str(base)}
        refused = await nowhere("up", "--processes", "--port", "0", "--world", "none", **settings)
    assert refused.code == 1
    assert f"127.0.0.1:{base + offset}" in refused.err
    assert "NOVA_GRPC_PORT_BASE" in refused.err
    assert ONE_SENTENCE.fullmatch(refused.err)
    assert engines_of(nowhere) == []


async def test_rooms_listen_in_plain_text_on_the_loopback_alone(nowhere: Commands) -> None:
    refused = await nowhere("up", "--listen", "--world", "none", NOVA_GRPC_HOST="0.0.0.0")
    assert (refused.code, "stay on the loopback" in refused.err) == (2, True)
    refused = await nowhere("up", "--listen", "--world", "none", NOVA_ENVIRONMENT="production")
    assert refused.code == 2
    refused = await nowhere("up", "--listen", "--processes")
    assert (refused.code, "mutual TLS" in refused.err) == (2, True)
    assert engines_of(nowhere) == []


@pytest.fixture
def short_path() -> Iterator[Path]:
    """An empty folder whose path leaves room for the names of sockets."""
    with tempfile.TemporaryDirectory(prefix="nova-") as folder:
        yield Path(folder)


@pytest.mark.parametrize("moment", ["while it starts", "when it is ready"])
async def test_ctrl_c_leaves_nothing(nowhere: Commands, moment: str, short_path: Path) -> None:
    run = short_path
    started = await asyncio.create_subprocess_exec(
        *COMMAND, "up", "--json", "--port", "0", "--world", "none",
        env={**nowhere.environment, "XDG_RUNTIME_DIR": str(run)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    if moment == "while it starts":
        await until((nowhere.data / "postgres").exists)
    else:
        assert started.stdout is not None
        said = json.loads(await started.stdout.readline())
        assert list(run.iterdir())
    started.send_signal(signal.SIGINT)
    _, complaints = await started.communicate()
    assert (started.returncode, complaints) == (0, b"")
    assert list(run.iterdir()) == []
    assert not (nowhere.data / "instance.json").exists()
    assert engines_of(nowhere) == []
    if moment == "when it is ready":
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(said["playground"])


async def test_people_read_plain_lines(nowhere: Commands) -> None:
    started = await asyncio.create_subprocess_exec(
        *COMMAND, "up", "--port", "0", "--world", "none",
        env=nowhere.environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert started.stdout is not None
    assert (await started.stdout.readline()).startswith(b"Nova is ready in ")
    started.send_signal(signal.SIGTERM)
    told, steps = await started.communicate()
    assert b"Playground  http://127.0.0.1:" in told
    assert b"Ctrl-C ends it." in told
    assert steps.decode().splitlines() == ["Starting PostgreSQL and Valkey …", "Opening the rooms …"]
