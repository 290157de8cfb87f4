"""The ground of the storm: a database of its own on the engines that are configured, with a role and a schema a room.

Roles belong to the whole server, so the storm's have names of their own: a Nova that lives there is not touched.
"""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

import asyncpg

from nova.app.engines.addresses import connect, for_role
from nova.app.engines.roles import ensure_database, ensure_role, ensure_schema, quoted, role_of
from nova.platform.config import Config
from nova.platform.db.migrate import Migrations
from nova.platform.errors import FailedPrecondition

DATABASE: Final = "nova_storm"
_DEEDS: Final = """
CREATE TABLE deeds (id uuid PRIMARY KEY, actor int NOT NULL, done_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX deeds_by_actor ON deeds (actor, id);
"""

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class NoPooler(FailedPrecondition):
    """The storm needs PgBouncer before a PostgreSQL: `make engines` starts both and says where they answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where the storm's connections lead: a DSN a room through PgBouncer and past it, and the administrators' own.

    `replica` and `replica_url` are empty where there is no replica.
    """

    pooled: Mapping[str, str]
    direct: Mapping[str, str]
    replica: Mapping[str, str]
    postgres_url: str
    pooler_url: str
    replica_url: str


@asynccontextmanager
async def ground(config: Config, rooms: Sequence[str]) -> AsyncIterator[Ground]:
    """Yield the ground, empty; leave nothing of it. Raises `NoPooler` where the configuration names no engines."""
    engines = config.engines
    if engines.postgres_url is None or engines.postgres_pooler_url is None:
        missing = "NOVA_POSTGRES_URL" if engines.postgres_url is None else "NOVA_POSTGRES_POOLER_URL"
        raise NoPooler(f"{NoPooler.__doc__} {missing} is not set.")
    postgres_url, pooler_url = engines.postgres_url.reveal(), engines.postgres_pooler_url.reveal()
    replica_url = "" if engines.postgres_replica_url is None else engines.postgres_replica_url.reveal()
    parts = {room: f"storm_{room}" for room in rooms}
    passwords = {role_of(part): secrets.token_urlsafe(24) for part in parts.values()}

    def dsns(url: str) -> dict[str, str]:
        roles = {room: role_of(part) for room, part in parts.items()}
        return {
            room: for_role(url, database=DATABASE, role=role, password=passwords[role])
            for room, role in roles.items()
        }

    made = Ground(
        pooled=dsns(pooler_url),
        direct=dsns(postgres_url),
        replica=dsns(replica_url) if replica_url else {},
        postgres_url=postgres_url,
        pooler_url=pooler_url,
        replica_url=replica_url,
    )
    administrator = await connect(postgres_url)
    try:
        await _clear(administrator, passwords)  # what one that was killed has left
        await ensure_database(administrator, DATABASE)
        await _furnish(made, parts, passwords)
        yield made
    finally:
        await _clear(administrator, passwords)
        await administrator.close()


async def _furnish(made: Ground, parts: Mapping[str, str], passwords: Mapping[str, str]) -> None:
    """Make roles, schemas, and in each the tables that every room has, with one of deeds."""
    connection = await connect(for_role(made.postgres_url, database=DATABASE))
    try:
        for part in parts.values():
            await ensure_role(connection, role_of(part), passwords)
            await ensure_schema(connection, part)
    finally:
        await connection.close()
    for room, part in parts.items():
        await Migrations(dsn=made.direct[room], room=part, folder=None).apply()
        owner = await connect(made.direct[room])
        await owner.execute(_DEEDS)
        await owner.close()


async def _clear(administrator: Connection, roles: Mapping[str, str]) -> None:
    await administrator.execute(f"DROP DATABASE IF EXISTS {quoted(DATABASE)} WITH (FORCE)")
    for role in roles:
        await administrator.execute(f"DROP ROLE IF EXISTS {quoted(role)}")
