"""Reading muted words. Always from the primary: one's own is in effect on the next page."""

from datetime import datetime

from nova.platform.db.database import Database
from nova.services.user.model import MutedWord, UserId
from nova.services.user.store.rows import MUTED_WORD_COLUMNS, muted_word_of

_LIST = f"""
SELECT {MUTED_WORD_COLUMNS} FROM muted_words
WHERE user_id = $1 AND (created_at, word) < ($2, $3) AND (until IS NULL OR until > $4)
ORDER BY created_at DESC, word DESC LIMIT $5
"""


class MutedWordStore:
    """Muted words as they lie in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(
        self, user_id: UserId, *, before: datetime, before_word: str, now: datetime, limit: int
    ) -> list[MutedWord]:
        """Return the words that a user mutes now, newest first, older than a place."""
        rows = await self._database.primary.fetch(_LIST, user_id, before, before_word, now, limit)
        return [muted_word_of(row) for row in rows]
