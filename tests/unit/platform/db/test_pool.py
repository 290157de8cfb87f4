"""What a pool does while its server is away, and while the way to it is lost."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from nova.app.bench.chaos_faults import stopped
from nova.platform.clock import FixedClock
from nova.platform.db import pool
from nova.platform.db.database import Database, DatabaseConfig
from nova.platform.db.failures import CommitUnknown, ConnectionLost, DatabaseDown, PoolExhausted
from nova.platform.ids import uuid7
from nova.platform.resilience import CircuitOpen, retry_wait_s
from tests.scratch import EffectTx, Scratch
from tests.waiting import until
from tests.way import State, Way

SIZE = 8


@pytest.fixture
async def way(scratch: Scratch) -> AsyncIterator[Way]:
    async with Way(scratch.engines.postgres_dsn()).opened() as way:
        yield way


@asynccontextmanager
async def behind(way: Way, scratch: Scratch) -> AsyncIterator[tuple[Database, Database]]:
    """Yield a database by way of `way`, and the same without it."""
    direct = await scratch.database()
    config = DatabaseConfig(
        room=direct.room,
        dsn=way.to(scratch.engines.room_dsn(direct.room)),
        pool_size=SIZE,
        connect_timeout_s=0.2,
        statement_timeout_s=0.1,
    )
    async with Database(config) as database:
        yield database, direct


async def outcomes(database: Database, reads: int) -> Counter[str]:
    found = await asyncio.gather(
        *(database.fetchval("SELECT 1") for _ in range(reads)), return_exceptions=True
    )
    return Counter("answered" if one == 1 else type(one).__name__ for one in found)


async def test_reads_of_a_database_that_is_away_do_not_beset_it(
    scratch: Scratch, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever takes longer than the breaker's rest for all these reads would see it probe.
    monkeypatch.setattr(pool, "SystemClock", lambda: FixedClock(datetime.now(UTC)))
    async with behind(way, scratch) as (database, _):
        way.become(State.CLOSED)
        assert await outcomes(database, 100) == {"DatabaseDown": 100}
        assert way.tries <= SIZE, (
            "each connection that the pool may have is tried once; the others are refused"
        )


async def test_one_at_a_time_tries_a_database_that_is_away_and_all_are_back_once_it_is(
    scratch: Scratch, way: Way
) -> None:
    async with behind(way, scratch) as (database, _):
        way.become(State.CLOSED)
        await outcomes(database, 20)
        before = way.tries

        async def probed() -> bool:
            await outcomes(database, 20)
            return way.tries > before

        await until(probed)
        assert way.tries == before + 1
        way.become(State.OPEN)

        async def answered() -> bool:
            return (await outcomes(database, 1))["answered"] == 1

        await until(answered)
        assert await outcomes(database, 20) == {"answered": 20}


async def test_callers_who_left_after_a_while_have_told_that_nobody_answers(
    scratch: Scratch, way: Way
) -> None:
    async with behind(way, scratch) as (database, _):
        way.become(State.SILENT)

        async def refused() -> bool:
            try:
                async with asyncio.timeout(0.15):  # a connection gets 0.2 s
                    await database.fetchval("SELECT 1")
            except TimeoutError:
                return False
            except DatabaseDown as error:
                return isinstance(error.__cause__, CircuitOpen)
            raise AssertionError("Nobody answers there.")

        await until(refused)


async def test_second_reads_are_a_share_of_the_first(scratch: Scratch, way: Way) -> None:
    async with behind(way, scratch) as (database, _):
        for _ in range(10):
            assert await database.fetchval("SELECT 1") == 1
        for _ in range(5):
            with pytest.raises(ConnectionLost):
                await database.fetchval("SELECT pg_terminate_backend(pg_backend_pid())")
        assert way.tries == 6, "ten reads have earned one second read, not five"


async def test_a_second_read_waits_for_a_moment_of_its_own(
    scratch: Scratch, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that ends ends all its connections: those who held them would come back together."""
    waits: list[int] = []

    def wait_s(tried: int) -> float:
        waits.append(tried)
        return retry_wait_s(tried)

    monkeypatch.setattr(pool, "retry_wait_s", wait_s)
    async with behind(way, scratch) as (database, _):
        for _ in range(10):
            assert await database.fetchval("SELECT 1") == 1
        assert waits == []
        with pytest.raises(ConnectionLost):
            await database.fetchval("SELECT pg_terminate_backend(pg_backend_pid())")
        assert waits == [0]


async def test_a_read_on_a_way_that_is_lost_ends_by_itself_and_the_next_one_is_answered(
    scratch: Scratch, way: Way
) -> None:
    async with behind(way, scratch) as (database, _):
        assert await database.fetchval("SELECT 1") == 1
        way.become(State.SILENT)
        tries = way.tries
        with pytest.raises(DatabaseDown):
            await database.fetchval("SELECT 1")
        assert way.tries <= tries + 1, "asked once; what may have come since is asyncpg's cancel request"
        way.become(State.OPEN)
        assert await database.fetchval("SELECT 1") == 1


async def test_whoever_leaves_a_server_that_hangs_takes_no_connection_along(scratch: Scratch) -> None:
    room = (await scratch.database()).room
    config = DatabaseConfig(
        room=room,
        dsn=scratch.engines.room_dsn(room),
        pool_size=1,
        connect_timeout_s=0.5,
        acquire_timeout_s=0.1,
    )
    async with Database(config) as database:
        pid = await database.fetchval("SELECT pg_backend_pid()")
        with stopped(pid):
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await database.fetchval("SELECT 1")

            async def answers() -> bool:
                with suppress(DatabaseDown, PoolExhausted):
                    return bool(await database.fetchval("SELECT 1") == 1)
                return False

            await until(answers, within_s=4.0)  # before its statement's time is over


async def test_a_commit_that_the_way_swallowed_is_unknown(scratch: Scratch, way: Way) -> None:
    async with behind(way, scratch) as (database, direct):

        async def write() -> None:
            async with database.transaction(EffectTx) as tx:
                await tx.add_effect(uuid7())
                way.become(State.SILENT)

        with pytest.raises(CommitUnknown):
            await write()
        assert await direct.fetchval("SELECT count(*) FROM effects") == 0


async def test_the_system_asks_a_silent_server_whether_it_is_there(scratch: Scratch, way: Way) -> None:
    async with behind(way, scratch) as (database, _), database.primary.connection() as connection:
        link = cast("Any", connection)._transport.get_extra_info("socket")
        assert link.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 5
        assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000


async def test_a_pool_closes_on_a_way_that_is_lost(scratch: Scratch, way: Way) -> None:
    direct = await scratch.database()
    dsn = way.to(scratch.engines.room_dsn(direct.room))
    database = Database(DatabaseConfig(room=direct.room, dsn=dsn, pool_size=SIZE, statement_timeout_s=0.1))
    await database.open()
    await asyncio.gather(*(database.fetchval("SELECT pg_sleep(0.05)") for _ in range(SIZE)))
    way.become(State.SILENT)
    await database.close()
    assert await direct.fetchval("SELECT 1") == 1
