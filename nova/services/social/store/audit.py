"""Whether the counters of posts are what their edges say."""

from typing import Final

from nova.platform.db.database import Database
from nova.platform.db.digest import SnapshotTx
from nova.platform.verification import Verification

_FACT: Final = "concat_ws(' ', post_id, sum(likes), sum(comments), sum(shares))"
_COUNTED: Final = f"""
SELECT {_FACT} FROM post_counters GROUP BY post_id
HAVING sum(likes) <> 0 OR sum(comments) <> 0 OR sum(shares) <> 0
"""
_EDGES: Final = f"""
SELECT {_FACT} FROM (
    SELECT post_id, count(*) AS likes, 0 AS comments, 0 AS shares FROM likes GROUP BY post_id
    UNION ALL SELECT post_id, 0, count(*), 0 FROM comments GROUP BY post_id
    UNION ALL SELECT post_id, 0, 0, count(*) FROM shares GROUP BY post_id
) AS edges GROUP BY post_id
"""


class CounterAudit:
    """Compares `post_counters` with likes, comments and shares: written in one transaction, they never differ."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def verify(self) -> Verification:
        """Count all edges anew, and compare."""
        async with self._database.transaction(SnapshotTx) as tx:
            counted, edges = await tx.digest(_COUNTED), await tx.digest(_EDGES)
        return Verification(entries=edges.facts, in_use=counted.hash, from_truth=edges.hash)
