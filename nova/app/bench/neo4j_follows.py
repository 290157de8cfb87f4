"""The follows in Neo4j beside those of the ledger, for who is not the room that keeps them."""

from typing import Final

from nova.app.house import database_config
from nova.app.prepare import log_of
from nova.app.sources import Sources
from nova.platform.clock import SystemClock
from nova.platform.db.database import Database
from nova.platform.engine_knobs import Neo4jUrl
from nova.platform.tasks import Tasks
from nova.platform.verification import Verification
from nova.services.graph.store.ledger import Ledger

_PATIENCE_S: Final = 60.0


async def follows_in_neo4j(sources: Sources, url: Neo4jUrl) -> Verification:
    """Compare both once every event has come to Neo4j. Raises `Behind` where that takes too long."""
    # Only here: those who run without Neo4j need not wait for its driver to load.
    from nova.platform.neo4j import Neo4j  # noqa: PLC0415
    from nova.services.graph.projection_neo4j import Neo4jProjection  # noqa: PLC0415
    from nova.services.graph.store.neo4j import FollowsInNeo4j  # noqa: PLC0415

    tasks, neo4j = Tasks(), Neo4j(url, clock=SystemClock())
    async with (
        log_of(sources) as log,
        Database(database_config(sources, "graph", is_served=False)) as database,
    ):
        projection = Neo4jProjection(
            neo4j=neo4j, follows=FollowsInNeo4j(neo4j), ledger=Ledger(database), log=log, tasks=tasks
        )
        await projection.start()
        try:
            await projection.caught_up(_PATIENCE_S)
            return await projection.verify()
        finally:
            await projection.stop()
            await tasks.aclose()
