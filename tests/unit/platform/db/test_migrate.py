"""Migrations: applied once, in order, under the room's role, and taken back."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from nova.platform.db.migrate import Migrations
from nova.platform.db.script import BadMigration, statements
from tests.scratch import Scratch, write_migrations

LIKES = "CREATE TABLE likes (id int PRIMARY KEY);\n-- down:\nDROP TABLE likes;\n"
NOTES = "ALTER TABLE likes ADD COLUMN note text;\n-- down:\nALTER TABLE likes DROP COLUMN note;\n"
INDEX = """-- no transaction
CREATE INDEX CONCURRENTLY likes_note ON likes (note);
-- down:
DROP INDEX CONCURRENTLY likes_note;
"""
CLEAN = "DROP INDEX likes_note;\n-- down:\nCREATE INDEX likes_note ON likes (note);\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_migrations(
        tmp_path / "migrations",
        {"0001_likes.expand.sql": LIKES, "0002_notes.expand.sql": NOTES, "0003_index.expand.sql": INDEX,
         "0004_clean.contract.sql": CLEAN},
    )  # fmt: skip


async def tables(dsn: str) -> set[str]:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'"
    )
    await connection.close()
    return {row["relname"] for row in rows} - {"schema_migrations"}


async def test_all_files_are_applied_once_and_taken_back_one_by_one(scratch: Scratch, folder: Path) -> None:
    room, dsn = await scratch.schema("room")
    migrations = Migrations(dsn=dsn, room=room, folder=folder)
    applied = await migrations.apply()
    assert applied[0] == "0000_platform.expand"
    assert applied[1:] == [
        "0001_likes.expand",
        "0002_notes.expand",
        "0003_index.expand",
        "0004_clean.contract",
    ]
    assert await migrations.apply() == []
    assert {"likes", "outbox", "processed_events", "idempotency_keys"} <= await tables(dsn)
    assert await migrations.rollback(2) == ["0004_clean.contract", "0003_index.expand"]
    assert await migrations.pending() == ["0003_index.expand", "0004_clean.contract"]
    assert await migrations.apply() == ["0003_index.expand", "0004_clean.contract"]
    assert len(await migrations.rollback(9)) == 5
    assert await tables(dsn) == set()


async def test_the_expand_phase_stops_before_the_first_contraction(scratch: Scratch, folder: Path) -> None:
    room, dsn = await scratch.schema("room")
    migrations = Migrations(dsn=dsn, room=room, folder=folder)
    await migrations.apply(to=1)
    assert await migrations.apply(phase="expand") == ["0002_notes.expand", "0003_index.expand"]
    assert await migrations.apply() == ["0004_clean.contract"]


async def test_hosts_that_start_together_apply_each_file_once(scratch: Scratch, folder: Path) -> None:
    room, dsn = await scratch.schema("room")
    applied = await asyncio.gather(*(Migrations(dsn=dsn, room=room, folder=folder).apply() for _ in range(4)))
    assert sorted(len(labels) for labels in applied) == [0, 0, 0, 5]


async def test_a_file_that_fails_leaves_nothing_behind(scratch: Scratch, tmp_path: Path) -> None:
    room, dsn = await scratch.schema("room")
    broken = "CREATE TABLE half (id int); CREATE TABLE half (id int);\n-- down:\nDROP TABLE half;"
    migrations = Migrations(
        dsn=dsn, room=room, folder=write_migrations(tmp_path / "m", {"0001_half.expand.sql": broken})
    )
    with pytest.raises(asyncpg.DuplicateTableError):
        await migrations.apply()
    assert "half" not in await tables(dsn)
    assert await migrations.pending() == ["0001_half.expand"]


async def test_a_file_that_was_changed_after_it_was_applied_is_refused(
    scratch: Scratch, folder: Path
) -> None:
    room, dsn = await scratch.schema("room")
    migrations = Migrations(dsn=dsn, room=room, folder=folder)
    await migrations.apply()
    (folder / "0001_likes.expand.sql").write_text(LIKES.replace("int", "bigint"))
    with pytest.raises(BadMigration, match="was changed"):
        await migrations.apply()


async def test_old_code_starts_on_a_newer_schema(scratch: Scratch, folder: Path) -> None:
    room, dsn = await scratch.schema("room")
    await Migrations(dsn=dsn, room=room, folder=folder).apply()
    (folder / "0004_clean.contract.sql").unlink()
    assert await Migrations(dsn=dsn, room=room, folder=folder).apply() == []


async def test_a_migration_waits_for_traffic_instead_of_standing_in_its_way(
    scratch: Scratch, folder: Path
) -> None:
    room, dsn = await scratch.schema("room")
    migrations = Migrations(dsn=dsn, room=room, folder=folder, lock_timeout_s=0.05)
    await migrations.apply(to=1)
    connection = await asyncpg.connect(dsn)
    reader = connection.transaction()
    await reader.start()
    await connection.fetch("SELECT * FROM likes")
    task = asyncio.create_task(migrations.apply())
    admin = await scratch.admin()
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = $1::regclass"
    async with asyncio.timeout(10):
        while await admin.fetchval(waits, f"{room}.likes") == 0:
            pass
    # While the migration asks for its lock, it does so briefly: other readers get through between its tries.
    other = await asyncpg.connect(dsn)
    await other.fetch("SELECT * FROM likes")
    await other.close()
    await reader.rollback()
    assert "0002_notes.expand" in await task
    await connection.close()


@pytest.mark.parametrize(
    "names",
    [["0001_a.expand.sql", "0001_b.expand.sql"], ["likes.sql"], ["0001_likes.sql"], ["0000_mine.expand.sql"]],
)
async def test_names_and_numbers_are_held_to_the_rule(
    scratch: Scratch, tmp_path: Path, names: list[str]
) -> None:
    room, dsn = await scratch.schema("room")
    folder = write_migrations(tmp_path / "m", dict.fromkeys(names, LIKES))
    with pytest.raises(BadMigration):
        await Migrations(dsn=dsn, room=room, folder=folder).apply()


def test_statements_end_at_semicolons_that_are_code() -> None:
    script = """
    -- a comment; with one
    INSERT INTO t VALUES ('a;b', E'it\\'s; so', "odd;name");
    CREATE FUNCTION f() RETURNS int AS $body$ SELECT 1; $body$ LANGUAGE sql; /* ; */
    SELECT 1
    """
    assert [statement.split(maxsplit=1)[0] for statement in statements(script)[1:]] == ["CREATE", "/*"]
    assert len(statements(script)) == 3
