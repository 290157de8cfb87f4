"""Reads, transactions, hooks and failures of one room's database."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg
import asyncpg.pool
import pytest

from nova.platform.db.database import Database, DatabaseConfig
from nova.platform.db.failures import DatabaseDown, PoolExhausted, StatementTimeout, WriteConflict
from nova.platform.db.tx import Tx
from nova.platform.errors import Internal, Timeout, Unavailable
from nova.platform.events import Event
from nova.platform.ids import uuid7
from nova.platform.rpc.context import CallContext, entered
from tests.scratch import EffectTx, Scratch
from tests.waiting import until


def event(key: bytes = b"k", topic: str = "test.thing.done") -> Event:
    return Event(id=uuid7(), topic=topic, key=key, payload=b"p", emitted_at=datetime.now(UTC))


async def effects(database: Database) -> int:
    return int(await database.primary.fetchval("SELECT count(*) FROM effects"))


async def test_what_the_block_did_is_committed_with_its_events(scratch: Scratch) -> None:
    database = await scratch.database()
    sent = [event(b"a"), event(b"b")]
    with entered(CallContext(correlation_id="c-1")):
        async with database.transaction(EffectTx) as tx:
            assert await tx.add_effect(sent[0].id)
            for one in sent:
                tx.emit(one)
    rows = await database.fetch("SELECT id, key, headers FROM outbox ORDER BY seq")
    assert [(row["id"], row["key"]) for row in rows] == [(one.id, one.key) for one in sent]
    assert rows[0]["headers"] == '{"correlation_id":"c-1"}'
    assert await effects(database) == 1


async def test_a_failure_keeps_neither_effect_nor_event_nor_hook(scratch: Scratch) -> None:
    database = await scratch.database()
    called: list[str] = []

    async def fail() -> None:
        async with database.transaction(EffectTx) as tx:
            await tx.add_effect(uuid7())
            tx.emit(event())
            tx.after_commit(lambda: called.append("hook"))
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await fail()
    assert await effects(database) == 0
    assert await database.fetchval("SELECT count(*) FROM outbox") == 0
    assert called == []


async def test_hooks_run_after_the_commit_and_their_failure_changes_nothing(scratch: Scratch) -> None:
    database = await scratch.database()
    seen: list[int] = []

    async def look() -> None:
        seen.append(await effects(database))

    def broken() -> None:
        raise OSError("cache is down")

    async with database.transaction(EffectTx) as tx:
        await tx.add_effect(uuid7())
        tx.after_commit(broken)
        tx.after_commit(look)
    assert seen == [1]


async def test_the_outbox_bell_rings_once_the_event_can_be_seen(scratch: Scratch) -> None:
    database = await scratch.database()
    with database.bell.listen(f"outbox:{database.room}") as ear:
        async with database.transaction(Tx) as tx:
            tx.emit(event())
            assert not ear._event.is_set()
        assert ear._event.is_set()


async def test_an_error_that_was_swallowed_inside_is_not_taken_for_a_commit(scratch: Scratch) -> None:
    database = await scratch.database()

    async def swallow() -> None:
        async with database.transaction(EffectTx) as tx:
            await tx.add_effect(uuid7())
            with pytest.raises(asyncpg.UndefinedTableError):
                await tx.execute("INSERT INTO nowhere VALUES (1)")

    with pytest.raises(Internal):
        await swallow()
    assert await effects(database) == 0


async def test_constraints_stay_the_stores_own_matter(scratch: Scratch) -> None:
    database = await scratch.database()
    async with database.transaction(Tx) as tx:
        await tx.execute("CREATE TABLE handles (handle text PRIMARY KEY)")
        assert await tx.execute("INSERT INTO handles VALUES ('a'), ('b')") == 2
        assert await tx.execute("UPDATE handles SET handle = handle || 'x'") == 2

    async def again() -> None:
        async with database.transaction(Tx) as tx:
            await tx.execute("INSERT INTO handles VALUES ('ax')")

    with pytest.raises(asyncpg.UniqueViolationError):
        await again()


async def test_a_deadlock_is_unavailable_for_one_and_the_other_commits(scratch: Scratch) -> None:
    database = await scratch.database()
    async with database.transaction(Tx) as tx:
        await tx.execute("CREATE TABLE pairs (id int PRIMARY KEY, n int)")
        await tx.execute("INSERT INTO pairs VALUES (1, 0), (2, 0)")
    both = asyncio.Barrier(2)

    async def update(first: int, second: int) -> None:
        async with database.transaction(Tx) as tx:
            await tx.execute("UPDATE pairs SET n = n + 1 WHERE id = $1", first)
            await both.wait()
            await tx.execute("UPDATE pairs SET n = n + 1 WHERE id = $1", second)

    outcomes = await asyncio.gather(update(1, 2), update(2, 1), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "WriteConflict"]
    assert issubclass(WriteConflict, Unavailable)
    assert await database.fetchval("SELECT sum(n) FROM pairs") == 2


async def test_a_statement_ends_at_its_time_out(scratch: Scratch) -> None:
    name, dsn = await scratch.schema("slow")
    async with Database(DatabaseConfig(room=name, dsn=dsn, statement_timeout_s=0.05)) as database:
        with pytest.raises(StatementTimeout) as caught:
            await database.fetchval("SELECT pg_sleep(30)")
    assert isinstance(caught.value, Timeout)


async def test_a_pool_that_is_all_in_use_is_unavailable(scratch: Scratch) -> None:
    name, dsn = await scratch.schema("small")
    config = DatabaseConfig(room=name, dsn=dsn, pool_size=1, acquire_timeout_s=0.05)
    async with Database(config) as database, database.primary.connection():
        with pytest.raises(PoolExhausted):
            await database.fetchval("SELECT 1")


async def test_a_database_that_is_not_there_is_unavailable_and_comes_back(scratch: Scratch) -> None:
    database = Database(DatabaseConfig(room="none", dsn="postgresql://nobody@/nova?host=/nonexistent"))
    async with database:
        with pytest.raises(DatabaseDown):
            await database.fetchval("SELECT 1")
    with pytest.raises(DatabaseDown):
        await database.fetchval("SELECT 1")


async def test_a_read_is_done_again_when_its_connection_was_cut(scratch: Scratch) -> None:
    database = await scratch.database()
    admin = await scratch.admin()
    for _ in range(10):  # which earn one second read
        pid = await database.fetchval("SELECT pg_backend_pid()")
    await admin.execute("SELECT pg_terminate_backend($1)", pid)
    assert await database.fetchval("SELECT 1") == 1


async def test_a_write_whose_connection_was_cut_is_not_repeated(scratch: Scratch) -> None:
    database = await scratch.database()
    admin = await scratch.admin()

    async def write() -> None:
        async with database.transaction(EffectTx) as tx:
            await tx.add_effect(uuid7())
            pid = await tx.fetchval("SELECT pg_backend_pid()")
            await admin.execute("SELECT pg_terminate_backend($1, 5000)", pid)
            await tx.add_effect(uuid7())

    with pytest.raises(DatabaseDown):
        await write()
    assert await effects(database) == 0


async def test_a_connection_that_is_lost_after_the_commit_does_not_make_it_a_failure(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = await scratch.database()
    release = asyncpg.pool.Pool.release
    cut = asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    async def lose(self: Any, connection: Any, **how: Any) -> None:
        await release(self, connection, **how)
        raise cut

    monkeypatch.setattr(asyncpg.pool.Pool, "release", lose)
    async with database.transaction(EffectTx) as tx:
        await tx.add_effect(uuid7())
    monkeypatch.undo()
    assert await effects(database) == 1


async def test_a_replica_that_is_down_is_replaced_by_the_primary(scratch: Scratch) -> None:
    name, dsn = await scratch.schema("split")
    gone = "postgresql://nobody@/nova?host=/nonexistent"
    async with Database(DatabaseConfig(room=name, dsn=dsn, replica_dsn=gone)) as database:
        assert await database.fetchval("SELECT 7") == 7


async def test_a_caller_who_leaves_during_the_body_takes_the_transaction_along(scratch: Scratch) -> None:
    database = await scratch.database()
    inside = asyncio.Event()

    async def work() -> None:
        async with database.transaction(EffectTx) as tx:
            await tx.add_effect(uuid7())
            inside.set()
            await tx.fetchval("SELECT pg_sleep(30)")

    task = asyncio.create_task(work())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await effects(database) == 0
    admin = await scratch.admin()

    async def all_ended() -> bool:
        """Whether the server works on nothing of this room: well before the statement's 30 s are over."""
        active = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND state = 'active'"
        return bool(await admin.fetchval(active, f"nova-{database.room}") == 0)

    await until(all_ended)


@pytest.mark.parametrize("begins", [(), ("BEGIN",)], ids=["alone", "in a transaction"])
@pytest.mark.parametrize("leaves", [asyncio.CancelledError, asyncpg.DataError])
async def test_a_statement_that_was_prepared_and_never_run_keeps_nobody_busy(
    scratch: Scratch, leaves: type[BaseException], begins: Sequence[str]
) -> None:
    database = await scratch.database()

    async def work() -> None:
        async with database.primary.connection() as connection:
            for statement in begins:
                await connection.execute(statement)
            await connection.prepare("SELECT 1")
            raise leaves

    with pytest.raises(leaves):
        await work()
    admin = await scratch.admin()

    async def all_idle() -> bool:
        busy = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND state <> 'idle'"
        return bool(await admin.fetchval(busy, f"nova-{database.room}") == 0)

    await until(all_idle, within_s=2.0)  # well before the statement's time is over


@pytest.mark.parametrize("kind", ["read", "transaction"])
async def test_a_caller_who_leaves_does_not_wait_for_a_server_that_hangs(scratch: Scratch, kind: str) -> None:
    database = await scratch.database()
    pids: list[int] = []

    async def hang(fetchval: Callable[[str], Awaitable[Any]], limit: asyncio.Timeout) -> None:
        pids.append(await fetchval("SELECT pg_backend_pid()"))
        os.kill(pids[0], signal.SIGSTOP)
        limit.reschedule(asyncio.get_running_loop().time())
        await fetchval("SELECT 1")

    async def work() -> None:
        async with asyncio.timeout(None) as limit:
            if kind == "read":
                async with database.primary.connection() as connection:
                    await hang(connection.fetchval, limit)
            async with database.transaction(EffectTx) as tx:
                await tx.add_effect(uuid7())
                await hang(tx.fetchval, limit)

    try:
        with pytest.raises(TimeoutError):
            await work()
        assert await effects(database) == 0, "others get another connection"
    finally:
        os.kill(pids[0], signal.SIGCONT)
    admin = await scratch.admin()

    async def all_idle() -> bool:
        busy = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND state <> 'idle'"
        return bool(await admin.fetchval(busy, f"nova-{database.room}") == 0)

    await until(all_idle)
    assert await effects(database) == 0


async def test_rooms_are_denied_each_others_tables(scratch: Scratch) -> None:
    mine, yours = await scratch.database(), await scratch.database()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await mine.fetch(f"SELECT * FROM {yours.room}.outbox")


async def test_the_sessions_carry_the_houses_settings(scratch: Scratch) -> None:
    database = await scratch.database()
    row = await database.fetchrow(
        "SELECT current_setting('statement_timeout') AS statement, current_setting('jit') AS jit,"
        " current_setting('idle_in_transaction_session_timeout') AS idle"
    )
    assert row is not None
    assert dict(row) == {"statement": "5s", "jit": "off", "idle": "30s"}
    connection = await asyncpg.connect(scratch.engines.room_dsn(database.room))
    assert await connection.fetchval("SELECT current_setting('statement_timeout')") == "5s"
    await connection.close()
