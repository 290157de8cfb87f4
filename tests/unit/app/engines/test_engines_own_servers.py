"""Servers of the user's own: used, never started or stopped, each role with a password."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest
import redis.asyncio

from nova.app import reach
from nova.app.engines.addresses import for_role, without_user
from nova.app.engines.embedded import Engines
from nova.app.engines.errors import EngineUnsafe, FolderUnusable, RightsMissing
from nova.platform.configure import load
from nova.platform.db import link

RULES = "local all nova trust\nlocal all all scram-sha-256\n"


@pytest.fixture
async def server(data: Path) -> AsyncIterator[Engines]:
    """Engines that play the user's servers: they ask all but their administrator for a password."""
    async with Engines(data.with_name("server")) as engines:
        (engines.folder.postgres / "pg_hba.conf").write_text(RULES)
        await run(engines.postgres_dsn(), "select pg_reload_conf()")
        await run(
            engines.postgres_dsn(database="postgres"), "drop database nova", "drop role nova_log, nova_relay"
        )
        yield engines


async def run(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def who(dsn: str) -> tuple[str, str, str]:
    connection = await asyncpg.connect(dsn)
    try:
        row = await connection.fetchrow("select current_user, current_schema(), current_database()")
        assert row is not None
        return tuple(row)
    finally:
        await connection.close()


async def test_rooms_sign_in_with_passwords_of_their_own(data: Path, server: Engines) -> None:
    url = server.postgres_dsn(database="postgres")
    before = server.pids
    async with Engines(data, rooms=("feed", "user"), postgres_url=url, redis_url=server.redis_url) as engines:
        assert engines.pids == {}
        assert await who(engines.room_dsn("feed")) == ("nova_feed", "feed", "nova")
        assert await who(engines.room_dsn("user")) == ("nova_user", "user", "nova")
        assert await who(engines.postgres_dsn("nova_log")) == ("nova_log", "log", "nova")
        assert (await who(engines.postgres_dsn()))[0] == "nova"
        kept = engines.room_dsn("feed")
        for password in (None, "guess"):
            with pytest.raises(asyncpg.InvalidPasswordError):
                await who(for_role(url, database="nova", role="nova_feed", password=password))
    assert server.pids == before
    async with Engines(data, rooms=("feed",), postgres_url=url, redis_url=server.redis_url) as engines:
        assert engines.room_dsn("feed") == kept
        assert await who(kept) == ("nova_feed", "feed", "nova")
        async with redis.asyncio.Redis.from_url(engines.redis_url) as client:
            assert await client.ping()


async def test_passwords_can_be_given(data: Path, server: Engines, tmp_path: Path) -> None:
    url = server.postgres_dsn(database="postgres")
    for role in ("nova_feed", "nova_log", "nova_relay"):
        (tmp_path / role).write_text(f"p@ss:w/rd of {role}\n")
    async with Engines(
        data, rooms=("feed",), postgres_url=url, redis_url=server.redis_url, passwords=tmp_path
    ) as engines:
        assert await who(engines.room_dsn("feed")) == ("nova_feed", "feed", "nova")
        assert quote("p@ss:w/rd of nova_feed", safe="") in engines.room_dsn("feed")
        assert not engines.folder.secrets.exists()
    with pytest.raises(FolderUnusable, match="no password of nova_user"):
        async with Engines(
            data, rooms=("user",), postgres_url=url, redis_url=server.redis_url, passwords=tmp_path
        ):
            pass


async def test_a_password_is_replaced_while_those_who_use_it_run(
    data: Path, server: Engines, tmp_path: Path
) -> None:
    url = server.postgres_dsn(database="postgres")

    async def set_up(feed: str) -> tuple[str, str]:
        """Set up the server with the lines of the file of feed; return feed's DSN and what the server keeps."""
        for role, lines in {"nova_feed": feed, "nova_log": "l/g", "nova_relay": "relay"}.items():
            (tmp_path / role).write_text(lines)
        async with Engines(
            data, rooms=("feed",), postgres_url=url, redis_url=server.redis_url, passwords=tmp_path
        ) as engines:
            administrator = await asyncpg.connect(url)
            kept = await administrator.fetchval(
                "select rolpassword from pg_authid where rolname = 'nova_feed'"
            )
            await administrator.close()
            return engines.room_dsn("feed"), kept

    async def enters(dsn: str) -> None:
        connection = await link.connect(dsn)
        assert await connection.fetchval("select current_user") == "nova_feed"
        await connection.close()

    old, kept = await set_up("old\n")
    both, still_kept = await set_up("old\nnew\n")
    assert still_kept == kept, "a pooler that signs in by it would be refused"
    await enters(both)
    both_anew, kept = await set_up("new\nold\n")
    assert kept != still_kept
    for dsn in (both, both_anew):
        await enters(dsn)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await enters(old)
    new, still_kept = await set_up("new\r\n")
    assert still_kept == kept
    await enters(new)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await enters(for_role(url, database="nova", role="nova_feed", password="guess\nanother guess"))


async def test_migrations_make_the_roles_of_a_server_first(data: Path, server: Engines) -> None:
    url = server.postgres_dsn(database="postgres")
    config = load({"NOVA_POSTGRES_URL": url, "NOVA_REDIS_URL": server.redis_url, "NOVA_DATA": str(data)})
    async with reach.engines(config, begin=True) as sources:
        assert await who(sources.room_dsns["feed"]) == ("nova_feed", "feed", "nova")
        assert await who(sources.log_dsn) == ("nova_log", "log", "nova")


async def test_an_administrator_need_not_be_superuser(data: Path, server: Engines) -> None:
    await run(
        server.postgres_dsn(database="postgres"), "create role boss login createdb createrole password 'pw'"
    )
    url = for_role(server.postgres_dsn(), database="postgres", role="boss", password="pw")
    for _ in range(2):
        async with Engines(
            data, rooms=("feed", "user"), postgres_url=url, redis_url=server.redis_url
        ) as engines:
            assert await who(engines.room_dsn("user")) == ("nova_user", "user", "nova")
            assert (await who(engines.postgres_dsn()))[0] == "boss"


async def test_an_administrator_without_rights_is_told_which(data: Path, server: Engines) -> None:
    await run(server.postgres_dsn(database="postgres"), "create role clerk login password 'pw'")
    url = for_role(server.postgres_dsn(), database="postgres", role="clerk", password="pw")
    with pytest.raises(RightsMissing, match="CREATEDB CREATEROLE") as caught:
        async with Engines(data, postgres_url=url, redis_url=server.redis_url):
            pass
    assert caught.value.exit_code == 1


async def test_a_server_that_loses_acknowledged_writes_is_refused(data: Path, server: Engines) -> None:
    url = server.postgres_dsn(database="postgres")
    await run(url, "alter role nova set synchronous_commit = off")
    with pytest.raises(EngineUnsafe, match="synchronous_commit=off"):
        async with Engines(data, postgres_url=url, redis_url=server.redis_url):
            pass


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://boss:old@db:5433/postgres?sslmode=require",
            "postgresql://r:p%40@db:5433/nova?sslmode=require",
        ),
        (
            "postgresql:///postgres?host=/run/pg&user=boss&password=old",
            "postgresql://r:p%40@/nova?host=/run/pg",
        ),
        ("postgres://a,b/x", "postgres://r:p%40@a,b/nova"),
    ],
)
def test_a_url_is_changed_to_a_role_wherever_it_names_one(url: str, expected: str) -> None:
    assert for_role(url, database="nova", role="r", password="p@") == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://boss:old@db:5433/postgres?sslmode=require",
            "postgresql://db:5433/postgres?sslmode=require",
        ),
        ("postgresql:///nova?host=/run/pg&user=boss&password=old", "postgresql:///nova?host=/run/pg"),
        ("postgresql://nova@/nova?host=/run/pg&port=5432", "postgresql:///nova?host=/run/pg&port=5432"),
    ],
)
def test_c4_a_place_is_told_without_who_may_enter(url: str, expected: str) -> None:
    assert without_user(url) == expected
