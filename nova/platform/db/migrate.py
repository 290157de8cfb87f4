"""Applies a room's migrations under the room's own role, and takes them back.

Every run holds an advisory lock of its schema, so that two hosts that start at once apply each file once.
Locks are asked for with a short time-out and tried again, so that a migration waits for traffic and not
traffic for it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, TypeAlias

import asyncpg
import structlog

from nova.platform.db import link
from nova.platform.db.failures import WriteConflict, translate, translated
from nova.platform.db.script import BadMigration, Migration, read_folder, statements

PLATFORM = Path(__file__).parent / "schema"
_LOCK_CLASS = 0x4E4F5641  # "NOVA"
_LOCK_TRIES = 10
_LOCK_POLL_S = 0.1

_Direct: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
_log = structlog.get_logger(__name__)

_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number     integer     PRIMARY KEY,
    label      text        NOT NULL,
    checksum   text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""
_LOCK = "SELECT pg_try_advisory_lock($1, current_schema()::regnamespace::oid::int)"
_RECORD = "INSERT INTO schema_migrations (number, label, checksum) VALUES ($1, $2, $3)"
_FORGET = "DELETE FROM schema_migrations WHERE number = $1"


class Migrations:
    """The migrations of one room. `dsn` is the room's role, straight to PostgreSQL (a session lock is held).

    `base` comes before the room's own files: for a room that is migration 0000, which every room has.
    """

    def __init__(
        self,
        *,
        dsn: str,
        room: str,
        folder: Path | None,
        base: Path | None = PLATFORM,
        lock_timeout_s: float = 1.0,
        statement_timeout_s: float = 60.0,
    ) -> None:
        self._dsn = dsn
        self._room = room
        self._folders = [path for path in (base, folder) if path is not None and path.is_dir()]
        self._lock_timeout_s = lock_timeout_s
        self._statement_timeout_s = statement_timeout_s

    async def apply(self, to: int | None = None, *, phase: Literal["all", "expand"] = "all") -> list[str]:
        """Apply what is pending, up to number `to`; return the labels of what was applied.

        `phase="expand"` stops before the first contraction: it is what runs before the new code does, and
        `"all"` what runs once the old code is gone. Raises `BadMigration` when an applied file was changed.
        """
        applied: list[str] = []
        async with self._session() as connection:
            for migration in await self._pending(connection):
                if to is not None and migration.number > to:
                    break
                if phase == "expand" and migration.kind == "contract":
                    break
                await self._run(
                    connection, migration, migration.up, _RECORD, migration.label, migration.checksum
                )
                _log.info("migration_applied", room=self._room, migration=migration.label)
                applied.append(migration.label)
        return applied

    async def rollback(self, steps: int = 1) -> list[str]:
        """Take back the last `steps` migrations, newest first; return their labels."""
        undone: list[str] = []
        known = {migration.number: migration for migration in self._files()}
        async with self._session() as connection:
            rows = await connection.fetch(
                "SELECT number, label FROM schema_migrations ORDER BY number DESC LIMIT $1", steps
            )
            for row in rows:
                migration = known.get(row["number"])
                if migration is None or migration.down is None:
                    raise BadMigration(f"{row['label']} of {self._room} has no way back.")
                await self._run(connection, migration, migration.down, _FORGET)
                _log.info("migration_rolled_back", room=self._room, migration=migration.label)
                undone.append(migration.label)
        return undone

    async def pending(self) -> list[str]:
        """Return the labels of what is not applied yet."""
        async with self._session() as connection:
            return [migration.label for migration in await self._pending(connection)]

    def _files(self) -> list[Migration]:
        migrations = [migration for folder in self._folders for migration in read_folder(folder)]
        numbers = [migration.number for migration in migrations]
        if len(set(numbers)) != len(numbers):
            raise BadMigration(f"A migration of {self._room} has a number of the platform's: begin at 0001.")
        return sorted(migrations, key=lambda migration: migration.number)

    async def _pending(self, connection: _Direct) -> list[Migration]:
        rows = await connection.fetch("SELECT number, label, checksum FROM schema_migrations")
        applied = {row["number"]: row for row in rows}
        pending = []
        for migration in self._files():
            row = applied.pop(migration.number, None)
            if row is None:
                pending.append(migration)
            elif row["checksum"] != migration.checksum:
                raise BadMigration(f"{migration.label} of {self._room} was changed after it was applied.")
        if applied:
            # Not an error: while a release is taken back, old code meets the newer, wider schema.
            labels = sorted(row["label"] for row in applied.values())
            _log.warning("database_ahead_of_code", room=self._room, migrations=labels)
        return pending

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[_Direct]:
        with translated():
            connection = await link.connect(
                self._dsn,
                timeout=5,
                server_settings={
                    "application_name": f"nova-migrate-{self._room}",
                    "statement_timeout": f"{self._statement_timeout_s * 1000:.0f}",
                    "idle_in_transaction_session_timeout": "60s",
                }
                | link.KEEPALIVE_SETTINGS,
            )
        try:
            # Asked for again and again: one who waits inside a statement has a snapshot, and CREATE INDEX
            # CONCURRENTLY of the one who holds the lock waits for all snapshots to end.
            while not await connection.fetchval(_LOCK, _LOCK_CLASS):  # noqa: ASYNC110 - it is in the database
                await asyncio.sleep(_LOCK_POLL_S)
            await connection.execute(_LEDGER)
            await connection.execute(f"SET lock_timeout = {self._lock_timeout_s * 1000:.0f}")
            yield connection
        finally:
            await connection.close()

    async def _run(
        self, connection: _Direct, migration: Migration, script: str, ledger: str, *record: str
    ) -> None:
        """Run one half of a file and write the ledger; in one transaction where the file allows it."""

        async def together() -> None:
            async with connection.transaction():
                await connection.execute(script)
                await connection.execute(ledger, migration.number, *record)

        async def one_by_one() -> None:
            for statement in statements(script):
                await connection.execute(statement)
            await connection.execute(ledger, migration.number, *record)

        await _patiently(together if migration.in_transaction else one_by_one, migration.label)


async def _patiently(run: Callable[[], Awaitable[None]], label: str) -> None:
    """Run; while a lock is not to be had, let the traffic pass and try again."""
    for attempt in range(1, _LOCK_TRIES + 1):
        try:
            await run()
        except asyncpg.PostgresError as error:
            if not isinstance(translate(error), WriteConflict) or attempt == _LOCK_TRIES:
                raise
            _log.warning("migration_waits_for_lock", migration=label, attempt=attempt)
            await asyncio.sleep(min(0.2 * 2**attempt, 5.0))
        else:
            return
