"""What content tells the others."""

from datetime import datetime

from nova.api.content.v1 import content_pb2 as pb
from nova.api.content.v1.events_pb2 import PostCreatedEvent, PostDeletedEvent, PostUpdatedEvent, StoryEvent
from nova.platform.events import Event, Topic
from nova.services.content.model import Post, PostId, Story, UserId

POST_CREATED = Topic("content.post.created", PostCreatedEvent, partitions=16)
POST_UPDATED = Topic("content.post.updated", PostUpdatedEvent, partitions=16)
POST_DELETED = Topic("content.post.deleted", PostDeletedEvent, partitions=16)
STORY_CREATED = Topic("content.story.created", StoryEvent, partitions=16)
STORY_DELETED = Topic("content.story.deleted", StoryEvent, partitions=16)


def post_created(post: Post) -> Event:
    """Return the event of a new post."""
    value = PostCreatedEvent(
        post_id=post.post_id.bytes,
        user_id=post.author_id.bytes,
        caption=post.caption,
        content_type=pb.ContentType.ValueType(post.content_type.value),
        audience=pb.Audience.ValueType(post.audience.value),
        tags=post.tags,
    )
    value.created_at.FromDatetime(post.created_at)
    return POST_CREATED.event(key=post.author_id, value=value)


def post_updated(post: Post) -> Event:
    """Return the event of an edited post: all of it, as it is now."""
    value = PostUpdatedEvent(
        post_id=post.post_id.bytes,
        user_id=post.author_id.bytes,
        caption=post.caption,
        content_type=pb.ContentType.ValueType(post.content_type.value),
        audience=pb.Audience.ValueType(post.audience.value),
        tags=post.tags,
        version=post.version,
    )
    value.edited_at.FromDatetime(post.edited_at or post.created_at)
    return POST_UPDATED.event(key=post.author_id, value=value)


def post_deleted(post_id: PostId, author_id: UserId, deleted_at: datetime) -> Event:
    """Return the event of a deleted post."""
    value = PostDeletedEvent(post_id=post_id.bytes, user_id=author_id.bytes)
    value.deleted_at.FromDatetime(deleted_at)
    return POST_DELETED.event(key=author_id, value=value)


def story_created(story: Story) -> Event:
    """Return the event of a new story."""
    return STORY_CREATED.event(key=story.author_id, value=_story(story, story.created_at))


def story_deleted(story: Story, deleted_at: datetime) -> Event:
    """Return the event of a story that its author took back."""
    return STORY_DELETED.event(key=story.author_id, value=_story(story, deleted_at))


def _story(story: Story, occurred_at: datetime) -> StoryEvent:
    value = StoryEvent(story_id=story.story_id.bytes, user_id=story.author_id.bytes)
    value.occurred_at.FromDatetime(occurred_at)
    value.expires_at.FromDatetime(story.expires_at)
    return value
