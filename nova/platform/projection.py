"""State in memory that follows the log: loaded from the truth, then kept up by every event after that.

The log's end is noted before the load, so an event in between is applied twice rather than never: handlers
are idempotent. There is no group and nothing is remembered; a process that starts again loads again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, Final, TypeAlias

import structlog
from google.protobuf.message import DecodeError
from prometheus_client import Counter, Gauge, Histogram

from nova.platform.backoff import Backoff
from nova.platform.clock import Clock, SystemClock
from nova.platform.dead_letters import REPLAY_FOR, describe
from nova.platform.delivery import TRANSIENT, context_of, parse, runs
from nova.platform.errors import Timeout
from nova.platform.events import Received, Topic
from nova.platform.log.port import Delivered, EventLog, Position, PositionLost
from nova.platform.telemetry.metrics import LATENCY_BUCKETS_S
from nova.platform.telemetry.tracing import Tracing

Apply: TypeAlias = Callable[[Sequence[Received[Any]]], Awaitable[None]]
Load: TypeAlias = Callable[[], Awaitable[Position | None]]
_log = structlog.get_logger(__name__)

SKIPPED = Counter(
    "projection_skipped_total", "Events that a projection could not apply.", ["projection", "topic"]
)
RELOADED = Counter("projection_reloads_total", "Loads from the truth.", ["projection"])
BEHIND = Gauge(
    "projection_behind_seconds",
    "How long ago the projection was last known to have applied all that the log held.",
    ["projection"],
)
EFFECT = Histogram(
    "projection_effect_seconds",
    "From the emission to the effect.",
    ["projection", "topic"],
    buckets=LATENCY_BUCKETS_S,
)


MEASURE_EVERY_S: Final = 30.0
"""To ask Kafka where it ends takes a connection, and a read of each partition."""


class Behind(Timeout):
    """The projection has not caught up with the log in time."""


class Projection:
    """Follows some topics. `load` replaces the whole state from the truth; `handlers` apply runs of events.

    `load` may return the position that its state is of (a snapshot's): the events after it are then applied,
    each once. An event that a handler cannot apply is skipped, logged and counted; `Unavailable` has it tried
    again.
    """

    def __init__(
        self,
        *,
        name: str,
        log: EventLog,
        load: Load,
        handlers: Mapping[Topic[Any], Apply],
        clock: Clock | None = None,
        tracing: Tracing | None = None,
        outages: Backoff | None = None,
        measure_every_s: float = MEASURE_EVERY_S,
    ) -> None:
        self.name = name
        self._log = log
        self._load = load
        self._topics = {topic.name: topic for topic in handlers}
        self._handlers = {topic.name: handler for topic, handler in handlers.items()}
        self._effect = {name: EFFECT.labels(self.name, name) for name in self._topics}
        # Shown from the start: a counter whose first sample is 1 has not grown.
        self._skipped = {name: SKIPPED.labels(self.name, name) for name in self._topics}
        self._clock = clock or SystemClock()
        self._tracing = tracing or Tracing()
        self._outages = outages or Backoff()
        self._measure_every_s = measure_every_s
        self._behind = BEHIND.labels(self.name)
        self._level_at = 0.0
        self._ahead: tuple[float, Position] | None = None
        self._position: dict[tuple[str, int], int] = {}
        self._moved = asyncio.Condition()
        self._applying = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load, and begin to follow. Raises what `load` raises.

        While the log is away that stands as it is; where it does not know its position, it is loaded again then.
        """
        try:
            position = await self._log.end(list(self._topics.values()))
        except TRANSIENT as error:
            _log.warning("projection_starts_without_log", projection=self.name, error=describe(error))
            position = None
        lost = not await self._replace(position)
        self._level_at, self._ahead = self._clock.monotonic(), None
        self._task = asyncio.create_task(self._run(lost=lost), name=f"projection-{self.name}")

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    @asynccontextmanager
    async def still(self) -> AsyncIterator[Position]:
        """Hold events back inside the block, and yield the position that the state is of: to take a snapshot."""
        async with self._applying:
            yield dict(self._position)

    async def caught_up(self, timeout_s: float = 5.0) -> None:
        """Return when all that the log holds now is applied. Raises `Behind` after `timeout_s` seconds."""
        end = await self._log.end(list(self._topics.values()))
        try:
            async with asyncio.timeout(timeout_s), self._moved:
                await self._moved.wait_for(lambda: self._has_reached(end))
        except TimeoutError as error:
            raise Behind(f"{self.name} has not caught up in {timeout_s} s.") from error

    async def _replace(self, end: Position | None) -> bool:
        """Load. Return whether the position of that is known: its own, or `end`, where the log ended before."""
        loaded = await self._load()
        RELOADED.labels(self.name).inc()
        self._position = {}
        position = end if loaded is None else loaded
        if position is not None:
            await self._move(position)
        return position is not None

    async def _move(self, position: Mapping[tuple[str, int], int]) -> None:
        async with self._moved:
            self._position.update(position)
            self._moved.notify_all()

    def _has_reached(self, end: Position) -> bool:
        return all(self._position.get(place, 0) >= offset for place, offset in end.items())

    async def _run(self, *, lost: bool) -> None:
        async with asyncio.TaskGroup() as beside:
            beside.create_task(self._keep_measuring(), name=f"behind-{self.name}")
            await self._follow(lost=lost)

    async def _keep_measuring(self) -> None:
        """Tell again and again how far it is behind; also while the log does not say, for then nobody knows better."""
        while True:
            await asyncio.sleep(self._measure_every_s)
            try:
                await self._measure()
            except Exception as error:  # noqa: BLE001 - what cannot be measured is applied all the same
                _log.warning("projection_not_measured", projection=self.name, error=describe(error))
            self._behind.set(self._clock.monotonic() - self._level_at)

    async def _measure(self) -> None:
        """Note where the log ends, once what was noted before is reached: while the projection stands nobody asks."""
        if self._ahead is not None:
            at, end = self._ahead
            if not self._has_reached(end):
                return
            self._level_at, self._ahead = at, None
        at = self._clock.monotonic()
        end = await self._log.end(list(self._topics.values()))
        if self._has_reached(end):
            self._level_at = at
        else:
            self._ahead = at, end

    async def _follow(self, *, lost: bool) -> None:
        failures = 0
        while True:
            try:
                if lost:
                    lost = not await self._replace(await self._log.end(list(self._topics.values())))
                tail = self._log.tail(list(self._topics.values()), dict(self._position))
                async with aclosing(tail) as batches:
                    async for records in batches:
                        async with self._applying:
                            await self._apply(records)
                        failures = 0
            except PositionLost:
                _log.warning("projection_reloads", projection=self.name)
                lost = True
            except Exception as error:  # noqa: BLE001 - the position stands: it goes on from there
                failures += 1
                _log.warning("projection_failed", projection=self.name, error=describe(error))
                await asyncio.sleep(self._outages.wait_s(failures))

    async def _apply(self, records: Sequence[Delivered]) -> None:
        """Apply records in their order and move on. A dead letter put back was applied when it first came."""
        events = [event for record in records if (event := self._read(record)) is not None]
        for topic, run in runs(events):
            try:
                await self._apply_run(topic, run)
            except TRANSIENT:
                raise
            except Exception:  # noqa: BLE001 - which event it was shows when each is applied alone
                for event in run:
                    await self._apply_alone(topic, event)
        now = self._clock.now()
        for event in events:
            self._effect[event.topic].observe((now - event.emitted_at).total_seconds())
        await self._move({(record.topic, record.partition): record.offset + 1 for record in records})

    def _read(self, record: Delivered) -> Received[Any] | None:
        if REPLAY_FOR in record.headers:
            return None
        try:
            return parse(record, self._topics)
        except DecodeError as error:
            self._skip(record.topic, str(record.id), error)
            return None

    async def _apply_run(self, topic: str, run: Sequence[Received[Any]]) -> None:
        with context_of(run, name=self.name, tracing=self._tracing):
            await self._handlers[topic](run)

    async def _apply_alone(self, topic: str, event: Received[Any]) -> None:
        try:
            await self._apply_run(topic, [event])
        except TRANSIENT:
            raise
        except Exception as error:  # noqa: BLE001 - anything that a handler may do wrong
            self._skip(topic, str(event.id), error)

    def _skip(self, topic: str, event_id: str, error: Exception) -> None:
        self._skipped[topic].inc()
        _log.error(
            "event_skipped", projection=self.name, topic=topic, event_id=event_id, error=describe(error)
        )
