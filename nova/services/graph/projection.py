"""Keeping the adjacency true: loaded from the ledger and from user, then following the log.

Where user cannot be reached at the start, loading is tried again until it can, and the room is not ready: who cannot
know of a block shows nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, Protocol

import structlog

from nova.api.graph.v1.events_pb2 import FollowEvent, FollowRequestEvent
from nova.api.user.v1.events_pb2 import BlockEvent, MuteEvent, ProfileUpdatedEvent
from nova.native.graph import Edge
from nova.native.ids import ID_BYTES
from nova.platform.backoff import Backoff
from nova.platform.clock import Clock, unix_ms
from nova.platform.delivery import TRANSIENT
from nova.platform.events import Received
from nova.platform.log.port import EventLog
from nova.platform.projection import Projection
from nova.platform.tasks import Tasks
from nova.platform.telemetry.tracing import Tracing
from nova.platform.verification import Verification, settled
from nova.services.graph import events
from nova.services.graph.model import EdgeBatch, FlagBatch, RestrictionPage
from nova.services.graph.network import Network, People
from nova.services.graph.store.ledger import Ledger

LATE: Final = timedelta(days=1)
"""No event comes later than this: ends that are older need no tombstone."""
_PRUNE_EVERY_S: Final = 3600.0
_log = structlog.get_logger(__name__)


class Restrictions(Protocol):
    """What loading asks of user."""

    def pages(self) -> AsyncIterator[RestrictionPage]:
        """Yield everything that user says of blocks, mutes, and who is private or not to be suggested."""
        ...


class GraphProjection:
    """Loads and feeds a `Network`."""

    def __init__(
        self,
        *,
        network: Network,
        ledger: Ledger,
        restrictions: Restrictions,
        log: EventLog,
        tasks: Tasks,
        clock: Clock,
        tracing: Tracing,
        outages: Backoff | None = None,
    ) -> None:
        self._network = network
        self._ledger = ledger
        self._restrictions = restrictions
        self._tasks = tasks
        self._clock = clock
        self._outages = outages or Backoff()
        self._pruned_at = clock.monotonic()
        self._retrying: asyncio.Task[None] | None = None
        self._projection = Projection(
            name="graph-adjacency",
            log=log,
            load=self._load,
            handlers={
                events.FOLLOW_CREATED: self._followed,
                events.FOLLOW_DELETED: self._unfollowed,
                events.REQUEST_CREATED: self._requested,
                events.REQUEST_DELETED: self._unrequested,
                events.BLOCK_CREATED: self._blocked,
                events.BLOCK_DELETED: self._unblocked,
                events.MUTE_CREATED: self._muted,
                events.MUTE_DELETED: self._unmuted,
                events.PROFILE_UPDATED: self._profiles_updated,
            },
            clock=clock,
            tracing=tracing,
        )

    async def start(self) -> None:
        """Load and follow; when that cannot be done now, go on trying beside everything else."""
        try:
            await self._projection.start()
        except TRANSIENT as error:
            _log.warning("graph_not_loaded", error=error.reason)
            self._retrying = self._tasks.spawn("graph-loading", self._retry(), critical=True)

    async def stop(self) -> None:
        """Stop following."""
        if self._retrying is not None:
            await self._tasks.cancel(self._retrying)
        await self._projection.stop()

    async def check(self) -> None:
        """Raise `GraphLoading` until the adjacency is loaded."""
        self._network.people()

    async def caught_up(self, timeout_s: float = 5.0) -> None:
        """Return when everything that the log holds now is applied."""
        await self._projection.caught_up(timeout_s)

    async def verify(self) -> Verification:
        """Compare the adjacency in use with one made from the truth now, as `nova rebuild graph --verify` does."""
        return await settled(self._compare)

    async def _compare(self) -> Verification:
        truth = People()
        await self._fill(truth)
        await self.caught_up()
        wanted, found = await asyncio.to_thread(_fingerprints, truth, self._network.people())
        return Verification(entries=len(truth), in_use=found.hex(), from_truth=wanted.hex())

    async def _retry(self) -> None:
        failures = 0
        while True:
            failures += 1
            await asyncio.sleep(self._outages.wait_s(failures))
            try:
                await self._projection.start()
            except TRANSIENT as error:
                _log.warning("graph_not_loaded", failures=failures, error=error.reason)
            else:
                return

    async def _load(self) -> None:
        with self._network.loading() as people:
            await self._fill(people)

    async def _fill(self, people: People) -> None:
        ended_since = unix_ms(self._clock.now() - LATE)
        async for page in self._ledger.follows(ended_since=ended_since):
            people.load(Edge.FOLLOW, page)
        async for page in self._ledger.requests(ended_since=ended_since):
            people.load(Edge.REQUEST, page)
        async for restrictions in self._restrictions.pages():
            people.restrict(restrictions)

    async def _followed(self, received: Sequence[Received[FollowEvent]]) -> None:
        self._people().put(Edge.FOLLOW, follows_of(received))

    async def _unfollowed(self, received: Sequence[Received[FollowEvent]]) -> None:
        self._people().drop(Edge.FOLLOW, follows_of(received))

    async def _requested(self, received: Sequence[Received[FollowRequestEvent]]) -> None:
        self._people().put(Edge.REQUEST, _requests(received))

    async def _unrequested(self, received: Sequence[Received[FollowRequestEvent]]) -> None:
        self._people().drop(Edge.REQUEST, _requests(received))

    async def _blocked(self, received: Sequence[Received[BlockEvent]]) -> None:
        self._people().put(Edge.BLOCK, _blocks(received))

    async def _unblocked(self, received: Sequence[Received[BlockEvent]]) -> None:
        self._people().drop(Edge.BLOCK, _blocks(received))

    async def _muted(self, received: Sequence[Received[MuteEvent]]) -> None:
        self._people().put(Edge.MUTE, _mutes(received))

    async def _unmuted(self, received: Sequence[Received[MuteEvent]]) -> None:
        self._people().drop(Edge.MUTE, _mutes(received))

    async def _profiles_updated(self, received: Sequence[Received[ProfileUpdatedEvent]]) -> None:
        people, values = self._people(), [event.value for event in received]
        batch = FlagBatch(
            users=b"".join(value.user_id for value in values), versions=[value.version for value in values]
        )
        people.set_private(batch, [value.is_private for value in values])
        people.set_suggestible(batch, [value.suggestible for value in values])

    def _people(self) -> People:
        """Return the state to apply events to. Once in a while it forgets what ended long ago."""
        people, now = self._network.people(), self._clock.monotonic()
        if now - self._pruned_at > _PRUNE_EVERY_S:
            self._pruned_at = now
            people.forget_ended(before_version=unix_ms(self._clock.now() - LATE))
        return people


def _fingerprints(*states: People) -> list[bytes]:
    return [state.fingerprint() for state in states]


def follows_of(received: Sequence[Received[FollowEvent]], *, ended: bool = False) -> EdgeBatch:
    """Return the follows of events. Raises ValueError for an id that does not have 16 bytes."""
    values = [event.value for event in received]
    pairs = [(value.follower_id, value.followee_id) for value in values]
    return replace(_batch(values, pairs, _occurred(values)), ended=[ended] * len(values))


def _requests(received: Sequence[Received[FollowRequestEvent]]) -> EdgeBatch:
    values = [event.value for event in received]
    return _batch(values, [(value.requester_id, value.requested_id) for value in values], _occurred(values))


def _blocks(received: Sequence[Received[BlockEvent]]) -> EdgeBatch:
    values = [event.value for event in received]
    return _batch(values, [(value.user_id, value.blocked_id) for value in values], _occurred(values))


def _mutes(received: Sequence[Received[MuteEvent]]) -> EdgeBatch:
    values = [event.value for event in received]
    ends = [value.until.ToMilliseconds() if value.HasField("until") else 0 for value in values]
    return _batch(values, [(value.user_id, value.muted_id) for value in values], ends)


def _occurred(values: Sequence[Any]) -> list[int]:
    return [value.occurred_at.ToMilliseconds() for value in values]


def _batch(values: Sequence[Any], pairs: Sequence[tuple[bytes, bytes]], at_ms: Sequence[int]) -> EdgeBatch:
    # Side by side, one id that is too short would shift all others.
    if any(len(identifier) != ID_BYTES for pair in pairs for identifier in pair):
        raise ValueError("an id of an edge does not have 16 bytes")
    return EdgeBatch(
        sources=b"".join(source for source, _ in pairs),
        targets=b"".join(target for _, target in pairs),
        at_ms=at_ms,
        versions=[value.version for value in values],
    )
