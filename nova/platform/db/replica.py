"""A read replica that is only asked once it has all that the primary had when the read began.

The read index of Raft (Ongaro, "Consensus: Bridging Theory and Practice", 2014, section 6.4), with the places of
PostgreSQL's log: note how far the primary has written, wait until the replica has applied as much, read there. So a
read is never older than the moment at which it was asked for, whichever process has written, and a cache is never
filled with what was overwritten before.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import asyncpg

from nova.platform.db import metrics
from nova.platform.db.coalesce import Coalesced
from nova.platform.db.failures import DatabaseDown
from nova.platform.db.pool import Record
from nova.platform.errors import Unavailable

PATIENCE_S: Final = 0.02
ANSWER_S: Final = 0.5
REST_S: Final = 1.0
_POLL_S: Final = 0.002
# What a COMMIT was acknowledged for is flushed. Asking for it takes no lock and no table.
_FLUSHED: Final = "SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint"
# NULL on a server that is no replica: then it has applied nothing of anybody's.
_REPLAYED: Final = "SELECT coalesce((pg_last_wal_replay_lsn() - '0/0')::bigint, 0)"
_PLACE: Final = "place"


class Behind(Unavailable):
    """The replica has not applied yet what the primary has written."""


class Silent(Unavailable):
    """The replica takes what it is asked, and does not answer."""


class Server(Protocol):
    """What is asked of either server: reads."""

    async def fetch(self, sql: str, *args: object) -> list[Record]:
        """Return all rows."""
        ...

    async def fetchval(self, sql: str, *args: object) -> Any:  # noqa: ANN401 - the column's type is the query's
        """Return the first column of the first row."""
        ...


class Replica:
    """The replica of one room's `primary`. Reads of one loop turn share their questions about places.

    One that is away, more than `patience_s` behind, or silent for `answer_s` is left alone for `rest_s`: the primary
    answers meanwhile. Then one read tries it, and only what comes of that brings back the others: nobody waits for it
    again and again. `monotonic` and `sleep` count seconds.
    """

    def __init__(
        self,
        primary: Server,
        replica: Server,
        *,
        room: str,
        patience_s: float = PATIENCE_S,
        answer_s: float = ANSWER_S,
        rest_s: float = REST_S,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._primary = primary
        self._replica = replica
        self._room = room
        self._patience_s = patience_s
        self._answer_s = answer_s
        self._rest_s = rest_s
        self._monotonic = monotonic
        self._sleep = sleep
        self._flushed: Coalesced[str, int] = Coalesced(self._ask_primary)
        self._applied: Coalesced[str, int] = Coalesced(self._ask_replica)
        self._known = 0
        self._rests_until = 0.0

    async def fetch(self, sql: str, *args: object) -> list[Record]:
        """Return all rows, as new as the primary's. Raises `Unavailable` where the primary has to be asked."""
        if self._monotonic() < self._rests_until:
            self._count("resting")
            raise Behind
        if self._rests_until:
            self._rests_until = self._monotonic() + self._rest_s
        flushed = await self._flushed_place()
        try:
            rows = await self._answered(flushed, sql, *args)
        except Behind:
            self._rest("behind")
            raise
        except Unavailable:
            self._known = 0  # another server may stand there when it comes back
            self._rest("away")
            raise
        self._rests_until = 0.0
        self._count("served")
        return rows

    async def _answered(self, flushed: int, sql: str, *args: object) -> list[Record]:
        """Read once the replica is at `flushed`. One that hangs has no time-out of its own: it has this one."""
        try:
            async with asyncio.timeout(self._answer_s):
                await self._catch_up(flushed)
                return await self._replica.fetch(sql, *args)
        except TimeoutError as error:
            raise Silent from error

    async def _flushed_place(self) -> int:
        """Return how far the primary has written. While it is away nobody writes: any place will do."""
        try:
            return await self._flushed.get(_PLACE) or 0
        except DatabaseDown:
            return 0

    async def _catch_up(self, flushed: int) -> None:
        until = self._monotonic() + self._patience_s
        while self._known < flushed:
            self._known = max(self._known, await self._applied.get(_PLACE) or 0)
            if self._known < flushed:
                if self._monotonic() >= until:
                    raise Behind
                await self._sleep(_POLL_S)

    async def _ask_primary(self, keys: list[str]) -> dict[str, int]:
        return dict.fromkeys(keys, await self._primary.fetchval(_FLUSHED))

    async def _ask_replica(self, keys: list[str]) -> dict[str, int]:
        try:
            return dict.fromkeys(keys, await self._replica.fetchval(_REPLAYED))
        except asyncpg.PostgresError as error:
            # A database, a role or its password that was just made has not come through yet.
            raise DatabaseDown from error

    def _rest(self, why: str) -> None:
        self._count(why)
        self._rests_until = self._monotonic() + self._rest_s

    def _count(self, outcome: str) -> None:
        metrics.REPLICA_READS.labels(self._room, outcome).inc()
