"""A transaction of a room: its SQL, the events it emits, and what is done once it is committed."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from nova.platform.db.claim import Claim
from nova.platform.db.failures import translated
from nova.platform.db.pool import Connection, Record
from nova.platform.events import Event, Received
from nova.platform.outbox.write import told_of

R = TypeVar("R")
Hook = Callable[[], Awaitable[None] | None]


@dataclass(slots=True)
class Pending:
    """What a transaction gathers for its end: events for the outbox, the answer of its key, hooks."""

    claim: Claim | None = None
    events: list[Event] = field(default_factory=list)
    hooks: list[Hook] = field(default_factory=list)


class Tx:
    """Subclass it in a room's `store.py` and add the room's statements. READ COMMITTED; keep it short.

    There is no `commit` and no `publish`: the block that opened it commits, and events leave with the commit.
    `BEGIN` opens it; a subclass may take its locks in the same round trip.
    """

    BEGIN: ClassVar[str] = "BEGIN"

    def __init__(self, connection: Connection, pending: Pending) -> None:
        self._connection = connection
        self._pending = pending

    async def execute(self, sql: str, *args: object) -> int:
        """Run a statement and return how many rows it touched."""
        with translated():
            status: str = await self._connection.execute(sql, *args)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def fetch(self, sql: str, *args: object) -> list[Record]:
        """Return all rows."""
        with translated():
            return await self._connection.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: object) -> Record | None:
        """Return the first row, or None."""
        with translated():
            return await self._connection.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: object) -> Any:  # noqa: ANN401 - the column's type is the query's
        """Return the first column of the first row, or None."""
        with translated():
            return await self._connection.fetchval(sql, *args)

    async def executemany(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run a statement once for each row of arguments, in one pipeline."""
        with translated():
            await self._connection.executemany(sql, rows)

    def emit(self, event: Event, *, cause: "Received[Any] | None" = None) -> None:
        """Tell the others, if and only if this transaction commits.

        `cause` is the event that is being handled; its actor and correlation id go on. Without it the current
        call's do.
        """
        self._pending.events.append(told_of(event, cause))

    def after_commit(self, hook: Hook) -> None:
        """Call `hook` once COMMIT was acknowledged. Its failure is logged and changes nothing."""
        self._pending.hooks.append(hook)

    def answer(self, result: R) -> R:
        """Return `result`, kept as the answer of the idempotency key under which the verb runs, if any."""
        if self._pending.claim is not None:
            self._pending.claim.answer(result)
        return result
