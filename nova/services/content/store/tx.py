"""Writing posts and stories."""

import json
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from uuid import UUID

from nova.platform.db.database import Database
from nova.platform.db.tx import Tx
from nova.platform.ids import uuid7
from nova.services.content.model import Post, PostId, Story, StoryId, UserId
from nova.services.content.store.rows import POST_COLUMNS, STORY_COLUMNS, media_to_json, post_of

# Tags and media travel as JSON: an array of arrays would have to be a rectangle.
_ADD_POSTS = """
WITH fresh AS (
    SELECT * FROM unnest(
        $1::uuid[], $2::uuid[], $3::text[], $4::smallint[], $5::text[], $6::text[], $7::smallint[], $8::timestamptz[]
    ) AS f (author_id, post_id, caption, content_type, tags, media, audience, created_at)
), indexed AS (
    INSERT INTO post_authors (post_id, author_id) SELECT post_id, author_id FROM fresh
    ON CONFLICT DO NOTHING RETURNING post_id
)
INSERT INTO posts (author_id, post_id, caption, content_type, tags, media, audience, created_at)
SELECT author_id, post_id, caption, content_type,
       ARRAY(SELECT jsonb_array_elements_text(tags::jsonb)), media::jsonb, audience, created_at
FROM fresh JOIN indexed USING (post_id)
RETURNING post_id
"""
_ADD_POST_AUDIENCE = (
    "INSERT INTO post_audience (post_id, user_id) SELECT $1, unnest($2::uuid[]) ON CONFLICT DO NOTHING"
)
_CLEAR_POST_AUDIENCE = "DELETE FROM post_audience WHERE post_id = $1"
_LOCK_POST = f"""
SELECT {POST_COLUMNS} FROM post_authors a JOIN posts p USING (author_id, post_id)
WHERE a.post_id = $1 AND a.deleted_at IS NULL FOR UPDATE
"""
_KEEP_EDIT = (
    "INSERT INTO post_edits (post_id, edit_id, caption, tags, replaced_at) VALUES ($1, $2, $3, $4, $5)"
)
_UPDATE_POST = """
UPDATE posts SET caption = $3, tags = $4, audience = $5, edited_at = $6, version = $7
WHERE author_id = $1 AND post_id = $2
"""
_BURY_POST = (
    "UPDATE post_authors SET deleted_at = $2 WHERE post_id = $1 AND deleted_at IS NULL RETURNING author_id"
)
# A person's stories are published one after the other, or two at once could both be the last one allowed. `stories`
# is the class of these locks.
_HOLD_AUTHOR = "SELECT pg_advisory_xact_lock(hashtext('stories'), hashtext($1))"
_COUNT_LIVE = "SELECT count(*) FROM stories WHERE author_id = $1 AND expires_at > $2"
_ADD_STORY = f"INSERT INTO stories ({STORY_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)"
_ADD_STORY_AUDIENCE = (
    "INSERT INTO story_audience (story_id, user_id) SELECT $1, unnest($2::uuid[]) ON CONFLICT DO NOTHING"
)
_DELETE_STORY = "DELETE FROM stories WHERE story_id = $1"
_ADD_VIEW = """
INSERT INTO story_views (story_id, viewer_id, seen_at)
SELECT story_id, $2, $3 FROM stories WHERE story_id = $1 ON CONFLICT DO NOTHING
"""
_SWEEP = """
DELETE FROM stories WHERE story_id IN
  (SELECT story_id FROM stories WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)
"""


class ContentTx(Tx):
    """The statements of content's transactions."""

    async def add_posts(self, posts: Sequence[Post]) -> frozenset[PostId]:
        """Insert posts in one statement; return those whose ids were new."""
        rows = await self.fetch(
            _ADD_POSTS,
            [post.author_id for post in posts],
            [post.post_id for post in posts],
            [post.caption for post in posts],
            [post.content_type.value for post in posts],
            [json.dumps(post.tags) for post in posts],
            [json.dumps([media_to_json(link) for link in post.media]) for post in posts],
            [post.audience.value for post in posts],
            [post.created_at for post in posts],
        )
        return frozenset(PostId(row["post_id"]) for row in rows)

    async def set_audience(self, post_id: PostId, user_ids: Sequence[UserId]) -> None:
        """Make exactly these people the chosen audience of a post."""
        await self.execute(_CLEAR_POST_AUDIENCE, post_id)
        if user_ids:
            await self.execute(_ADD_POST_AUDIENCE, post_id, user_ids)

    async def lock_post(self, post_id: PostId) -> Post | None:
        """Return the post as it is and keep others from changing it until the transaction ends."""
        row = await self.fetchrow(_LOCK_POST, post_id)
        return None if row is None else post_of(row)

    async def replace_post(self, was: Post, becomes: Post) -> None:
        """Write an edited post and keep what it was. `was` is locked."""
        await self.execute(_KEEP_EDIT, was.post_id, uuid7(), was.caption, list(was.tags), becomes.edited_at)
        await self.execute(
            _UPDATE_POST, was.author_id, was.post_id, becomes.caption, list(becomes.tags), becomes.audience.value,
            becomes.edited_at, becomes.version,
        )  # fmt: skip

    async def delete_post(self, post_id: PostId, deleted_at: datetime) -> bool:
        """Delete a post with its edits and audience; only its id stays. Return False when it was gone already."""
        author_id: UUID | None = await self.fetchval(_BURY_POST, post_id, deleted_at)
        if author_id is None:
            return False
        await self.execute("DELETE FROM posts WHERE author_id = $1 AND post_id = $2", author_id, post_id)
        await self.execute("DELETE FROM post_edits WHERE post_id = $1", post_id)
        await self.execute(_CLEAR_POST_AUDIENCE, post_id)
        return True

    async def hold_live_stories(self, author_id: UserId, now: datetime) -> int:
        """Return how many stories of an author are live, and let no other come until the transaction ends."""
        await self.fetchval(_HOLD_AUTHOR, str(author_id))
        return int(await self.fetchval(_COUNT_LIVE, author_id, now))

    async def add_story(self, story: Story, chosen: Sequence[UserId]) -> None:
        """Insert a new story."""
        await self.execute(
            _ADD_STORY, story.story_id, story.author_id, json.dumps(media_to_json(story.media)), story.caption,
            story.audience.value, story.created_at, story.expires_at,
        )  # fmt: skip
        if chosen:
            await self.execute(_ADD_STORY_AUDIENCE, story.story_id, chosen)

    async def delete_story(self, story_id: StoryId) -> bool:
        """Delete a story with its views. Return False when it was gone already."""
        return await self.execute(_DELETE_STORY, story_id) == 1

    async def add_story_view(self, story_id: StoryId, viewer_id: UserId, seen_at: datetime) -> None:
        """Note that the viewer saw the story; once is enough."""
        await self.execute(_ADD_VIEW, story_id, viewer_id, seen_at)

    async def sweep_stories(self, now: datetime, *, limit: int) -> int:
        """Delete at most `limit` stories that have expired; return how many."""
        return await self.execute(_SWEEP, now, limit)


class ContentWriter:
    """Opens content's transactions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractAsyncContextManager[ContentTx]:
        """Open a transaction that commits at the end of its block."""
        return self._database.transaction(ContentTx)
