"""What identity knows of people, as one hash: what other rooms copied of it is compared with that."""

from nova.platform.db.database import Database
from nova.platform.db.digest import Digest, SnapshotTx

_ACCOUNTS = "SELECT concat_ws(' ', user_id, handle) FROM accounts"


async def accounts(database: Database) -> Digest:
    """Return the digest of all accounts: each with its handle."""
    async with database.transaction(SnapshotTx) as tx:
        return await tx.digest(_ACCOUNTS)
