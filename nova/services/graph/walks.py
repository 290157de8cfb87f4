"""Questions that walk along follows: a chain between two people, and people at two steps.

Two engines answer them: the adjacency in memory, and Neo4j where it is configured. Neither knows who may see whom:
the verbs say who is shut out, and look at what comes back. Whatever else is asked of the network is memory's.
"""

import asyncio
from itertools import pairwise
from typing import Final, Protocol

import structlog
from prometheus_client import Counter

from nova.native.graph import Candidates, Relation
from nova.native.ids import split
from nova.platform.clock import Clock, unix_ms
from nova.platform.errors import Timeout, Unavailable
from nova.services.graph.model import UserId
from nova.services.graph.network import Network

_AWAY: Final = (Unavailable, Timeout)
_log = structlog.get_logger(__name__)

FROM_MEMORY = Counter(
    "graph_walks_from_memory_total",
    "Walks that memory answered in place of Neo4j: it was away, found nothing, or what it found is over.",
    ["walk", "why"],
)


class Walks(Protocol):
    """What both engines answer. Ids are of 16 bytes, side by side; whoever is excluded is not walked through."""

    async def path(self, source: UserId, target: UserId, *, max_depth: int, exclude: bytes) -> bytes:
        """Return a shortest chain of follows, both ends included, of at most `max_depth`; empty for none."""
        ...

    async def candidates(self, viewer: UserId, *, k: int, exclude: bytes) -> Candidates:
        """Return the `k` best people at two steps whom the viewer does not follow, best first (Adamic-Adar)."""
        ...


class WalksInMemory:
    """Answers from the adjacency. Raises `GraphLoading` before it is loaded."""

    def __init__(self, network: Network, clock: Clock) -> None:
        self._network = network
        self._clock = clock

    async def path(self, source: UserId, target: UserId, *, max_depth: int, exclude: bytes) -> bytes:
        """Return a shortest chain of follows."""
        adjacency = self._network.people().adjacency
        found = await asyncio.to_thread(adjacency.path, source, target, max_depth=max_depth, exclude=exclude)
        return found or b""

    async def candidates(self, viewer: UserId, *, k: int, exclude: bytes) -> Candidates:
        """Return the best people at two steps; those whom the viewer asked or mutes are left out already."""
        adjacency, now_ms = self._network.people().adjacency, unix_ms(self._clock.now())
        return await asyncio.to_thread(adjacency.candidates, viewer, k=k, now_ms=now_ms, exclude=exclude)

    def stands(self, path: bytes) -> bool:
        """Return whether each on a chain follows the next, as far as this process knows."""
        adjacency = self._network.people().adjacency
        return all(
            adjacency.relations(one, other, now_ms=0)[0] & Relation.FOLLOWS
            for one, other in pairwise(split(path))
        )


class SteadyWalks:
    """Asks an engine outside, and memory where that is away or behind.

    Memory knows of every follow as soon as it is made or ended here, Neo4j a little later: a direct follow is seen at
    once, and a chain of which a part has ended is not shown.
    """

    def __init__(self, outside: Walks, memory: WalksInMemory) -> None:
        self._outside = outside
        self._memory = memory

    async def path(self, source: UserId, target: UserId, *, max_depth: int, exclude: bytes) -> bytes:
        """Return a shortest chain of follows."""
        if self._memory.stands(source.bytes + target.bytes):
            return await self._memory.path(source, target, max_depth=max_depth, exclude=exclude)
        try:
            found = await self._outside.path(source, target, max_depth=max_depth, exclude=exclude)
        except _AWAY as error:
            _note("path", "away", error)
        else:
            if found and self._memory.stands(found):
                return found
            _note("path", "over" if found else "nothing")
        return await self._memory.path(source, target, max_depth=max_depth, exclude=exclude)

    async def candidates(self, viewer: UserId, *, k: int, exclude: bytes) -> Candidates:
        """Return the best people at two steps."""
        try:
            found = await self._outside.candidates(viewer, k=k, exclude=exclude)
        except _AWAY as error:
            _note("candidates", "away", error)
        else:
            if found.ids:
                return found
            _note("candidates", "nothing")
        return await self._memory.candidates(viewer, k=k, exclude=exclude)


def _note(walk: str, why: str, error: Unavailable | Timeout | None = None) -> None:
    FROM_MEMORY.labels(walk, why).inc()
    if error is not None:
        _log.debug("walk_from_memory", walk=walk, error=error.reason)
