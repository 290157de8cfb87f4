"""Servers of the user's own: used, never started or stopped, each role with a password."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio

from nova.app.engines.addresses import for_role
from nova.app.engines.embedded import Engines
from nova.app.engines.errors import EngineUnsafe, RightsMissing

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


async def test_one_password_can_be_given_for_all(data: Path, server: Engines) -> None:
    url = server.postgres_dsn(database="postgres")
    async with Engines(
        data, rooms=("feed",), postgres_url=url, redis_url=server.redis_url, role_password="p@ss:w/rd"
    ) as engines:
        assert await who(engines.room_dsn("feed")) == ("nova_feed", "feed", "nova")
        assert not engines.folder.secrets.exists()


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
