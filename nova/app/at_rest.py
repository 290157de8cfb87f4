"""Projections that lie in engines, compared without a room: no relay runs, no group is joined, nothing is migrated.

Production is looked at with this, beside the processes that serve it.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from nova.app.compared import Compared
from nova.app.held import Here
from nova.app.prepare import log_of
from nova.app.projections import copies
from nova.app.sources import Sources
from nova.platform.clock import SystemClock
from nova.platform.db.database import Database, DatabaseConfig
from nova.platform.engine_knobs import Neo4jUrl
from nova.platform.tasks import Tasks
from nova.platform.verification import Verifiable, Verification
from nova.services.graph.store.ledger import Ledger
from nova.services.social.store.audit import CounterAudit

if TYPE_CHECKING:
    from nova.services.graph.projection_neo4j import Neo4jProjection

IN_MEMORY: Final = ("graph", "ranking", "feed")
"""What only the processes that serve it can compare."""


class CopiesAtRest:
    """What rooms have copied of each other. The tables are opened whenever somebody asks."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    async def names(self) -> Sequence[str]:
        """Return the names of all."""
        async with self._open() as held:
            return await held.names()

    async def refill(self, _: str) -> int:
        """Fill nothing again: what is wrong in a table is mended by events, or by hand."""
        return 0

    async def verify(self, name: str) -> Sequence[Compared]:
        """Compare tables with tables."""
        async with self._open() as held:
            return await held.verify(name)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Here]:
        async with databases(self._sources, ("identity", "user", "graph")) as opened:
            yield Here(lambda: copies(opened.__getitem__), at_rest=True)


@asynccontextmanager
async def all_at_rest(sources: Sources, neo4j_url: Neo4jUrl | None) -> AsyncIterator[Here]:
    """Yield all that can be compared from here: tables with tables, and Neo4j, if there is one, with the ledger."""
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(databases(sources, ("identity", "user", "graph", "social")))
        projections: dict[str, Verifiable] = {
            **copies(opened.__getitem__),
            "counters": CounterAudit(opened["social"]),
        }
        if neo4j_url is not None:
            neo4j = await stack.enter_async_context(follows_in_neo4j(sources, neo4j_url, opened["graph"]))
            projections["graph.neo4j"] = _AtRest(neo4j)
        yield Here(lambda: projections, at_rest=True)


class _AtRest:
    """Neo4j as it is found when it is compared."""

    def __init__(self, projection: "Neo4jProjection") -> None:
        self._projection = projection

    async def verify(self) -> Verification:
        """Compare it with the ledger. Raises `Unavailable` and `Timeout`."""
        await self._projection.join()
        return await self._projection.verify()

    async def rebuild(self) -> None:
        """Fill it again from the ledger."""
        await self._projection.rebuild()


@asynccontextmanager
async def databases(sources: Sources, names: Sequence[str]) -> AsyncIterator[Mapping[str, Database]]:
    """Yield the databases of rooms, each by the room's own role, past pooler and replica: what is compared is now."""
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(
                Database(DatabaseConfig(room=name, dsn=sources.room_dsns[name]))
            )
            for name in names
        }


@asynccontextmanager
async def follows_in_neo4j(
    sources: Sources, url: Neo4jUrl, database: Database
) -> "AsyncIterator[Neo4jProjection]":
    """Yield the follows in Neo4j for who is not the room that keeps them: not loaded, and not kept."""
    # Only here: those who run without Neo4j need not wait for its driver to load.
    from nova.platform.neo4j import Neo4j  # noqa: PLC0415
    from nova.services.graph.projection_neo4j import Neo4jProjection  # noqa: PLC0415
    from nova.services.graph.store.neo4j import FollowsInNeo4j  # noqa: PLC0415

    tasks, neo4j = Tasks(), Neo4j(url, clock=SystemClock())
    async with log_of(sources) as log:
        projection = Neo4jProjection(
            neo4j=neo4j, follows=FollowsInNeo4j(neo4j), ledger=Ledger(database), log=log, tasks=tasks
        )
        try:
            yield projection
        finally:
            await projection.stop()
            await tasks.aclose()
