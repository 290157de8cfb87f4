"""Reading stories that have not expired."""

from collections.abc import Collection, Sequence
from datetime import datetime

from nova.platform.db.database import Database
from nova.services.content.model import Story, StoryId, UserId
from nova.services.content.store.rows import STORY_COLUMNS, story_of

_BY_ID = f"SELECT {STORY_COLUMNS} FROM stories WHERE story_id = any($1) AND expires_at > $2"
_BY_AUTHOR = f"""
SELECT {STORY_COLUMNS} FROM stories WHERE author_id = any($1) AND expires_at > $2 ORDER BY author_id, story_id
"""
_CHOSEN = "SELECT story_id FROM story_audience WHERE user_id = $1 AND story_id = any($2)"
_SEEN = "SELECT story_id FROM story_views WHERE viewer_id = $1 AND story_id = any($2)"


class StoryStore:
    """Stories as they lie in PostgreSQL, whoever asks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, story_ids: Collection[StoryId], *, now: datetime) -> dict[StoryId, Story]:
        """Return the live stories by id, in the order asked."""
        rows = await self._database.fetch(_BY_ID, list(story_ids), now)
        found = {StoryId(row["story_id"]): story_of(row) for row in rows}
        return {story_id: found[story_id] for story_id in story_ids if story_id in found}

    async def by_authors(self, author_ids: Sequence[UserId], *, now: datetime) -> list[Story]:
        """Return the live stories of these authors, oldest first within one."""
        return [story_of(row) for row in await self._database.fetch(_BY_AUTHOR, author_ids, now)]

    async def chosen(self, viewer_id: UserId, story_ids: Sequence[StoryId]) -> frozenset[StoryId]:
        """Return those of the stories to whose chosen audience the viewer belongs."""
        rows = await self._database.fetch(_CHOSEN, viewer_id, story_ids)
        return frozenset(StoryId(row["story_id"]) for row in rows)

    async def seen(self, viewer_id: UserId, story_ids: Sequence[StoryId]) -> frozenset[StoryId]:
        """Return those of the stories that the viewer has seen."""
        rows = await self._database.primary.fetch(_SEEN, viewer_id, story_ids)
        return frozenset(StoryId(row["story_id"]) for row in rows)
