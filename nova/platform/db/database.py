"""One room's database: reads, from a replica where it is as new as the primary, and transactions on the primary."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import structlog
from opentelemetry.trace import Span, SpanKind

from nova.platform.db.bell import Bell
from nova.platform.db.claim import pending_claim
from nova.platform.db.failures import CommitUnknown, is_lost, translate, translated
from nova.platform.db.link import KEEPALIVE_SETTINGS
from nova.platform.db.pool import Connection, Pool, Record
from nova.platform.db.replica import Replica
from nova.platform.db.tx import Pending, Tx
from nova.platform.errors import Internal, Unavailable
from nova.platform.outbox.write import bell_name, write_events
from nova.platform.telemetry.tracing import Tracing

T = TypeVar("T", bound=Tx)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseConfig:
    """Where a room's database is, and its limits. The DSN is of the room's own role.

    `behind_pooler`: PgBouncer refuses session settings at the start of a connection. The role has the same
    ones (migration 0000 sets them), so they are left out then. `replica_pool_size`: no pooler stands before a
    replica, so that all copies of all rooms share its `max_connections`.
    """

    room: str
    dsn: str
    replica_dsn: str | None = None
    pool_size: int = 8
    replica_pool_size: int = 4
    connect_timeout_s: float = 5.0
    acquire_timeout_s: float = 10.0
    statement_timeout_s: float = 5.0
    idle_in_transaction_timeout_s: float = 30.0
    behind_pooler: bool = False

    def settings(self) -> dict[str, str]:
        """Return the session settings of the room's connections."""
        settings = {"application_name": f"nova-{self.room}"}
        if not self.behind_pooler:
            settings |= KEEPALIVE_SETTINGS
            settings["jit"] = "off"
            settings["statement_timeout"] = f"{self.statement_timeout_s * 1000:.0f}"
            settings["idle_in_transaction_session_timeout"] = (
                f"{self.idle_in_transaction_timeout_s * 1000:.0f}"
            )
        return settings


class Database:
    """A room's pools. Open it before use, close it after. Reads and transactions are spans of `tracing`."""

    def __init__(
        self, config: DatabaseConfig, bell: Bell | None = None, tracing: Tracing | None = None
    ) -> None:
        self.room = config.room
        self.bell = bell or Bell()
        self._tracing = tracing or Tracing()
        self.primary = self._pool(config, "primary", config.dsn, config.pool_size)
        self._replica_pool = (
            self._pool(config, "replica", config.replica_dsn, config.replica_pool_size)
            if config.replica_dsn
            else None
        )
        self._replica = (
            None
            if self._replica_pool is None
            else Replica(self.primary, self._replica_pool, room=config.room)
        )

    def _pool(self, config: DatabaseConfig, name: str, dsn: str, size: int) -> Pool:
        return Pool(
            room=config.room,
            name=name,
            dsn=dsn,
            size=size,
            connect_timeout_s=config.connect_timeout_s,
            acquire_timeout_s=config.acquire_timeout_s,
            statement_timeout_s=config.statement_timeout_s,
            settings=config.settings(),
            tracing=self._tracing,
        )

    async def open(self) -> None:
        """Make the pools ready."""
        await self.primary.open()
        if self._replica_pool is not None:
            await self._replica_pool.open()

    async def close(self) -> None:
        """Wait for the work in flight and close the pools."""
        await self.primary.close()
        if self._replica_pool is not None:
            await self._replica_pool.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def fetch(self, sql: str, *args: object) -> list[Record]:
        """Return all rows, of everything that was committed before; from the replica when there is one that has it."""
        if self._replica is not None:
            # It counts its refusals; the primary has the last word.
            with suppress(Unavailable):
                return await self._replica.fetch(sql, *args)
        return await self.primary.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: object) -> Record | None:
        """Return the first row, or None; from where `fetch` reads."""
        rows = await self.fetch(sql, *args)
        return rows[0] if rows else None

    async def fetchval(self, sql: str, *args: object) -> Any:  # noqa: ANN401 - the column's type is the query's
        """Return the first column of the first row, or None; from where `fetch` reads."""
        row = await self.fetchrow(sql, *args)
        return None if row is None else row[0]

    @asynccontextmanager
    async def transaction(self, tx_type: type[T]) -> AsyncIterator[T]:
        """Open a transaction on the primary; commit it when the block ends, roll back when it raises.

        Raises `CommitUnknown` when the reply to COMMIT was lost. A caller that leaves (is cancelled) during
        COMMIT leaves only when its outcome is known and the hooks have run.
        """
        with self._span("transaction"):
            async with self.primary.connection() as connection:
                pending = Pending(claim=pending_claim(self.room))
                with translated():
                    await connection.execute(tx_type.BEGIN)
                if pending.claim is not None:
                    await pending.claim.take(connection)
                yield tx_type(connection, pending)
                await self._flush(pending, connection)
                left = await _to_the_end(_commit(connection))
        if pending.events:
            self.bell.ring(bell_name(self.room))
        if pending.hooks:
            left |= await _to_the_end(_run_hooks(pending))
        if left:
            raise asyncio.CancelledError

    async def _flush(self, pending: Pending, connection: Connection) -> None:
        """Write what the transaction gathered: its events in one statement, and the answer of its key."""
        if pending.events:
            with self._span("outbox", ",".join(event.topic for event in pending.events)), translated():
                await write_events(connection, pending.events)
        if pending.claim is not None:
            await pending.claim.record(connection)

    def _span(self, what: str, topics: str = "") -> AbstractContextManager[Span]:
        attributes = {"db.namespace": self.room} | ({"messaging.destination.name": topics} if topics else {})
        return self._tracing.span(f"{self.room} {what}", kind=SpanKind.CLIENT, attributes=attributes)


async def _commit(connection: Connection) -> None:
    try:
        status = await connection.execute("COMMIT")
    except Exception as error:
        if is_lost(error):
            raise CommitUnknown from error
        raise translate(error) or error from error
    if status != "COMMIT":
        # PostgreSQL answers ROLLBACK, without an error, when a statement failed and its error was swallowed.
        raise Internal("The transaction had failed before its COMMIT; nothing of it was kept.")


async def _run_hooks(pending: Pending) -> None:
    for hook in pending.hooks:
        try:
            done = hook()
            if inspect.isawaitable(done):
                await done
        except Exception:  # noqa: BLE001 - the write stands whatever a hook does
            _log.exception("after_commit_failed")


async def _to_the_end(work: Coroutine[Any, Any, None]) -> bool:
    """Run `work` to its end even when the caller is cancelled meanwhile; return whether it was."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    task.result()
    return cancelled
