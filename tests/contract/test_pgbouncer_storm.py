"""The PgBouncer that runs: in a small storm everybody is served, and busy rooms leave a quiet one its share."""

import asyncio
from contextlib import AsyncExitStack

import asyncpg
import pytest

from nova.app.bench import storm, storm_watch
from nova.app.bench.console import Console, ConsoleClosed
from nova.app.bench.storm_ground import DATABASE, ground
from nova.app.rooms import ROOMS
from nova.platform.configure import load
from nova.platform.db.database import Database, DatabaseConfig
from nova.platform.db.tx import Tx
from tests.real import ENGINES, on_real_engines
from tests.waiting import until

pytestmark = on_real_engines
PATIENCE_S = 60.0


async def test_everybody_is_served_and_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"CLIENTS": 90, "COPIES": 1, "SECONDS": 0.5}.items():
        monkeypatch.setattr(storm, name, value)
    monkeypatch.setattr(storm_watch, "LOOK_EVERY_S", 0.05)
    result = await storm.storm(load(ENGINES))
    found = {figure.name: figure for figure in result.figures}
    assert result.met, result.table()
    assert found["clients of PgBouncer, peak"].value == 90
    assert found["statements"].value > 90
    assert found["connections of the replica, peak"].value > 0
    assert found["  of these from PgBouncer and relays, peak"].value > 16
    assert result.machine["postgres"].endswith("max_connections 200")
    assert result.machine["pgbouncer"].endswith(
        "pool_mode transaction, max_client_conn 1000, default_pool_size 50, max_db_connections 120, "
        "max_user_connections 13"
    )
    administrator = await asyncpg.connect(ENGINES["NOVA_POSTGRES_URL"])
    left = await administrator.fetch(
        "SELECT datname::text AS name FROM pg_database WHERE datname = $1 "
        "UNION ALL SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'nova\\_storm\\_%'",
        DATABASE,
    )
    await administrator.close()
    assert left == []


class Taken:
    """Transactions of a room that stay open, as many as PgBouncer grants it."""

    def __init__(self, database: Database) -> None:
        self.count = 0
        self._database = database
        self._end = asyncio.Event()

    async def take(self) -> None:
        """Open one, and keep it until the end."""
        async with self._database.transaction(Tx):
            self.count += 1
            await self._end.wait()

    def end(self) -> None:
        """Let all of them end."""
        self._end.set()


async def test_a_room_is_served_while_all_others_take_what_they_can_get() -> None:
    share, wish = 13, 19
    async with ground(load(ENGINES), ROOMS) as made, AsyncExitStack() as stack:

        async def database(room: str) -> Database:
            settings = DatabaseConfig(
                room=room, dsn=made.pooled[room], pool_size=wish, behind_pooler=True,
                connect_timeout_s=PATIENCE_S, acquire_timeout_s=PATIENCE_S,
            )  # fmt: skip
            return await stack.enter_async_context(Database(settings))

        quiet, *stormy = [await database(room) for room in ROOMS]
        taken = [Taken(one) for one in stormy]
        async with asyncio.TaskGroup() as group:
            for one in taken:
                for _ in range(share):
                    group.create_task(one.take())
            await until(lambda: all(one.count == share for one in taken), within_s=PATIENCE_S)
            # Without a share a room has up to 50, and these would take the last of all 120.
            for one in taken:
                for _ in range(wish - share):
                    group.create_task(one.take())
            assert await quiet.fetchval("SELECT 1") == 1
            assert [one.count for one in taken] == [share] * len(taken)
            for one in taken:
                one.end()
        assert [one.count for one in taken] == [wish] * len(taken)


async def test_a_pgbouncer_that_does_not_know_who_asks_is_a_sentence() -> None:
    url = ENGINES["NOVA_POSTGRES_POOLER_URL"]
    password = url.partition("nova:")[2].partition("@")[0]
    with pytest.raises(ConsoleClosed, match="stats_users") as refused:
        await Console(url.replace(password, "wrong")).settings()
    assert password not in str(refused.value)
