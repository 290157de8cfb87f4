"""Writing reactions: each edge and its counter in one transaction."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final

from nova.platform.db.database import Database
from nova.platform.db.tx import Tx
from nova.services.social.model import (
    Comment,
    CommentId,
    Like,
    PostId,
    PostState,
    SeenComment,
    Share,
    Totals,
    UserId,
)
from nova.services.social.store.reactions import TOTALS, VIEW, state_of, totals_of, view_of
from nova.services.social.store.threads import BY_ID, COLUMNS, comment_of, seen_of

SLOTS: Final = 8

_ADD_LIKES = """
INSERT INTO likes (post_id, user_id, liked_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS l (post_id, user_id, liked_at)
WHERE NOT EXISTS (SELECT FROM deleted_posts d WHERE d.post_id = l.post_id)
ON CONFLICT DO NOTHING RETURNING post_id, user_id
"""
_ADD_SHARE = """
INSERT INTO shares (post_id, user_id, text, shared_at)
SELECT $1, $2, $3, $4 WHERE NOT EXISTS (SELECT FROM deleted_posts WHERE post_id = $1)
ON CONFLICT DO NOTHING
"""
_REMOVE_LIKE = "DELETE FROM likes WHERE post_id = $1 AND user_id = $2 RETURNING liked_at"
_REMOVE_SHARE = "DELETE FROM shares WHERE post_id = $1 AND user_id = $2 RETURNING text, shared_at"
_ADD_COMMENTS = """
INSERT INTO comments (comment_id, post_id, parent_id, author_id, path, authors, text, created_at)
SELECT comment_id, post_id, parent_id, author_id, path::uuid[], authors::uuid[], text, created_at
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])
  AS c (comment_id, post_id, parent_id, author_id, path, authors, text, created_at)
WHERE NOT EXISTS (SELECT FROM deleted_posts d WHERE d.post_id = c.post_id)
ON CONFLICT DO NOTHING RETURNING post_id, comment_id
"""
_COUNT = """
INSERT INTO post_counters (post_id, slot, likes, comments, shares)
SELECT post_id, $2, likes, comments, shares
FROM unnest($1::uuid[], $3::bigint[], $4::bigint[], $5::bigint[]) AS c (post_id, likes, comments, shares)
ORDER BY post_id
ON CONFLICT (post_id, slot) DO UPDATE SET
  likes = post_counters.likes + excluded.likes,
  comments = post_counters.comments + excluded.comments,
  shares = post_counters.shares + excluded.shares
"""
# The parent is held until the reply is committed, so that a deletion of its thread sees either both or none.
_LOCK_PARENT = f"SELECT {COLUMNS} FROM comments WHERE comment_id = $1 FOR SHARE"
_DELETE_SUBTREE = f"""
DELETE FROM comments WHERE post_id = $1 AND path @> ARRAY[$2::uuid] RETURNING {COLUMNS}
"""
_EDIT_COMMENT = f"""
UPDATE comments SET text = $3, edited_at = $4 WHERE comment_id = $1 AND author_id = $2 RETURNING {COLUMNS}
"""
_LIKE_COMMENT = """
INSERT INTO comment_likes (comment_id, user_id, liked_at)
SELECT comment_id, $2, $3 FROM comments WHERE comment_id = $1 ON CONFLICT DO NOTHING
"""
# A reaction that is being written is either there when its post is buried, or sees the burial. Posts share 1,024
# locks, taken in order; `social` is their class.
_HOLD = """
SELECT {lock}(hashtext('social'), bucket)
FROM (SELECT DISTINCT hashtext(post_id::text) & 1023 AS bucket FROM unnest($1::uuid[]) AS post_id ORDER BY 1) b
"""
_HOLD_LIVE = _HOLD.format(lock="pg_advisory_xact_lock_shared")
_HOLD_BURIED = _HOLD.format(lock="pg_advisory_xact_lock")
_BURY_POSTS = """
INSERT INTO deleted_posts (post_id, deleted_at) SELECT * FROM unnest($1::uuid[], $2::timestamptz[])
ON CONFLICT DO NOTHING
"""


class SocialTx(Tx):
    """The statements of social's transactions."""

    async def state(self, viewer_id: UserId, post_id: PostId, hidden: Sequence[UserId]) -> PostState:
        """Return the state of a post as this transaction leaves it."""
        totals = await self.fetchrow(TOTALS, [post_id])
        (view,) = await self.fetch(VIEW, [post_id], viewer_id, hidden)
        return state_of(post_id, Totals() if totals is None else totals_of(totals), view_of(view))

    async def seen(
        self, viewer_id: UserId, comment_id: CommentId, hidden: Sequence[UserId]
    ) -> SeenComment | None:
        """Return a comment as this transaction leaves it, or None when it is gone or hidden."""
        row = await self.fetchrow(BY_ID, [comment_id], viewer_id, hidden)
        return None if row is None else seen_of(row)

    async def add_likes(self, likes: Sequence[Like]) -> list[Like]:
        """Insert the likes that are new, and count them; return them. None are added to deleted posts."""
        await self.fetch(_HOLD_LIVE, list({like.post_id for like in likes}))
        rows = await self.fetch(
            _ADD_LIKES,
            [like.post_id for like in likes],
            [like.user_id for like in likes],
            [like.liked_at for like in likes],
        )
        await self._count(
            {post: Totals(likes=n) for post, n in Counter(row["post_id"] for row in rows).items()}
        )
        new = {(row["post_id"], row["user_id"]) for row in rows}
        return [like for like in likes if (like.post_id, like.user_id) in new]

    async def remove_like(self, user_id: UserId, post_id: PostId) -> Like | None:
        """Return the like that was, or None when the user did not like the post."""
        liked_at = await self.fetchval(_REMOVE_LIKE, post_id, user_id)
        if liked_at is None:
            return None
        await self._count({post_id: Totals(likes=-1)})
        return Like(user_id=user_id, post_id=post_id, liked_at=liked_at)

    async def add_share(self, share: Share) -> bool:
        """Return False when the user already shared the post, or it is deleted."""
        await self.fetch(_HOLD_LIVE, [share.post_id])
        added = await self.execute(_ADD_SHARE, share.post_id, share.user_id, share.text, share.shared_at)
        if added:
            await self._count({share.post_id: Totals(shares=1)})
        return added == 1

    async def remove_share(self, user_id: UserId, post_id: PostId) -> Share | None:
        """Return the share that was, or None when the user had not shared the post."""
        row = await self.fetchrow(_REMOVE_SHARE, post_id, user_id)
        if row is None:
            return None
        await self._count({post_id: Totals(shares=-1)})
        return Share(user_id=user_id, post_id=post_id, text=row["text"], shared_at=row["shared_at"])

    async def add_comments(self, comments: Sequence[Comment]) -> list[Comment]:
        """Insert comments and count them; return those that were new, and none of deleted posts."""
        await self.fetch(_HOLD_LIVE, list({comment.post_id for comment in comments}))
        rows = await self.fetch(
            _ADD_COMMENTS,
            [comment.comment_id for comment in comments],
            [comment.post_id for comment in comments],
            [comment.parent_id for comment in comments],
            [comment.author_id for comment in comments],
            [_array(comment.path) for comment in comments],
            [_array(comment.authors) for comment in comments],
            [comment.text for comment in comments],
            [comment.created_at for comment in comments],
        )
        await self._count(
            {post: Totals(comments=n) for post, n in Counter(row["post_id"] for row in rows).items()}
        )
        new = {row["comment_id"] for row in rows}
        return [comment for comment in comments if comment.comment_id in new]

    async def lock_comment(self, post_id: PostId, comment_id: CommentId) -> Comment | None:
        """Return a comment under a post, and keep it from being deleted until the transaction ends."""
        # The post first, as its burial does.
        await self.fetch(_HOLD_LIVE, [post_id])
        row = await self.fetchrow(_LOCK_PARENT, comment_id)
        return None if row is None else comment_of(row)

    async def edit_comment(
        self, comment_id: CommentId, author_id: UserId, text: str, edited_at: datetime
    ) -> Comment | None:
        """Return the changed comment, or None when this author has no such comment."""
        row = await self.fetchrow(_EDIT_COMMENT, comment_id, author_id, text, edited_at)
        return None if row is None else comment_of(row)

    async def delete_thread(self, post_id: PostId, comment_id: CommentId) -> list[Comment]:
        """Delete a comment with all that hangs below it, and uncount them; return them."""
        gone: list[Comment] = []
        # A reply that was being written while we waited for its parent is not in the statement's snapshot: the
        # next one sees it, and no more can come, for the parents are gone.
        while rows := await self.fetch(_DELETE_SUBTREE, post_id, comment_id):
            gone += [comment_of(row) for row in rows]
        if gone:
            await self._count({post_id: Totals(comments=-len(gone))})
        return gone

    async def like_comment(self, comment_id: CommentId, user_id: UserId, liked_at: datetime) -> bool:
        """Return False when the user already liked the comment."""
        return await self.execute(_LIKE_COMMENT, comment_id, user_id, liked_at) == 1

    async def unlike_comment(self, comment_id: CommentId, user_id: UserId) -> bool:
        """Return False when the user did not like the comment."""
        sql = "DELETE FROM comment_likes WHERE comment_id = $1 AND user_id = $2"
        return await self.execute(sql, comment_id, user_id) == 1

    async def bury_posts(self, post_ids: Sequence[PostId], deleted_at: Sequence[datetime]) -> None:
        """Remove every trace under deleted posts, and let none come any more."""
        await self.fetch(_HOLD_BURIED, post_ids)
        await self.execute(_BURY_POSTS, post_ids, deleted_at)
        for table in ("likes", "shares", "comments", "post_counters"):
            await self.execute(f"DELETE FROM {table} WHERE post_id = any($1)", post_ids)

    async def _count(self, changes: Mapping[PostId, Totals]) -> None:
        """Add `changes` to the counters, in one order of posts, so that two writers cannot wait in a ring."""
        if not changes:
            return
        posts = sorted(changes)
        await self.execute(
            _COUNT,
            posts,
            random.randrange(SLOTS),  # noqa: S311 - spreads writers, keeps no secret
            [changes[post_id].likes for post_id in posts],
            [changes[post_id].comments for post_id in posts],
            [changes[post_id].shares for post_id in posts],
        )


class SocialWriter:
    """Opens social's transactions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractAsyncContextManager[SocialTx]:
        """Open a transaction that commits at the end of its block."""
        return self._database.transaction(SocialTx)


def _array(ids: Sequence[CommentId] | Sequence[UserId]) -> str:
    """Return a PostgreSQL array literal: an array of arrays of different lengths is none."""
    return "{" + ",".join(map(str, ids)) + "}"
