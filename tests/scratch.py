"""Rooms and logs made for one test: a role and a schema of their own with the platform's tables in it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import UUID

import asyncpg

from nova.app.engines.embedded import Engines
from nova.app.engines.roles import ensure_roles, grant_relay, quoted, role_of
from nova.platform.db.bell import Bell
from nova.platform.db.database import Database, DatabaseConfig
from nova.platform.db.migrate import Migrations
from nova.platform.db.tx import Tx
from nova.platform.ids import uuid7
from nova.platform.log.postgres import SCHEMA, PostgresLog


class EffectTx(Tx):
    """Writes the one effect that tests count."""

    async def add_effect(self, event_id: UUID, key: bytes = b"", place: int = 0) -> bool:
        return (
            await self.execute(
                "INSERT INTO effects (event_id, key, place) VALUES ($1, $2, $3)", event_id, key, place
            )
            == 1
        )

    async def add_effects(self, rows: Sequence[tuple[UUID, bytes, int]]) -> None:
        await self.execute(
            "INSERT INTO effects (event_id, key, place) "
            "SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::int[])",
            [row[0] for row in rows],
            [row[1] for row in rows],
            [row[2] for row in rows],
        )


# No unique key on event_id: an effect that happens twice must be seen, not refused.
EFFECTS = """
CREATE TABLE effects (seq bigint GENERATED ALWAYS AS IDENTITY, event_id uuid, key bytea, place int)
"""


class Scratch:
    """Makes what a test asks for, and drops it at the end."""

    def __init__(self, engines: Engines) -> None:
        self.engines = engines
        self._stack = AsyncExitStack()

    async def aclose(self) -> None:
        await self._stack.aclose()

    async def schema(self, kind: str) -> tuple[str, str]:
        """Make a role with a schema; return its room name and its DSN."""
        name = f"{kind}_{uuid7().hex[-12:]}"
        await self._stack.enter_async_context(self._schema(name))
        return name, self.engines.room_dsn(name)

    async def database(self, *, bell: Bell | None = None, pool_size: int = 8) -> Database:
        """Make a room with the platform's tables and `effects`; return its open database."""
        name, dsn = await self.schema("room")
        await Migrations(dsn=dsn, room=name, folder=None).apply()
        database = Database(DatabaseConfig(room=name, dsn=dsn, pool_size=pool_size), bell)
        await self._stack.enter_async_context(database)
        async with database.transaction(Tx) as tx:
            await tx.execute(EFFECTS)
        return database

    async def outbox(self, room: str) -> Database:
        """Return the database of a room, open under the role of the relay, which is let in."""
        async with self._administering() as connection:
            await grant_relay(connection, room)
        settings = DatabaseConfig(room=room, dsn=self.engines.outbox_dsn(room))
        return await self._stack.enter_async_context(Database(settings))

    async def log(
        self, *, bell: Bell | None = None, poll_s: float = 0.2, dsn: str | None = None
    ) -> PostgresLog:
        """Make an empty event log, or take that of `dsn`; return it, open."""
        dsn = dsn or await self.log_dsn()
        return await self._stack.enter_async_context(PostgresLog(dsn=dsn, bell=bell or Bell(), poll_s=poll_s))

    async def log_dsn(self) -> str:
        """Make an empty event log; return the DSN of its role."""
        name, dsn = await self.schema("log")
        await Migrations(dsn=dsn, room=name, folder=SCHEMA, base=None).apply()
        return dsn

    async def admin(self) -> "asyncpg.Connection[asyncpg.Record]":
        """Return an administrator's connection, closed with the test."""
        connection = await asyncpg.connect(self.engines.postgres_dsn())
        self._stack.push_async_callback(connection.close)
        return connection

    @asynccontextmanager
    async def _schema(self, name: str) -> AsyncIterator[None]:
        async with self._administering() as connection:
            await ensure_roles(connection, [name])
        yield
        async with self._administering() as connection:
            await connection.execute(f"DROP SCHEMA {quoted(name)} CASCADE")
            await connection.execute(f"DROP OWNED BY {role_of(name)} CASCADE")
            await connection.execute(f"DROP ROLE {role_of(name)}")

    @asynccontextmanager
    async def _administering(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        connection = await asyncpg.connect(self.engines.postgres_dsn())
        try:
            yield connection
        finally:
            await connection.close()


def write_migrations(folder: Path, files: dict[str, str]) -> Path:
    """Write migration files into `folder` and return it."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder
