"""Moves a room's events from its outbox to the log: none lost, in order within a key.

One relay at a time works an outbox, by a lock that ends with its transaction; others stand by. Rows are taken
and deleted by that transaction and appended to the log before it commits: a crash in between appends them
again, and consumers filter that. Rows are claimed, never read by `seq > last`, so one that commits late is
not passed over. Each time it takes the outbox a relay draws a turn, and the log refuses an older turn than it
has seen: a relay that was paused with rows in its hands cannot append them behind its successor's back.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Gauge

from nova.platform.backoff import Backoff
from nova.platform.db.database import Database
from nova.platform.db.pool import Record as Row
from nova.platform.events import Topic
from nova.platform.log.port import EventLog, Fence, Fenced, Refused
from nova.platform.outbox.take import RelayTx, order_of, records_of
from nova.platform.outbox.write import bell_name
from nova.platform.tasks import to_its_end
from nova.platform.telemetry.tracing import TRACEPARENT, Tracing

TRIES = 5
_log = structlog.get_logger(__name__)

DEPTH = Gauge("outbox_depth", "Events that wait for the log (counted to 100,000).", ["room"])
OLDEST = Gauge("outbox_oldest_seconds", "Age of the oldest event that waits.", ["room"])
PUBLISHED = Counter("outbox_published_total", "Events appended to the log.", ["room"])
RETRIED = Counter("outbox_retried_total", "Events that the log refused and that are tried again.", ["room"])
DEAD = Counter("outbox_dead_total", "Events that the log refused too often.", ["room"])
FENCED = Counter("outbox_fenced_total", "Batches given up because another relay had taken over.", ["room"])
FAILED = Counter(
    "outbox_failures_total", "Batches that failed because log or database did not answer.", ["room"]
)


class Relay:
    """Publishes the outbox of one room.

    `run` goes on until it is cancelled; a batch that has begun comes to its end first. `topics` are those that the
    room tells of: they are declared before anything is appended, whenever the log is first there.
    `poll_s` is the net under the wake-up at commit. `refusals` spaces the tries of a row that the log
    refuses, `outages` those of everything while the log or the database is away; an outage counts against no
    row.
    """

    def __init__(
        self,
        *,
        database: Database,
        log: EventLog,
        topics: Sequence[Topic[Any]],
        batch: int = 500,
        poll_s: float = 5.0,
        refusals: Backoff | None = None,
        outages: Backoff | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self._tracing = tracing or Tracing()
        self._database = database
        self._room = database.room
        self._producer = f"outbox:{database.room}"
        self._log = log
        self._topics = topics
        self._batch = batch
        self._poll_s = poll_s
        self._refusals = refusals or Backoff(first_s=0.5, longest_s=30.0)
        self._outages = outages or Backoff()
        self._measured_at = float("-inf")
        # Shown from the start: a counter whose first sample is 1 has not grown, and nobody would be alarmed.
        self._published = PUBLISHED.labels(self._room)
        self._retried = RETRIED.labels(self._room)
        self._dead = DEAD.labels(self._room)
        self._fenced = FENCED.labels(self._room)
        self._failed = FAILED.labels(self._room)

    async def run(self) -> None:
        """Publish what there is, then wait for the next commit."""
        failures = 0
        with self._database.bell.listen(bell_name(self._room)) as ear:
            while True:
                ear.forget()
                await self._measure()
                try:
                    taken, ending = await to_its_end(self.publish())
                except Fenced:
                    self._fenced.inc()
                    _log.warning("relay_fenced", room=self._room)
                except Exception as error:  # noqa: BLE001 - whatever it is, the rows are safe and are tried again
                    failures += 1
                    self._failed.inc()
                    _log.warning("relay_failed", room=self._room, failures=failures, error=repr(error))
                    await asyncio.sleep(self._outages.wait_s(failures))
                else:
                    if ending:
                        raise asyncio.CancelledError
                    failures = 0
                    if taken < self._batch:
                        await ear.wait(self._poll_s)

    async def publish(self) -> int:
        """Publish one batch; return how many rows it took. Raises `Unavailable`, `Timeout` or `Fenced`."""
        await self._log.declare(self._topics)  # what it knows costs nothing
        async with self._database.transaction(RelayTx) as tx:
            rows = await tx.claim(self._batch)
            if not rows:
                return 0
            # Side by side: the rows are gone only if this transaction commits, which waits for the log.
            removing = asyncio.ensure_future(tx.remove(rows))
            await asyncio.sleep(0)
            try:
                refused = await self._append(rows, Fence(producer=self._producer, turn=rows[0]["turn"]))
            finally:
                await asyncio.gather(removing, return_exceptions=True)
            await removing
            held = await self._hold_back(tx, rows, refused) if refused else 0
        self._published.inc(len(rows) - len(refused) - held)
        return len(rows)

    async def _append(self, rows: Sequence[Row], fence: Fence) -> dict[int, str]:
        """Append rows in order; return why, by `seq`, for those that the log refuses.

        A batch with a bad row in it is halved until that row is alone. Rows after it under the same key wait.
        """
        records = records_of(rows, self._room)
        traces = (record.headers.get(TRACEPARENT, "") for record in records)
        try:
            with self._tracing.span_in_each(f"{self._room} relay", traces, kind=SpanKind.PRODUCER):
                await self._log.append(records, fence=fence)
        except Refused as error:
            if len(rows) == 1:
                return {rows[0]["seq"]: error.message}
        else:
            return {}
        middle = len(rows) // 2
        refused = await self._append(rows[:middle], fence)
        blocked = {order_of(row) for row in rows[:middle] if row["seq"] in refused}
        rest = [row for row in rows[middle:] if order_of(row) not in blocked]
        return refused | (await self._append(rest, fence) if rest else {})

    async def _hold_back(self, tx: RelayTx, rows: Sequence[Row], refused: dict[int, str]) -> int:
        """Put back refused rows, to be tried later or never, and what has to wait behind them."""
        blocked: set[tuple[str, bytes]] = set()
        waiting = []
        for row in rows:
            if row["seq"] in refused:
                await self._refuse(tx, row, refused[row["seq"]])
                blocked.add(order_of(row))
            elif order_of(row) in blocked:
                waiting.append(row)
        await tx.put_back(waiting)
        return len(waiting)

    async def _refuse(self, tx: RelayTx, row: Row, why: str) -> None:
        tries = row["tries"] + 1
        if tries < TRIES:
            self._retried.inc()
            await tx.try_later(row, why, wait_s=self._refusals.wait_s(tries))
            return
        self._dead.inc()
        _log.error("event_dead", room=self._room, topic=row["topic"], event_id=str(row["id"]), why=why)
        await tx.bury(row, why)

    async def _measure(self) -> None:
        """Tell how much waits, and since when; at most once a poll."""
        if time.monotonic() - self._measured_at < self._poll_s:
            return
        self._measured_at = time.monotonic()
        try:
            row = await self._database.primary.fetchrow(
                "SELECT (SELECT count(*) FROM (SELECT FROM outbox LIMIT 100000) AS counted) AS depth, "
                "coalesce(extract(epoch FROM clock_timestamp() - "
                "(SELECT emitted_at FROM outbox ORDER BY seq LIMIT 1)), 0)::float8 AS oldest_s"
            )
        except Exception as error:  # noqa: BLE001 - what cannot be measured is published all the same
            _log.warning("outbox_not_measured", room=self._room, error=repr(error))
            return
        if row is not None:
            DEPTH.labels(self._room).set(row["depth"])
            OLDEST.labels(self._room).set(row["oldest_s"])
