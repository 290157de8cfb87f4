"""Keeping the follows in Neo4j true: loaded from the ledger once, then fed by a consumer group.

Neo4j remembers what it holds, so unlike the adjacency it is not loaded at each start: only where it holds nothing yet,
where a load was broken off, or on demand. Until it is whole, and whenever it is away, memory answers.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from nova.api.graph.v1.events_pb2 import FollowEvent
from nova.native.graph import Adjacency, Edge
from nova.platform.backoff import Backoff
from nova.platform.dead_letters import describe
from nova.platform.errors import NovaError
from nova.platform.events import Received
from nova.platform.log.port import EventLog
from nova.platform.neo4j import Neo4j
from nova.platform.projection import Behind
from nova.platform.tasks import Tasks
from nova.platform.verification import Verification, settled
from nova.services.graph.model import EdgeBatch
from nova.services.graph.network import People
from nova.services.graph.projection import follows_of
from nova.services.graph.store.ledger import Ledger
from nova.services.graph.store.neo4j import FollowsInNeo4j
from nova.services.graph.store.tx import GraphTx

GROUP: Final = "graph-neo4j"
_LOOK_EVERY_S: Final = 0.05
_log = structlog.get_logger(__name__)


class Neo4jProjection:
    """Loads and feeds `FollowsInNeo4j`. Its handlers are those of the consumer group `GROUP`."""

    def __init__(
        self,
        *,
        neo4j: Neo4j,
        follows: FollowsInNeo4j,
        ledger: Ledger,
        log: EventLog,
        tasks: Tasks,
        outages: Backoff | None = None,
    ) -> None:
        self._neo4j = neo4j
        self._follows = follows
        self._ledger = ledger
        self._log = log
        self._tasks = tasks
        self._outages = outages or Backoff()
        self._keeping: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._failed: Exception | None = None

    async def start(self) -> None:
        """Begin to keep Neo4j beside everything else: the room does not wait for it."""
        self._keeping = self._tasks.spawn("graph-neo4j", self._keep())

    async def stop(self) -> None:
        """Stop, and close the connections."""
        if self._keeping is not None:
            await self._tasks.cancel(self._keeping)
        await self._neo4j.aclose()

    async def load(self) -> None:
        """Take Neo4j for this ledger, and fill it unless it is whole. Raises `Unavailable` and `Timeout`."""
        if not await self._follows.claim(await self._ledger.identity()):
            await self._fill()
        await self._follows.warm()

    async def join(self) -> None:
        """Take Neo4j as it is, neither loaded nor kept: for who only compares it. Raises as `load` does."""
        await self._follows.find(await self._ledger.identity())
        self._ready.set()

    async def rebuild(self) -> None:
        """Empty Neo4j and fill it again from the ledger; memory answers meanwhile. Raises as `load` does."""
        await self._follows.claim(await self._ledger.identity())
        await self._follows.set_whole(whole=False)
        await self._follows.empty()
        await self._fill()

    async def caught_up(self, timeout_s: float = 5.0) -> None:
        """Return when Neo4j is whole and the group has handled all events. Raises `Behind` after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
                await self._all_handled()
        except TimeoutError as error:
            why = "" if self._failed is None or self._ready.is_set() else f" {self._failed}"
            raise Behind(f"{GROUP} has not caught up in {timeout_s:g} s.{why}") from error

    async def verify(self) -> Verification:
        """Compare the follows in Neo4j with those of the ledger."""
        return await settled(self._compare)

    async def followed(self, _: GraphTx, received: Sequence[Received[FollowEvent]]) -> None:
        """Take follows that were made. Neo4j is no part of the transaction: what comes again changes nothing."""
        await self._follows.put(follows_of(received))

    async def unfollowed(self, _: GraphTx, received: Sequence[Received[FollowEvent]]) -> None:
        """Take follows that have ended."""
        await self._follows.put(follows_of(received, ended=True))

    async def _keep(self) -> None:
        failures = 0
        while True:
            try:
                await self.load()
            except Exception as error:  # noqa: BLE001 - memory answers meanwhile: nothing that fails is the last try
                failures += 1
                self._failed = error
                why = str(error) if isinstance(error, NovaError) else ""
                _log.warning("neo4j_not_loaded", failures=failures, error=describe(error), why=why)
                await asyncio.sleep(self._outages.wait_s(failures))
            else:
                failures = 0
                self._ready.set()
                await self._follows.lost()
                self._ready.clear()
                _log.warning("neo4j_lost")

    async def _fill(self) -> None:
        """Put all that the ledger knows, tombstones too: events that come meanwhile win or lose by their versions."""
        async for page in self._ledger.follows(ended_since=0):
            await self._follows.put(page)
        await self._follows.set_whole(whole=True)

    async def _all_handled(self) -> None:
        while True:
            if not any((await self._log.lag(GROUP)).values()):
                return
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _compare(self) -> Verification:
        truth, found = People(), Adjacency()
        async for page in self._ledger.follows(ended_since=0):
            truth.load(Edge.FOLLOW, page)
        await self.caught_up()
        async for batch in self._follows.follows():
            _add(found, batch)
        hashes = await asyncio.to_thread(
            lambda: [one.content_hash().hex() for one in (found, truth.adjacency)]
        )
        return Verification(entries=len(truth), in_use=hashes[0], from_truth=hashes[1])


def _add(adjacency: Adjacency, batch: EdgeBatch) -> None:
    adjacency.put(Edge.FOLLOW, batch.sources, batch.targets, at_ms=batch.at_ms, versions=batch.versions)
