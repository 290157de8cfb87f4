"""What social tells the others, and what it hears."""

from datetime import datetime

from nova.api.social.v1.events_pb2 import CommentEvent, LikeEvent, ShareEvent
from nova.platform.events import Event
from nova.policy import topics
from nova.services.social.model import Comment, Like, Share, UserId

LIKE_CREATED = topics.LIKE_CREATED
LIKE_DELETED = topics.LIKE_DELETED
SHARE_CREATED = topics.SHARE_CREATED
SHARE_DELETED = topics.SHARE_DELETED
COMMENT_CREATED = topics.COMMENT_CREATED
COMMENT_DELETED = topics.COMMENT_DELETED

POST_DELETED = topics.POST_DELETED


def like_created(like: Like, author_id: UserId) -> Event:
    """Return the event of a like; `author_id` is whose post it is."""
    return LIKE_CREATED.event(_like(like, author_id, like.liked_at))


def like_deleted(like: Like, author_id: UserId, deleted_at: datetime) -> Event:
    """Return the event of a like that was taken back at `deleted_at`."""
    return LIKE_DELETED.event(_like(like, author_id, deleted_at))


def share_created(share: Share, author_id: UserId) -> Event:
    """Return the event of a share."""
    return SHARE_CREATED.event(_share(share, author_id, share.shared_at))


def share_deleted(share: Share, author_id: UserId, deleted_at: datetime) -> Event:
    """Return the event of a share that was taken back."""
    return SHARE_DELETED.event(_share(share, author_id, deleted_at))


def comment_created(comment: Comment, author_id: UserId) -> Event:
    """Return the event of a comment; `author_id` is whose post it is."""
    return COMMENT_CREATED.event(_comment(comment, author_id, comment.author_id, comment.created_at))


def comment_deleted(comment: Comment, author_id: UserId, actor_id: UserId, deleted_at: datetime) -> Event:
    """Return the event of a comment that `actor_id` deleted: one for each comment of a subtree."""
    return COMMENT_DELETED.event(_comment(comment, author_id, actor_id, deleted_at))


def _like(like: Like, author_id: UserId, occurred_at: datetime) -> LikeEvent:
    value = LikeEvent(user_id=like.user_id.bytes, post_id=like.post_id.bytes, author_id=author_id.bytes)
    value.occurred_at.FromDatetime(occurred_at)
    value.reacted_at.FromDatetime(like.liked_at)
    return value


def _share(share: Share, author_id: UserId, occurred_at: datetime) -> ShareEvent:
    value = ShareEvent(user_id=share.user_id.bytes, post_id=share.post_id.bytes, author_id=author_id.bytes)
    value.occurred_at.FromDatetime(occurred_at)
    value.reacted_at.FromDatetime(share.shared_at)
    return value


def _comment(comment: Comment, author_id: UserId, actor_id: UserId, occurred_at: datetime) -> CommentEvent:
    value = CommentEvent(
        user_id=comment.author_id.bytes,
        post_id=comment.post_id.bytes,
        author_id=author_id.bytes,
        comment_id=comment.comment_id.bytes,
        parent_id=comment.parent_id.bytes if comment.parent_id else b"",
        actor_id=actor_id.bytes,
    )
    value.occurred_at.FromDatetime(occurred_at)
    value.reacted_at.FromDatetime(comment.created_at)
    return value
