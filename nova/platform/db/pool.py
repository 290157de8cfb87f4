"""A pool of asyncpg connections to one server, with the house's limits and errors."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeAlias, TypeVar

import asyncpg
import asyncpg.pool
import structlog
from opentelemetry.trace import SpanKind

from nova.platform.clock import SystemClock
from nova.platform.db import link, metrics
from nova.platform.db.failures import (
    DRIVER_ERRORS,
    ConnectionLost,
    DatabaseDown,
    PoolExhausted,
    translate,
    translated,
)
from nova.platform.resilience import Breaker, CircuitOpen, RetryBudget, retry_wait_s
from nova.platform.telemetry.tracing import Tracing

Record: TypeAlias = asyncpg.Record
Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
R = TypeVar("R")
_NOTHING: Final = "SELECT"
"""A statement that does nothing. An empty one would do as little, but asyncpg never returns from it."""
ON_THE_WAY_S: Final = 1.0
"""How long after a statement's time the server's word of its end may take to come."""
_log = structlog.get_logger(__name__)


async def _keep(_: object) -> None:
    """Reset nothing: asyncpg has rolled back by now, and rooms change no session state.

    The default would run a query of its own at every release.
    """


class Pool:
    """Connections to one server. Opens lazily: a server that is down at start is met at the first call.

    A statement has `statement_timeout_s`, which the server keeps to. One that says nothing for a second longer is
    taken for gone, with the connection. Where connections fail, one caller at a time tries another; the others are
    refused at once.
    """

    def __init__(
        self,
        *,
        room: str,
        name: str,
        dsn: str,
        size: int,
        connect_timeout_s: float,
        acquire_timeout_s: float,
        statement_timeout_s: float,
        settings: Mapping[str, str],
        tracing: Tracing | None = None,
    ) -> None:
        self._tracing = tracing or Tracing()
        self._room = room
        self._name = name
        self._dsn = dsn
        self._size = size
        self._connect_timeout_s = connect_timeout_s
        self._acquire_timeout_s = acquire_timeout_s
        self._answer_s = statement_timeout_s + ON_THE_WAY_S
        self._settings = dict(settings)
        self._clock = SystemClock()
        # A rest so short that a server which is back is not left alone for longer than anybody would notice.
        self._breaker = Breaker(
            f"postgres-{room}-{name}", clock=self._clock, window=size, most_failures=min(size, 3), rest_s=0.2
        )
        self._second_reads = RetryBudget()
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._left: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Make the pool ready. Connections are opened when they are first needed."""
        self._pool = await asyncpg.create_pool(
            self._dsn,
            min_size=0,
            max_size=self._size,
            connect=self._connect,
            timeout=self._connect_timeout_s,
            command_timeout=self._answer_s,
            reset=_keep,
            server_settings=self._settings,
        )
        pool = self._pool
        active = metrics.CONNECTIONS_ACTIVE.labels(self._room, self._name)
        active.set_function(lambda: pool.get_size() - pool.get_idle_size())
        metrics.CONNECTIONS_MAX.labels(self._room, self._name).set(self._size)

    async def close(self) -> None:
        """Wait for the connections in use, and close all of them; those of a server that is silent are dropped."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            try:
                await pool.close()
            except (*DRIVER_ERRORS, TimeoutError) as error:
                # asyncpg has let go of all by now. Whoever closes has others to close, and nothing left to lose here.
                _log.info("close_failed", room=self._room, error=repr(error))
            await asyncio.gather(*self._left)
            metrics.CONNECTIONS_ACTIVE.labels(self._room, self._name).set_function(lambda: 0)

    async def fetch(self, sql: str, *args: object) -> list[Record]:
        """Return all rows of a read."""
        return await self._read(sql, lambda connection: connection.fetch(sql, *args))

    async def fetchrow(self, sql: str, *args: object) -> Record | None:
        """Return the first row of a read, or None."""
        return await self._read(sql, lambda connection: connection.fetchrow(sql, *args))

    async def fetchval(self, sql: str, *args: object) -> Any:  # noqa: ANN401 - the column's type is the query's
        """Return the first column of the first row of a read, or None."""
        return await self._read(sql, lambda connection: connection.fetchval(sql, *args))

    async def _read(self, sql: str, run: Callable[[Connection], Awaitable[R]]) -> R:
        with self._tracing.span(
            f"{self._room} read",
            kind=SpanKind.CLIENT,
            attributes={"db.namespace": self._room, "db.query.text": sql},
        ):
            return await self._read_twice(run)

    async def _read_twice(self, run: Callable[[Connection], Awaitable[R]]) -> R:
        """Run a read; once more, after a moment, where the connection that was handed out for it proves dead.

        All connections die at once where a server does: those who held them do not come back together.
        """
        self._second_reads.earn()
        try:
            return await self._read_once(run)
        except ConnectionLost:
            if not self._second_reads.spend():
                raise
        await asyncio.sleep(retry_wait_s(0))
        return await self._read_once(run)

    async def _read_once(self, run: Callable[[Connection], Awaitable[R]]) -> R:
        async with self.connection() as connection:
            with translated():
                return await run(connection)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection; a transaction that an error leaves open is rolled back.

        Who is cancelled leaves at once, also while the server hangs: what he had begun is ended behind him.
        Raises `PoolExhausted` or `DatabaseDown`.
        """
        pool = self._pool
        if pool is None:
            raise DatabaseDown(f"The {self._name} pool of {self._room} is not open.")
        connection = await self._acquire(pool)
        try:
            yield connection
        except asyncio.CancelledError:
            # asyncpg has asked the server to end the statement, and waits for its word before anything else.
            left = asyncio.create_task(self._take_back_broken(pool, connection), name="db-left")
            self._left.add(left)
            left.add_done_callback(self._left.discard)
            raise
        except BaseException as error:
            if isinstance(error, DatabaseDown):
                with suppress(asyncpg.InterfaceError):  # the pool has let go of it
                    connection.terminate()
            await self._take_back_broken(pool, connection)
            raise
        await self._take_back(pool, connection)

    async def _take_back_broken(self, pool: "asyncpg.Pool[asyncpg.Record]", connection: Connection) -> None:
        """End what was begun on a connection, and take it back; drop it when the server does not answer in time."""
        # asyncpg prepares a statement without a Sync: whoever leaves before he has run it leaves the server
        # at work, until its time-out strikes whoever comes next.
        try:
            ending = "ROLLBACK" if connection.is_in_transaction() else _NOTHING
            await connection.execute(ending, timeout=self._connect_timeout_s)
        except (*DRIVER_ERRORS, TimeoutError) as error:
            # The connection is gone, and the transaction with it; or the pool ends both when it takes it back.
            _log.info("rollback_failed", room=self._room, error=repr(error))
        await self._take_back(pool, connection, within_s=self._connect_timeout_s)

    async def _take_back(
        self, pool: "asyncpg.Pool[asyncpg.Record]", connection: Connection, *, within_s: float | None = None
    ) -> None:
        try:
            await pool.release(connection, timeout=within_s)
        except (*DRIVER_ERRORS, TimeoutError) as error:
            # What was done on it stands, a COMMIT above all. asyncpg has dropped the connection.
            _log.info("release_failed", room=self._room, error=repr(error))

    async def _acquire(self, pool: "asyncpg.Pool[asyncpg.Record]") -> Connection:
        try:
            # A time-out costs a task of its own (asyncio.wait_for): none where a connection lies ready.
            ready = pool.get_idle_size() > 0
            return await pool.acquire(timeout=None if ready else self._acquire_timeout_s)
        except CircuitOpen as error:
            raise DatabaseDown(retry_after_s=error.retry_after_s) from error
        except TimeoutError as error:
            if pool.get_size() < self._size or pool.get_idle_size() > 0:
                raise DatabaseDown from error
            metrics.ACQUIRE_TIMEOUTS.labels(self._room, self._name).inc()
            raise PoolExhausted from error
        except DRIVER_ERRORS as error:
            # Nothing was asked yet: what fails here was no connection that had lived.
            raise (
                DatabaseDown if isinstance(known := translate(error), DatabaseDown) else known or error
            ) from error

    async def _connect(self, *where: Any, **how: Any) -> "asyncpg.Connection[asyncpg.Record]":  # noqa: ANN401 - asyncpg's
        turn = self._breaker.admit()
        began = self._clock.monotonic()
        try:
            connection = await link.connect(*where, **how)
        except Exception as error:
            self._breaker.settle(turn, failed=translate(error) is not None)
            raise
        except BaseException:
            # Who leaves early says nothing of the server: a busy machine connects slowly, too.
            if self._clock.monotonic() - began < self._connect_timeout_s / 2:
                self._breaker.abandon(turn)
            else:
                self._breaker.settle(turn, failed=True)
            raise
        self._breaker.settle(turn, failed=False)
        return connection
