"""The nouns of social, and what can go wrong with them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NewType
from uuid import UUID

from nova.platform.errors import Forbidden, InvalidArgument, NotFound

UserId = NewType("UserId", UUID)
PostId = NewType("PostId", UUID)
CommentId = NewType("CommentId", UUID)

DEPTH_MOST: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Like:
    """Someone likes a post."""

    user_id: UserId
    post_id: PostId
    liked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Someone shares a post with his followers."""

    user_id: UserId
    post_id: PostId
    text: str
    shared_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A comment where it hangs. `path` are the ids from the top of the thread to it, `authors` who wrote them."""

    comment_id: CommentId
    post_id: PostId
    parent_id: CommentId | None
    author_id: UserId
    path: tuple[CommentId, ...]
    authors: tuple[UserId, ...]
    text: str
    created_at: datetime
    edited_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenComment:
    """A comment in view of one viewer."""

    comment: Comment
    like_count: int
    viewer_has_liked: bool
    reply_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """How often a post was liked, commented on and shared, whoever asks."""

    likes: int = 0
    comments: int = 0
    shares: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PostState:
    """The counts of a post as one viewer may walk them, and what he did himself."""

    post_id: PostId
    like_count: int
    comment_count: int
    share_count: int
    viewer_has_liked: bool
    viewer_has_shared: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """A page of comments under one post or comment."""

    comments: tuple[SeenComment, ...] = ()
    more: bool = False


class PostNotFound(NotFound):
    """The post does not exist, or this viewer may not see it."""


class CommentNotFound(NotFound):
    """The comment does not exist, or this viewer may not see it."""


class ThreadTooDeep(InvalidArgument):
    """A reply may hang at most 20 levels deep: reply to a comment further up."""


class NotYourComment(Forbidden):
    """Only its author may change a comment."""
