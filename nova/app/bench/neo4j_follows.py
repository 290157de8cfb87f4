"""The follows in Neo4j beside those of the ledger, once all is over."""

from typing import Final

from nova.app.at_rest import databases, follows_in_neo4j
from nova.app.sources import Sources
from nova.platform.engine_knobs import Neo4jUrl
from nova.platform.verification import Verification

_PATIENCE_S: Final = 60.0


async def compared_follows(sources: Sources, url: Neo4jUrl) -> Verification:
    """Compare both once every event has come to Neo4j. Raises `Behind` where that takes too long."""
    async with (
        databases(sources, ("graph",)) as opened,
        follows_in_neo4j(sources, url, opened["graph"]) as projection,
    ):
        # As it is found: to load what is missing would hide that nobody did.
        await projection.join()
        await projection.caught_up(_PATIENCE_S)
        return await projection.verify()
