"""Reading posts."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from nova.platform.db.coalesce import Coalesced
from nova.platform.db.database import Database
from nova.services.content.model import Opening, Post, PostEdit, PostId, Posting, UserId
from nova.services.content.store.rows import POST_COLUMNS, edit_of, post_of, posting_of

NEWEST = UUID(int=(1 << 128) - 1)
OLDEST = UUID(int=0)

# The index row names the author, and so the one partition to look in.
_BY_ID = f"""
SELECT {POST_COLUMNS} FROM post_authors a JOIN posts p USING (author_id, post_id)
WHERE a.post_id = any($1) AND a.deleted_at IS NULL
"""
_OPEN = """
JOIN unnest($1::uuid[], $2::smallint[], $3::boolean[]) AS open (author_id, audience, by_choice)
  USING (author_id, audience)
WHERE (NOT open.by_choice
  OR EXISTS (SELECT FROM post_audience c WHERE c.post_id = p.post_id AND c.user_id = $4))
"""
_BY_AUTHOR = f"""
SELECT {POST_COLUMNS} FROM posts p {_OPEN} AND p.author_id = $5 AND p.post_id < $6
ORDER BY p.post_id DESC LIMIT $7
"""
_COUNT = f"""
SELECT p.author_id, count(*) AS posts FROM posts p {_OPEN} AND p.author_id = any($5) GROUP BY p.author_id
"""
_CHOSEN = "SELECT post_id FROM post_audience WHERE user_id = $1 AND post_id = any($2)"
_EDITS = """
SELECT edit_id, caption, tags, replaced_at FROM post_edits WHERE post_id = $1 AND edit_id < $2
ORDER BY edit_id DESC LIMIT $3
"""
_POSTINGS = """
SELECT p.post_id, p.author_id, p.content_type, p.audience, p.tags
FROM post_authors a JOIN posts p USING (author_id, post_id)
WHERE a.post_id > $1 AND a.deleted_at IS NULL ORDER BY a.post_id LIMIT $2
"""


class PostStore:
    """Posts as they lie in PostgreSQL, whoever asks: what a viewer may see is decided above."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_id: Coalesced[PostId, Post] = Coalesced(self._load)

    async def get(self, post_ids: Collection[PostId]) -> dict[PostId, Post]:
        """Return the posts that exist, by id, in the order asked."""
        return await self._by_id.get_many(post_ids)

    async def by_author(
        self, author_id: UserId, openings: Sequence[Opening], viewer_id: UserId, *, before: UUID, limit: int
    ) -> list[Post]:
        """Return an author's newest `limit` posts older than `before` that are open to the viewer."""
        rows = await self._database.fetch(_BY_AUTHOR, *_arrays(openings), viewer_id, author_id, before, limit)
        return [post_of(row) for row in rows]

    async def count(self, openings: Sequence[Opening], viewer_id: UserId) -> Mapping[UserId, int]:
        """Return how many posts of each author are open to the viewer; an author without any is left out."""
        authors = list({opening.author_id for opening in openings})
        rows = await self._database.fetch(_COUNT, *_arrays(openings), viewer_id, authors)
        return {UserId(row["author_id"]): row["posts"] for row in rows}

    async def chosen(self, viewer_id: UserId, post_ids: Sequence[PostId]) -> frozenset[PostId]:
        """Return those of the posts to whose chosen audience the viewer belongs."""
        rows = await self._database.fetch(_CHOSEN, viewer_id, post_ids)
        return frozenset(PostId(row["post_id"]) for row in rows)

    async def edits(self, post_id: PostId, *, before: UUID, limit: int) -> list[PostEdit]:
        """Return what the post was before its edits, newest first."""
        return [edit_of(row) for row in await self._database.fetch(_EDITS, post_id, before, limit)]

    async def postings(self, *, after: UUID, limit: int) -> list[Posting]:
        """Return a page of all live posts in order of id."""
        return [posting_of(row) for row in await self._database.fetch(_POSTINGS, after, limit)]

    async def _load(self, post_ids: list[PostId]) -> dict[PostId, Post]:
        rows = await self._database.fetch(_BY_ID, post_ids)
        return {PostId(row["post_id"]): post_of(row) for row in rows}


def _arrays(openings: Sequence[Opening]) -> tuple[list[UUID], list[int], list[bool]]:
    return (
        [opening.author_id for opening in openings],
        [opening.audience.value for opening in openings],
        [opening.by_choice for opening in openings],
    )
