"""A start gives engines that keep what they acknowledge; a stop leaves nothing."""

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio

from nova.app.engines.embedded import Engines
from nova.app.engines.folder import DataFolder, fits
from nova.app.engines.postgres_find import OLDEST_MAJOR, candidates, examine

Living = Callable[[], list[int]]


async def test_a_stop_leaves_no_process_and_no_socket(data: Path, living: Living) -> None:
    async with Engines(data) as engines:
        assert set(engines.pids.values()) < set(living())
        run = engines.folder.run
        assert run.stat().st_mode & 0o777 == 0o700
        assert {".s.PGSQL.5432", "valkey.sock"} <= {path.name for path in run.iterdir()}
    assert living() == []
    assert not run.exists()
    assert not (data / "postgres/postmaster.pid").exists()


async def test_a_second_start_finds_what_the_first_kept(data: Path) -> None:
    async with Engines(data, rooms=("feed",)) as engines:
        connection = await asyncpg.connect(engines.room_dsn("feed"))
        await connection.execute("create table kept as select 42 as answer")
        await connection.close()
        async with redis.asyncio.Redis.from_url(engines.redis_url) as client:
            await client.set("answer", 42)
    async with Engines(data, rooms=("feed", "user")) as engines:
        connection = await asyncpg.connect(engines.room_dsn("feed"))
        assert await connection.fetchval("select answer from kept") == 42
        await connection.close()
        async with redis.asyncio.Redis.from_url(engines.redis_url) as client:
            assert await client.get("answer") == b"42"


async def test_postgres_keeps_what_it_acknowledges_and_hears_its_socket_only(postgres: str) -> None:
    wanted = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "wal_level": "logical",
        "listen_addresses": "",
        "jit": "off",
        "server_encoding": "UTF8",
        "data_checksums": "on",
        "TimeZone": "UTC",
    }
    connection = await asyncpg.connect(postgres)
    try:
        rows = await connection.fetch("select name, setting from pg_settings where name = any($1)", [*wanted])
        assert {row["name"]: row["setting"] for row in rows} == wanted
    finally:
        await connection.close()


async def test_text_sorts_by_code_point_and_chinese_has_trigrams(postgres: str) -> None:
    connection = await asyncpg.connect(postgres)
    try:
        words = await connection.fetch("select w from unnest(array['b', 'Z', 'é', 'a']) w order by w")
        assert [row["w"] for row in words] == ["Z", "a", "b", "é"]
        assert await connection.fetchval("select upper('straße é')") == "STRASSE É".replace("SS", "ß")
        async with connection.transaction():
            await connection.execute("create extension if not exists pg_trgm")
            assert await connection.fetchval("select cardinality(show_trgm('你好世界'))") > 0
    finally:
        await connection.close()


async def test_valkey_appends_each_second_and_hears_its_socket_only(redis_url: str) -> None:
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        settings = await client.config_get("appendonly", "appendfsync", "port", "unixsocketperm")
    assert settings == {"appendonly": "yes", "appendfsync": "everysec", "port": "0", "unixsocketperm": "700"}


async def test_people_s_words_stay_out_of_the_servers_log(engines: Engines) -> None:
    connection = await asyncpg.connect(engines.postgres_dsn())
    try:
        with pytest.raises(asyncpg.DataError):
            await connection.execute("select 'planted-secret-9d2f'::int")
    finally:
        await connection.close()
    assert "planted-secret-9d2f" not in engines.folder.log("postgres").read_text()


async def test_the_environment_of_another_postgres_does_not_matter(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGDATA": "/nowhere", "PGPORT": "1", "PGOPTIONS": "-c fsync=off"}.items():
        monkeypatch.setenv(name, value)
    async with Engines(data) as engines:
        assert (engines.folder.run / ".s.PGSQL.5432").exists()


async def test_engines_do_not_start_from_a_thread_that_may_end(data: Path) -> None:
    def elsewhere() -> BaseException | None:
        async def start() -> None:
            async with Engines(data):
                pass

        with pytest.raises(RuntimeError, match="main thread") as caught:
            asyncio.run(start())
        return caught.value

    assert threading.current_thread() is threading.main_thread()
    assert isinstance(await asyncio.to_thread(elsewhere), RuntimeError)


def test_a_log_that_has_grown_is_put_aside(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nova.app.engines.folder.LOG_LIMIT_BYTES", 3)
    with DataFolder(data) as folder:
        folder.log("postgres").write_text("long")
        assert not folder.log("postgres").exists()
        assert (data / "logs/postgres.log.1").read_text() == "long"


def test_sockets_live_where_their_path_fits(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = data.with_name("d" * 100)
    deep.mkdir()
    assert not fits(deep)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    with DataFolder(data) as folder:
        assert not folder.run.is_relative_to(deep)
        assert len(os.fsencode(folder.run / ".s.PGSQL.5432")) <= 107


FOUND = [examine(source, folder) for source, folder in candidates() if source == "system"]
SYSTEM = {programs.major for programs in FOUND if programs}


@pytest.mark.skipif(not SYSTEM, reason=f"no PostgreSQL {OLDEST_MAJOR} or later comes with this system")
async def test_a_systems_postgres_is_used_without_a_wheel_and_kept_with_it(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without_wheels:
        without_wheels.setattr("nova.app.engines.postgres_find.WHEELS", ())
        async with Engines(data, rooms=("user",)) as engines:
            connection = await asyncpg.connect(engines.room_dsn("user"))
            first = connection.get_server_version().major
            assert await connection.fetchval("select current_setting('lc_ctype')") == "C.UTF-8"
            await connection.close()
    assert first in SYSTEM
    # The wheel's version is another one: the cluster stays with the version that made it.
    async with Engines(data) as engines:
        connection = await asyncpg.connect(engines.postgres_dsn())
        assert connection.get_server_version().major == first
        await connection.close()
