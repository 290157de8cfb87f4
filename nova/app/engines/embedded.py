"""Both engines as one thing to enter and leave: started side by side, roles made, stopped without a trace."""

import asyncio
import re
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
import redis.asyncio
from redis.exceptions import RedisError

from nova.app.engines.errors import EngineDown
from nova.app.engines.folder import DataFolder
from nova.app.engines.passwords import role_passwords
from nova.app.engines.postgres import ADMIN, PostgresServer, assert_durable, socket_dsn
from nova.app.engines.roles import DATABASE, LOG, RELAY, ensure_database, ensure_roles, role_of
from nova.app.engines.valkey import ValkeyServer

CONNECT_TIMEOUT_S = 10.0


class Engines:
    """PostgreSQL and Valkey for one Nova: enter it (from the main thread) to have them, leave it to end them.

    `data` is the data folder; `rooms` are given a role and a schema each. A URL given is used instead of an
    engine of our own, and that server is never started or stopped: `postgres_url` is an administrator's
    (NOVA_POSTGRES_URL), `redis_url` is NOVA_REDIS_URL. On such a server each role gets a password:
    `role_password` for all (needed where several machines share the server), else a random one each, kept in the
    data folder. Entering raises EngineError in one of its kinds; nothing is left running then.
    """

    def __init__(
        self,
        data: Path,
        *,
        rooms: Sequence[str] = (),
        postgres_url: str | None = None,
        redis_url: str | None = None,
        role_password: str | None = None,
        run_base: Path | None = None,
    ) -> None:
        self.folder = DataFolder(data, run_base=run_base)
        self.rooms = tuple(rooms)
        self.postgres: PostgresServer | None = None
        self.valkey: ValkeyServer | None = None
        self._postgres_url = postgres_url
        self._redis_url = redis_url
        self._role_password = role_password
        self._passwords: dict[str, str] | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.enter_context(self.folder)
            await self._start(stack)
            await self._prepare_database()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def postgres_dsn(self, role: str = ADMIN, database: str = DATABASE) -> str:
        """The DSN of a role, by default the administrator's: `postgres_dsn("nova_feed")` is a room's."""
        if self._postgres_url is None:
            return socket_dsn(self.folder.run, role, database)
        if role == ADMIN:
            return with_parts(self._postgres_url, database=database)
        password = (self._passwords or {}).get(role)
        return with_parts(self._postgres_url, database=database, role=role, password=password)

    def room_dsn(self, room: str) -> str:
        """The DSN of a room's own role, whose search path is the room's schema."""
        return self.postgres_dsn(role_of(room))

    @property
    def redis_url(self) -> str:
        if self._redis_url is not None:
            return self._redis_url
        if self.valkey is None:
            raise EngineDown("Valkey is not running.")
        return self.valkey.url

    @property
    def pids(self) -> dict[str, int]:
        """The processes started here, by engine; none for a server of the user's own."""
        running = {"postgres": self.postgres, "valkey": self.valkey}
        return {name: server.process.pid for name, server in running.items() if server is not None}

    async def _start(self, stack: AsyncExitStack) -> None:
        """Start what is ours, side by side; if one fails the other is stopped as well."""
        starts = []
        if self._postgres_url is None:
            self.postgres = PostgresServer(
                folder=self.folder.postgres, run=self.folder.run, log=self.folder.log("postgres")
            )
            stack.push_async_callback(self.postgres.stop)
            starts.append(self.postgres.start())
        if self._redis_url is None:
            self.valkey = ValkeyServer(
                folder=self.folder.valkey, run=self.folder.run, log=self.folder.log("valkey")
            )
            stack.push_async_callback(self.valkey.stop)
            starts.append(self.valkey.start())
        else:
            starts.append(answers(self._redis_url))
        for outcome in await asyncio.gather(*starts, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _prepare_database(self) -> None:
        """Make the database, roles and schemas; on a server of the user's own after asking whether it is safe."""
        if self._postgres_url is not None:
            roles = [role_of(room) for room in (*self.rooms, LOG, RELAY)]
            if self._role_password is None:
                self._passwords = role_passwords(self.folder.path / "secrets.json", roles)
            else:
                self._passwords = dict.fromkeys(roles, self._role_password)
        entrance = self._postgres_url or self.postgres_dsn(database="postgres")
        connection = await connect(entrance)
        try:
            await assert_durable(connection)
            await ensure_database(connection)
        finally:
            await connection.close()
        connection = await connect(self.postgres_dsn())
        try:
            await ensure_roles(connection, self.rooms, passwords=self._passwords)
        finally:
            await connection.close()


async def connect(dsn: str) -> "asyncpg.Connection[asyncpg.Record]":
    """An administrator's connection. Raises EngineDown, naming the server without its password."""
    try:
        return await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise EngineDown(
            f"PostgreSQL does not answer at {without_password(dsn)} ({error or type(error).__name__}): start it, or "
            "correct NOVA_POSTGRES_URL."
        ) from error


async def answers(url: str) -> None:
    """Return once the Redis at `url` has answered a PING. Raises EngineDown."""
    try:
        client = redis.asyncio.Redis.from_url(
            url, socket_connect_timeout=CONNECT_TIMEOUT_S, socket_timeout=CONNECT_TIMEOUT_S
        )
        try:
            await client.ping()
        finally:
            await client.aclose()
    except (OSError, ValueError, RedisError) as error:
        raise EngineDown(
            f"Redis does not answer at {without_password(url)} ({error or type(error).__name__}): start it, or correct "
            "NOVA_REDIS_URL."
        ) from error


def with_parts(url: str, *, database: str, role: str | None = None, password: str | None = None) -> str:
    """`url` with another database and, with `role`, another user and password."""
    parts = urlsplit(url)
    where = parts.netloc
    if role is not None:
        secret = f":{quote(password, safe='')}" if password is not None else ""
        where = f"{quote(role, safe='')}{secret}@{where.rpartition('@')[2]}"
    return urlunsplit(parts._replace(netloc=where, path="/" + quote(database, safe="")))


def without_password(url: str) -> str:
    """`url` fit for a message."""
    return re.sub(r"(?<=:)[^:@/]+(?=@)", "***", url)
