"""What user knows of people and of what stands between them, as hashes: copies are compared with those."""

from nova.platform.db.database import Database
from nova.platform.db.digest import Digest, SnapshotTx

_PROFILES = "SELECT concat_ws(' ', user_id, handle) FROM profiles"
_RESTRICTIONS = """
SELECT concat_ws(' ', 'block', user_id, blocked_id) FROM blocks WHERE lifted_at IS NULL
UNION ALL SELECT concat_ws(' ', 'private', user_id) FROM profiles WHERE is_private
"""


async def profiles(database: Database) -> Digest:
    """Return the digest of all profiles: each with its handle."""
    async with database.transaction(SnapshotTx) as tx:
        return await tx.digest(_PROFILES)


async def restrictions(database: Database) -> Digest:
    """Return the digest of the blocks that stand and of the private accounts."""
    async with database.transaction(SnapshotTx) as tx:
        return await tx.digest(_RESTRICTIONS)
