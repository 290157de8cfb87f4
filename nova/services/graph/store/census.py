"""What graph has copied of user, as a hash, to be compared with what user says."""

from nova.platform.db.database import Database
from nova.platform.db.digest import Digest, SnapshotTx

_RESTRICTIONS = """
SELECT concat_ws(' ', 'block', user_id, blocked_id) FROM blocks WHERE NOT lifted
UNION ALL SELECT concat_ws(' ', 'private', user_id) FROM people WHERE is_private
"""


async def restrictions(database: Database) -> Digest:
    """Return the digest of the blocks that stand and of the private accounts."""
    async with database.transaction(SnapshotTx) as tx:
        return await tx.digest(_RESTRICTIONS)
