"""Reading comments, many threads in one statement."""

from collections.abc import Sequence
from uuid import UUID

from nova.platform.db.database import Database
from nova.platform.db.pool import Record
from nova.services.social.model import Comment, CommentId, PostId, SeenComment, UserId

COLUMNS = "comment_id, post_id, parent_id, author_id, path, authors, text, created_at, edited_at"
FIRST = UUID(int=0)

# $2: the viewer, $3: who is hidden from him. Counts leave out what he cannot walk.
_IN_VIEW = """
  (SELECT count(*) FROM comment_likes l WHERE l.comment_id = c.comment_id AND NOT l.user_id = any($3)) AS like_count,
  EXISTS (SELECT FROM comment_likes l WHERE l.comment_id = c.comment_id AND l.user_id = $2) AS has_liked,
  (SELECT count(*) FROM comments r WHERE r.parent_id = c.comment_id AND NOT r.authors && $3) AS reply_count
"""
BY_ID = f"""
SELECT c.*, {_IN_VIEW}
FROM (SELECT {COLUMNS} FROM comments WHERE comment_id = any($1) AND NOT authors && $3::uuid[]) c
"""
_THREADS = f"""
SELECT t.root, c.*, {_IN_VIEW}
FROM unnest($1::uuid[]) AS t (root)
CROSS JOIN LATERAL (
    SELECT {COLUMNS} FROM comments
    WHERE {{under}} AND comment_id > $4 AND NOT authors && $3::uuid[]
    ORDER BY comment_id LIMIT $5
) c
ORDER BY t.root, c.comment_id
"""
_UNDER_POSTS = _THREADS.format(under="post_id = t.root AND parent_id IS NULL")
_UNDER_COMMENTS = _THREADS.format(under="parent_id = t.root")


def comment_of(row: Record) -> Comment:
    """Return the comment of a row with `COLUMNS`."""
    return Comment(
        comment_id=CommentId(row["comment_id"]),
        post_id=PostId(row["post_id"]),
        parent_id=None if row["parent_id"] is None else CommentId(row["parent_id"]),
        author_id=UserId(row["author_id"]),
        path=tuple(row["path"]),
        authors=tuple(row["authors"]),
        text=row["text"],
        created_at=row["created_at"],
        edited_at=row["edited_at"],
    )


class ThreadStore:
    """Comments as they lie in PostgreSQL, in view of a viewer and without the people hidden from him."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(
        self, comment_ids: Sequence[CommentId], viewer_id: UserId, hidden: Sequence[UserId]
    ) -> dict[CommentId, SeenComment]:
        """Return the comments that exist, by id."""
        rows = await self._database.primary.fetch(BY_ID, comment_ids, viewer_id, hidden)
        return {CommentId(row["comment_id"]): seen_of(row) for row in rows}

    async def under_posts(
        self,
        post_ids: Sequence[PostId],
        viewer_id: UserId,
        hidden: Sequence[UserId],
        *,
        after: UUID,
        limit: int,
    ) -> dict[PostId, list[SeenComment]]:
        """Return the first `limit` top-level comments after `after` of each post, oldest first."""
        rows = await self._database.fetch(_UNDER_POSTS, post_ids, viewer_id, hidden, after, limit)
        threads: dict[PostId, list[SeenComment]] = {post_id: [] for post_id in post_ids}
        for row in rows:
            threads[row["root"]].append(seen_of(row))
        return threads

    async def under_comments(
        self,
        comment_ids: Sequence[CommentId],
        viewer_id: UserId,
        hidden: Sequence[UserId],
        *,
        after: UUID,
        limit: int,
    ) -> dict[CommentId, list[SeenComment]]:
        """Return the first `limit` direct replies after `after` of each comment, oldest first."""
        rows = await self._database.fetch(_UNDER_COMMENTS, comment_ids, viewer_id, hidden, after, limit)
        threads: dict[CommentId, list[SeenComment]] = {comment_id: [] for comment_id in comment_ids}
        for row in rows:
            threads[row["root"]].append(seen_of(row))
        return threads


def seen_of(row: Record) -> SeenComment:
    """Return the comment in view of a row of `BY_ID`."""
    return SeenComment(
        comment=comment_of(row),
        like_count=row["like_count"],
        viewer_has_liked=row["has_liked"],
        reply_count=row["reply_count"],
    )
