"""A role's password is replaced behind the PgBouncer that runs, while those who use it go on."""

import asyncpg
import pytest

from nova.app.bench.storm_ground import DATABASE, Ground, ground
from nova.app.engines.addresses import for_role
from nova.app.engines.roles import ensure_role
from nova.platform.configure import load
from nova.platform.db.database import Database, DatabaseConfig
from tests.real import ENGINES, on_real_engines

pytestmark = on_real_engines
ROLE, ROOM = "nova_storm_feed", "feed"


def room(made: Ground, passwords: str) -> Database:
    """Return the room's database through the pooler; its passwords stand in a line each."""
    dsn = for_role(made.pooler_url, database=DATABASE, role=ROLE, password=passwords)
    return Database(DatabaseConfig(room=ROOM, dsn=dsn, behind_pooler=True))


async def test_who_knows_the_next_password_too_is_let_in_before_and_after() -> None:
    async with ground(load(ENGINES), [ROOM]) as made:
        administrator = await asyncpg.connect(made.postgres_url)
        await ensure_role(administrator, ROLE, {ROLE: "before"})
        async with room(made, "before\nafter") as older, room(made, "after\nbefore") as newer:
            assert [await one.fetchval("SELECT current_user") for one in (older, newer)] == [ROLE, ROLE]
        async with room(made, "before\nafter") as older, room(made, "after\nbefore") as newer:
            assert await older.fetchval("SELECT 1") == 1
            await ensure_role(administrator, ROLE, {ROLE: "after"})
            assert await older.fetchval("SELECT 2") == 2
            assert await newer.fetchval("SELECT current_user") == ROLE
        async with room(made, "before\nafter") as late:
            assert await late.fetchval("SELECT current_user") == ROLE
        with pytest.raises(asyncpg.PostgresError):
            await asyncpg.connect(for_role(made.pooler_url, database=DATABASE, role=ROLE, password="before"))
        await administrator.close()


async def test_a_verifier_that_holds_stays_so_that_the_pooler_may_go_on_with_it() -> None:
    async with ground(load(ENGINES), [ROOM]) as made:
        administrator = await asyncpg.connect(made.postgres_url)
        await ensure_role(administrator, ROLE, {ROLE: "same"})
        async with room(made, "same") as early:
            assert await early.fetchval("SELECT 1") == 1
            await ensure_role(administrator, ROLE, {ROLE: "same"})
            # The pooler has to sign in anew, by what it knows of the password.
            await administrator.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = $1", ROLE
            )
            assert await early.fetchval("SELECT 2") == 2
        await administrator.close()
