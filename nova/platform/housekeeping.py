"""What is kept for a while and then deleted: consumers' memory, idempotency keys, and the log's old records."""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Protocol

import structlog
from prometheus_client import Counter

from nova.platform.consumer import WINDOW
from nova.platform.db.database import Database
from nova.platform.db.expiry import delete_expired
from nova.platform.db.idempotency import KEPT_FOR_H
from nova.platform.db.tx import Tx
from nova.platform.errors import Timeout, Unavailable

# By table: the moment whose age decides, and how long rows are kept. The memory outlives the window by more than clocks
# may differ.
_KEPT = (
    ("processed_events", "processed_at", WINDOW + timedelta(hours=1)),
    ("idempotency_keys", "created_at", timedelta(hours=KEPT_FOR_H)),
)
_log = structlog.get_logger(__name__)

DELETED = Counter(
    "housekeeping_deleted_total", "Rows deleted because their time was over.", ["room", "table"]
)


class Trimmed(Protocol):
    """A log that deletes its old records when asked to."""

    async def trim(self, *, older_than_s: float) -> int:
        """Delete some of what is older than `older_than_s` seconds; return how many records went."""
        ...


class Housekeeping:
    """Sweeps some rooms and the log, now and then. `run` goes on until it is cancelled."""

    def __init__(
        self, *, databases: Sequence[Database], log: Trimmed | None = None, every_s: float = 600.0
    ) -> None:
        self._databases = databases
        self._trimmed = log
        self._every_s = every_s

    async def run(self) -> None:
        """Sweep, and wait; a random part of the wait comes first, so that hosts do not sweep together."""
        await asyncio.sleep(random.uniform(0, self._every_s))  # noqa: S311 - no secret hangs on it
        while True:
            try:
                await self.sweep()
            except (Unavailable, Timeout) as error:
                _log.warning("sweep_failed", error=error.reason)
            await asyncio.sleep(self._every_s)

    async def sweep(self) -> None:
        """Delete all that is over its time, in batches of a few thousand rows, each its own transaction."""
        for database in self._databases:
            for table, moment, kept in _KEPT:
                gone = await delete_expired(partial(database.transaction, Tx), table, moment, kept)
                DELETED.labels(database.room, table).inc(gone)
        if self._trimmed is not None:
            while gone := await self._trimmed.trim(older_than_s=WINDOW.total_seconds()):
                DELETED.labels("log", "records").inc(gone)
