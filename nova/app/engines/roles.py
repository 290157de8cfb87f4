"""Ownership held by the database: one role and one schema a room, and nothing else open to it.

A role may read and write its own schema only; another room's tables answer `permission denied`. `nova_log`
owns the event log, `nova_relay` may move events out of the outboxes that `grant_relay` opens to it. Everything
can be run again, and works with an administrator who is no superuser (CREATEDB and CREATEROLE suffice).
"""

import contextlib
import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import asyncpg

from nova.app.engines.scram import accepts, scram_verifier

DATABASE = "nova"
LOG = "log"
RELAY = "relay"
NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
# Two Novas that set up one server take turns: it is `nova` and a version in ASCII.
SETUP_LOCK = 0x6E6F7661_01

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


def role_of(room: str) -> str:
    """The role that owns a room's schema. Raises ValueError for what is no room's name."""
    if not NAME.fullmatch(room):
        raise ValueError(f"not a room's name: {room!r}")
    return f"nova_{room}"


async def ensure_database(connection: Connection, name: str = DATABASE) -> None:
    """Create the database if it is missing. `connection` is an administrator's, to any other one."""
    if await connection.fetchval("select true from pg_database where datname = $1", name):
        return
    # Another process may create it at this very moment; CREATE DATABASE runs in no transaction.
    with contextlib.suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
        await connection.execute(f"create database {quoted(name)} template template0 encoding 'UTF8'")


async def ensure_roles(
    connection: Connection, rooms: Iterable[str], *, passwords: Mapping[str, str] | None = None
) -> None:
    """Give each of `rooms`, the event log and the relay its role, and all but the relay a schema.

    `connection` is an administrator's to Nova's database. `passwords` maps role names (KeyError where one is
    missing); without it roles have no password and sign in only where the server trusts its socket.
    """
    wanted = [*dict.fromkeys((*rooms, LOG))]
    if RELAY in wanted:
        raise ValueError("relay is not a room: it owns no schema")
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", SETUP_LOCK)
        database = quoted(str(await connection.fetchval("select current_database()")))
        await connection.execute(f"revoke all on database {database} from public")
        await connection.execute("revoke all on schema public from public")
        for room in (*wanted, RELAY):
            await ensure_role(connection, role_of(room), passwords)
            await connection.execute(f"grant connect on database {database} to {role_of(room)}")
        for room in wanted:
            await ensure_schema(connection, room)


async def ensure_role(connection: Connection, role: str, passwords: Mapping[str, str] | None) -> None:
    """Create a role that may sign in and nothing more, and set its password where it has another than the given one.

    A verifier that holds stays: poolers that sign in by one they have seen would be refused by another of the same
    password. An administrator who may not read it (no superuser) sets it anew.
    """
    if not await connection.fetchval("select true from pg_roles where rolname = $1", role):
        await connection.execute(f"create role {role} login nocreatedb nocreaterole noinherit")
    if passwords is not None and not await _signs_in(connection, role, passwords[role]):
        # The statement takes no parameter; a verifier is base64, `$` and `:`, without a quote.
        await connection.execute(f"alter role {role} password '{scram_verifier(passwords[role])}'")


async def _signs_in(connection: Connection, role: str, password: str) -> bool:
    """Whether the server is known to take this password of a role."""
    if not await connection.fetchval("select has_table_privilege('pg_authid', 'select')"):
        return False
    verifier = await connection.fetchval("select rolpassword from pg_authid where rolname = $1", role)
    return verifier is not None and accepts(verifier, password)


async def ensure_schema(connection: Connection, room: str) -> None:
    """Create the schema of `room`, owned by its role, closed to others; make it the role's path."""
    role, schema = role_of(room), quoted(room)
    # To hand a schema to a role, an administrator who is no superuser must be its member.
    if not await connection.fetchval("select rolsuper from pg_roles where rolname = current_user"):
        await connection.execute(f"grant {role} to current_user")
    await connection.execute(f"create schema if not exists {schema} authorization {role}")
    await connection.execute(f"revoke all on schema {schema} from public")
    await connection.execute(f"alter role {role} set search_path = {schema}")


async def grant_relay(connection: Connection, room: str) -> None:
    """Let the relay move rows out of the outbox of `room`, once the room's first migration has made it.

    It may read, lock (for which PostgreSQL asks the right to update a column), delete, put back what the log refuses,
    bury that in `outbox_dead` and raise it. It reaches nothing else of the room. `connection` is an administrator's or
    the room's own.
    """
    schema, relay = quoted(room), role_of(RELAY)
    async with connection.transaction():
        # Two who grant at once would be one too many for the catalogue's row.
        await connection.execute("select pg_advisory_xact_lock($1)", SETUP_LOCK)
        await connection.execute(f"grant usage on schema {schema} to {relay}")
        await connection.execute(
            f"grant select, insert, delete, update (tries) on {schema}.outbox to {relay}"
        )
        await connection.execute(f"grant select, insert, delete on {schema}.outbox_dead to {relay}")
        await connection.execute(f"grant update on sequence {schema}.outbox_turns to {relay}")


def quoted(name: str) -> str:
    """An identifier, quoted: `user` is a room and a reserved word."""
    return '"' + name.replace('"', '""') + '"'
