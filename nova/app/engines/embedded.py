"""Both engines as one thing to enter and leave: started side by side, roles made, stopped without a trace."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncpg

from nova.app.engines.addresses import connect, for_role, ping, reason
from nova.app.engines.errors import EngineDown, EngineError, EngineTooOld, FolderUnusable, RightsMissing
from nova.app.engines.folder import DataFolder
from nova.app.engines.passwords import given_passwords, in_force, role_passwords
from nova.app.engines.postgres import ADMIN, PostgresServer, assert_durable, socket_dsn
from nova.app.engines.postgres_find import OLDEST_MAJOR
from nova.app.engines.roles import DATABASE, LOG, RELAY, ensure_database, ensure_roles, role_of
from nova.app.engines.server import EngineServer
from nova.app.engines.valkey import ValkeyServer


class Engines:
    """PostgreSQL and Valkey for one Nova: enter it (from the main thread) to have them, leave it to end them.

    `data` is the data folder; `rooms` are given a role and a schema each. A URL given is used instead of an
    engine of our own, and that server is never started or stopped: `postgres_url` (NOVA_POSTGRES_URL) is an
    administrator's and leads to PostgreSQL itself; `redis_url` is NOVA_REDIS_URL. On such a server each role
    gets a password: that of the folder `passwords` (where several machines share the server), else a random
    one, kept in the data folder. Entering raises EngineError in one of its kinds, with nothing left running.

    An engine of ours that ends by itself is started again at the same address (see EngineServer). `postgres`
    and `valkey` are None for a server of the user's own.
    """

    def __init__(
        self,
        data: Path,
        *,
        rooms: Sequence[str] = (),
        postgres_url: str | None = None,
        redis_url: str | None = None,
        passwords: Path | None = None,
        run_base: Path | None = None,
    ) -> None:
        self.folder = DataFolder(data, run_base=run_base)
        self.rooms = tuple(rooms)
        self.postgres: PostgresServer | None = None
        self.valkey: ValkeyServer | None = None
        self._postgres_url = postgres_url
        self._redis_url = redis_url
        self._given = passwords
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
        """The DSN of a role, the administrator's by default: `postgres_dsn("nova_feed")` is a room's."""
        if self._postgres_url is None:
            return socket_dsn(self.folder.run, role, database)
        if role == ADMIN:
            return for_role(self._postgres_url, database=database)
        password = (self._passwords or {}).get(role)
        return for_role(self._postgres_url, database=database, role=role, password=password)

    def room_dsn(self, room: str) -> str:
        """The DSN of a room's own role, whose search path is the room's schema."""
        return self.postgres_dsn(role_of(room))

    def outbox_dsn(self, room: str) -> str:
        """The DSN of the relay's role, at the outbox of a room: names lead to the room's schema."""
        role = role_of(RELAY)
        password = (self._passwords or {}).get(role)
        place = self._postgres_url or self.postgres_dsn()
        return for_role(place, database=DATABASE, role=role, password=password, schema=room)

    @property
    def redis_url(self) -> str:
        """For redis-py: `unix://…` or the URL given."""
        if self._redis_url is not None:
            return self._redis_url
        if self.valkey is None:
            raise EngineDown("Valkey is not running.")
        return self.valkey.url

    @property
    def pids(self) -> dict[str, int]:
        """The processes started here, by engine; none for a server of the user's own."""
        return {server.name: server.pid for server in self._servers()}

    async def lost(self) -> EngineError:
        """Wait until an engine of ours has ended for good, and return why; never, without such engines."""
        losses = [server.lost for server in self._servers()] or [asyncio.get_running_loop().create_future()]
        done, _ = await asyncio.wait(losses, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()

    def _servers(self) -> list[EngineServer]:
        return [server for server in (self.postgres, self.valkey) if server is not None]

    async def _start(self, stack: AsyncExitStack) -> None:
        """Start what is ours, side by side; if one fails the other is stopped as well."""
        run = self.folder.run
        if self._postgres_url is None:
            self.postgres = PostgresServer(
                folder=self.folder.postgres, run=run, log=self.folder.log("postgres")
            )
        if self._redis_url is None:
            self.valkey = ValkeyServer(folder=self.folder.valkey, run=run, log=self.folder.log("valkey"))
        try:
            async with asyncio.TaskGroup() as group:
                for server in self._servers():
                    stack.push_async_callback(server.stop)
                    group.create_task(server.start())
                if self._redis_url is not None:
                    group.create_task(ping(self._redis_url))
        except ExceptionGroup as group_error:
            raise group_error.exceptions[0] from None

    async def _prepare_database(self) -> None:
        """Make the database, roles and schemas, after asking whether the server is fit for them."""
        if self._postgres_url is not None:
            self._passwords = self._passwords_of([role_of(room) for room in (*self.rooms, LOG, RELAY)])
        try:
            await self._make_database(self._postgres_url or self.postgres_dsn(database="postgres"))
            connection = await connect(self.postgres_dsn())
            try:
                known = None if self._passwords is None else in_force(self._passwords)
                await ensure_roles(connection, self.rooms, passwords=known)
            finally:
                await connection.close()
        except asyncpg.InsufficientPrivilegeError as error:
            raise RightsMissing(
                f"PostgreSQL refuses to make Nova's database and roles ({reason(error)}): give the user of "
                "NOVA_POSTGRES_URL the rights to (`ALTER ROLE … CREATEDB CREATEROLE`)."
            ) from error

    def _passwords_of(self, roles: Sequence[str]) -> dict[str, str]:
        """The password of each role: the one given, else the one kept. Raises FolderUnusable."""
        if self._given is None:
            return role_passwords(self.folder.secrets, roles)
        given = given_passwords(self._given)
        for role in roles:
            if not given.get(role):
                raise FolderUnusable(f"{self._given} holds no password of {role}: add the file `{role}`.")
        return given

    async def _make_database(self, entrance: str) -> None:
        connection = await connect(entrance)
        try:
            major = connection.get_server_version().major
            if major < OLDEST_MAJOR:
                raise EngineTooOld(f"PostgreSQL {major} is too old: Nova needs {OLDEST_MAJOR} or later.")
            await assert_durable(connection)
            await ensure_database(connection)
        finally:
            await connection.close()
