"""Handles the events of other rooms, each exactly once in effect.

The log delivers at least once. A batch is handled in one transaction of the room, which first writes down the
ids of its events for this consumer and keeps those that were not there yet: effect and memory are one, so a
redelivery changes nothing. A batch that fails is taken event by event; an event that fails five times goes to
the dead letters of its topic, and the partition moves on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import Any, Generic, TypeAlias, TypeVar

import structlog
from google.protobuf.message import DecodeError
from prometheus_client import Counter, Gauge, Histogram

from nova.platform.backoff import Backoff
from nova.platform.clock import Clock, SystemClock
from nova.platform.db.database import Database
from nova.platform.db.tx import Tx
from nova.platform.dead_letters import REPLAY_FOR, dead_letter, describe
from nova.platform.delivery import TRANSIENT, context_of, parse, runs
from nova.platform.events import Received, Topic
from nova.platform.log.port import EventLog, Record, Subscription
from nova.platform.tasks import to_its_end
from nova.platform.telemetry.metrics import LATENCY_BUCKETS_S
from nova.platform.telemetry.tracing import Tracing

TRIES = 5
WINDOW = timedelta(days=7)
"""How long a consumer remembers an event. An older one may have been handled and forgotten: it is a dead letter."""

TxT = TypeVar("TxT", bound=Tx)
Handler: TypeAlias = Callable[[TxT, Sequence[Received[Any]]], Awaitable[None]]
_log = structlog.get_logger(__name__)

DELIVERED = Counter("consumer_deliveries_total", "Events delivered, duplicates too.", ["group", "topic"])
DUPLICATES = Counter(
    "consumer_duplicates_total", "Events filtered, for they were handled before.", ["group", "topic"]
)
RETRIED = Counter(
    "consumer_retried_total", "Tries after the first of events that failed.", ["group", "topic"]
)
DEAD = Counter("consumer_dead_total", "Events given up: dead letters.", ["group", "topic"])
FAILED = Counter("consumer_failures_total", "Batches that failed and come again.", ["group"])
LAG = Gauge("consumer_lag", "Events that the group has still to handle.", ["group", "topic"])
EFFECT = Histogram(
    "event_effect_seconds", "From the emission to the effect.", ["group", "topic"], buckets=LATENCY_BUCKETS_S
)

# In order of id, so that two deliveries of the same events wait for one another and never in a circle.
_REMEMBER = """
INSERT INTO processed_events (consumer, event_id)
SELECT $1, id FROM unnest($2::uuid[]) AS id ORDER BY id
ON CONFLICT DO NOTHING
RETURNING event_id
"""


class Consumer(Generic[TxT]):
    """One consumer group of a room, as one member of it.

    `run` goes on until it is cancelled; a batch that has begun comes to its end first.
    `handlers` get the fresh events of a batch, in the order in which they were told: runs of one topic each,
    all in one transaction. They raise `Unavailable` (or `Timeout`, `RateLimited`) to have it all again later.
    """

    def __init__(
        self,
        *,
        group: str,
        database: Database,
        tx_type: type[TxT],
        log: EventLog,
        handlers: "Mapping[Topic[Any], Handler[TxT]]",
        clock: Clock | None = None,
        tracing: Tracing | None = None,
        batch: int = 200,
        retries: Backoff | None = None,
        outages: Backoff | None = None,
        measure_every_s: float = 10.0,
    ) -> None:
        self.group = group
        self._database = database
        self._tx_type = tx_type
        self._log = log
        self._topics = {topic.name: topic for topic in handlers}
        self._handlers = {topic.name: handler for topic, handler in handlers.items()}
        self._clock = clock or SystemClock()
        self._tracing = tracing or Tracing()
        self._batch = batch
        self._retries = retries or Backoff(first_s=0.2, longest_s=2.0)
        self._outages = outages or Backoff()
        self._measure_every_s = measure_every_s
        # Found once: a look-up by labels costs more than to count does. And shown from the start: a counter whose
        # first sample is 1 has not grown, and nobody would be alarmed.
        self._delivered = {name: DELIVERED.labels(group, name) for name in self._topics}
        self._duplicates = {name: DUPLICATES.labels(group, name) for name in self._topics}
        self._retried = {name: RETRIED.labels(group, name) for name in self._topics}
        self._dead = {name: DEAD.labels(group, name) for name in self._topics}
        self._failed = FAILED.labels(group)
        self._effect = {name: EFFECT.labels(group, name) for name in self._topics}

    async def run(self) -> None:
        """Handle batches as they come."""
        async with (
            aclosing(self._log.subscribe(self.group, list(self._topics.values()))) as subscription,
            asyncio.TaskGroup() as beside,
        ):
            beside.create_task(self._keep_measuring(), name=f"lag-{self.group}")
            await self._run(subscription)

    async def _run(self, subscription: Subscription) -> None:
        failures = 0
        while True:
            try:
                async with subscription.batch(self._batch) as records:
                    _, ending = await to_its_end(self.deliver(records))
                if ending:
                    raise asyncio.CancelledError  # noqa: TRY301 - the log knows by now what was done
            except Exception as error:  # noqa: BLE001 - bad events are dead letters by now: the rest comes again
                failures += 1
                self._failed.inc()
                _log.warning("consumer_failed", group=self.group, failures=failures, error=repr(error))
                await asyncio.sleep(self._outages.wait_s(failures))
            else:
                failures = 0

    async def deliver(self, records: Sequence[Record]) -> None:
        """Handle records: when this returns each is in effect, filtered, or a dead letter.

        Raises one of `TRANSIENT` when it cannot be done now; what was done until then will be filtered.
        """
        read = [(record, event) for record in records if (event := await self._read(record)) is not None]
        if not read:
            return
        try:
            await self._handle([event for _, event in read])
        except TRANSIENT:
            raise
        except Exception as error:  # noqa: BLE001 - which event it was shows when each is handled alone
            _log.warning("batch_failed", group=self.group, events=len(read), error=describe(error))
            for record, event in read:
                await self._handle_alone(record, event)

    async def _read(self, record: Record) -> Received[Any] | None:
        """Return the event of a record; None when it is not for this group, or a dead letter by now."""
        replay_for = record.headers.get(REPLAY_FOR)
        if replay_for is not None and replay_for != self.group:
            return None
        self._delivered[record.topic].inc()
        if replay_for is None and self._clock.now() - record.emitted_at > WINDOW:
            await self._bury(record, "OLDER_THAN_THE_WINDOW", tries=0)
            return None
        try:
            return parse(record, self._topics)
        except DecodeError:
            await self._bury(record, "UNDECODABLE", tries=1)
            return None

    async def _handle(self, events: Sequence[Received[Any]]) -> None:
        """Handle what is fresh of `events`, in one transaction."""
        async with self._database.transaction(self._tx_type) as tx:
            rows = await tx.fetch(_REMEMBER, self.group, [event.id for event in events])
            new = {row["event_id"] for row in rows}
            fresh: list[Received[Any]] = []
            again: list[Received[Any]] = []
            for event in events:
                (fresh if event.id in new else again).append(event)
                new.discard(event.id)  # the same event twice in one batch is handled once
            for topic, run in runs(fresh):
                with context_of(run, name=self.group, tracing=self._tracing):
                    await self._handlers[topic](tx, run)
        now = self._clock.now()
        for event in fresh:
            self._effect[event.topic].observe((now - event.emitted_at).total_seconds())
        for event in again:
            self._duplicates[event.topic].inc()

    async def _handle_alone(self, record: Record, event: Received[Any]) -> None:
        for tries in range(1, TRIES + 1):
            try:
                await self._handle([event])
            except TRANSIENT:
                raise
            except Exception as error:  # noqa: BLE001 - anything that a handler may do wrong
                if tries == TRIES:
                    await self._bury(record, describe(error), tries=tries)
                    return
                self._retried[event.topic].inc()
                await asyncio.sleep(self._retries.wait_s(tries))
            else:
                return

    async def _bury(self, record: Record, why: str, *, tries: int) -> None:
        """Give an event up. It is not remembered as handled, so that it can be put back."""
        await self._log.append([dead_letter(record, group=self.group, why=why, tries=tries)])
        self._dead[record.topic].inc()
        _log.error(
            "event_dead", group=self.group, topic=record.topic, event_id=str(record.id), why=why, tries=tries
        )

    async def _keep_measuring(self) -> None:
        """Tell again and again how far the group is behind, whatever becomes of the batch in hand."""
        while True:
            try:
                await self._measure()
            except Exception as error:  # noqa: BLE001 - what cannot be measured is handled all the same
                _log.warning("lag_not_measured", group=self.group, error=repr(error))
            await asyncio.sleep(self._measure_every_s)

    async def _measure(self) -> None:
        behind = dict.fromkeys(self._topics, 0)
        for (topic, _), records in (await self._log.lag(self.group)).items():
            if topic in behind:  # the log may remember topics that the group heard once
                behind[topic] += records
        for topic, records in behind.items():
            LAG.labels(self.group, topic).set(records)
