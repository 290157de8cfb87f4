"""Reading likes, shares and counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nova.platform.db.database import Database
from nova.platform.db.pool import Record
from nova.services.social.model import Like, PostId, PostState, Totals, UserId

TOTALS = """
SELECT post_id, sum(likes)::bigint AS likes, sum(comments)::bigint AS comments, sum(shares)::bigint AS shares
FROM post_counters WHERE post_id = any($1) GROUP BY post_id
"""
# What the viewer must not count, and what he did himself: one statement for a page. Without hidden people the
# counts are never looked at.
VIEW = """
SELECT p.post_id,
  CASE WHEN cardinality($3::uuid[]) = 0 THEN 0 ELSE
    (SELECT count(*) FROM likes l WHERE l.post_id = p.post_id AND l.user_id = any($3)) END AS hidden_likes,
  CASE WHEN cardinality($3::uuid[]) = 0 THEN 0 ELSE
    (SELECT count(*) FROM comments c WHERE c.post_id = p.post_id AND c.authors && $3) END AS hidden_comments,
  CASE WHEN cardinality($3::uuid[]) = 0 THEN 0 ELSE
    (SELECT count(*) FROM shares s WHERE s.post_id = p.post_id AND s.user_id = any($3)) END AS hidden_shares,
  EXISTS (SELECT FROM likes l WHERE l.post_id = p.post_id AND l.user_id = $2) AS has_liked,
  EXISTS (SELECT FROM shares s WHERE s.post_id = p.post_id AND s.user_id = $2) AS has_shared
FROM unnest($1::uuid[]) AS p (post_id)
"""
_LIKERS = """
SELECT user_id, liked_at FROM likes
WHERE post_id = $1 AND (liked_at, user_id) < ($2, $3) AND NOT user_id = any($4)
ORDER BY liked_at DESC, user_id DESC LIMIT $5
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one viewer must subtract from a post's totals, and what he did himself."""

    hidden: Totals
    has_liked: bool
    has_shared: bool


class ReactionStore:
    """Likes, shares and counters as they lie in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def totals(self, post_ids: Sequence[PostId]) -> dict[PostId, Totals]:
        """Return the totals of each post, of those with none too."""
        found = {post_id: Totals() for post_id in post_ids}
        for row in await self._database.primary.fetch(TOTALS, post_ids):
            found[row["post_id"]] = totals_of(row)
        return found

    async def view(
        self, viewer_id: UserId, post_ids: Sequence[PostId], hidden: Sequence[UserId]
    ) -> Mapping[PostId, View]:
        """Return what the viewer did, and how much of each count comes from people `hidden` from him."""
        rows = await self._database.primary.fetch(VIEW, post_ids, viewer_id, hidden)
        return {PostId(row["post_id"]): view_of(row) for row in rows}

    async def likers(
        self, post_id: PostId, *, hidden: Sequence[UserId], before: tuple[datetime, UUID], limit: int
    ) -> list[Like]:
        """Return who liked a post, newest first, without the hidden."""
        rows = await self._database.fetch(_LIKERS, post_id, *before, hidden, limit)
        return [
            Like(user_id=UserId(row["user_id"]), post_id=post_id, liked_at=row["liked_at"]) for row in rows
        ]


def totals_of(row: Record) -> Totals:
    """Return the totals of a row of `TOTALS`."""
    return Totals(likes=row["likes"], comments=row["comments"], shares=row["shares"])


def view_of(row: Record) -> View:
    """Return the view of a row of `VIEW`."""
    return View(
        hidden=Totals(
            likes=row["hidden_likes"], comments=row["hidden_comments"], shares=row["hidden_shares"]
        ),
        has_liked=row["has_liked"],
        has_shared=row["has_shared"],
    )


def state_of(post_id: PostId, totals: Totals, view: View) -> PostState:
    """Return a post's state: its totals less what the viewer cannot walk."""
    return PostState(
        post_id=post_id,
        like_count=totals.likes - view.hidden.likes,
        comment_count=totals.comments - view.hidden.comments,
        share_count=totals.shares - view.hidden.shares,
        viewer_has_liked=view.has_liked,
        viewer_has_shared=view.has_shared,
    )
