"""What content tells the others."""

from datetime import datetime

from nova.api.content.v1 import content_pb2 as pb
from nova.api.content.v1.events_pb2 import PostCreatedEvent, PostDeletedEvent, PostUpdatedEvent, StoryEvent
from nova.platform.events import Event
from nova.policy import topics
from nova.services.content.model import Post, Story, UserId

POST_CREATED = topics.POST_CREATED
POST_UPDATED = topics.POST_UPDATED
POST_DELETED = topics.POST_DELETED
STORY_CREATED = topics.STORY_CREATED
STORY_DELETED = topics.STORY_DELETED


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
    return POST_CREATED.event(value)


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
    return POST_UPDATED.event(value)


def post_deleted(post: Post, actor_id: UserId, deleted_at: datetime) -> Event:
    """Return the event of a deleted post; `actor_id` is who deleted it."""
    value = PostDeletedEvent(
        post_id=post.post_id.bytes, user_id=post.author_id.bytes, actor_id=actor_id.bytes
    )
    value.deleted_at.FromDatetime(deleted_at)
    return POST_DELETED.event(value)


def story_created(story: Story) -> Event:
    """Return the event of a new story."""
    return STORY_CREATED.event(_story(story, story.author_id, story.created_at))


def story_deleted(story: Story, actor_id: UserId, deleted_at: datetime) -> Event:
    """Return the event of a story that was deleted before it expired; `actor_id` is who deleted it."""
    return STORY_DELETED.event(_story(story, actor_id, deleted_at))


def _story(story: Story, actor_id: UserId, occurred_at: datetime) -> StoryEvent:
    value = StoryEvent(story_id=story.story_id.bytes, user_id=story.author_id.bytes, actor_id=actor_id.bytes)
    value.occurred_at.FromDatetime(occurred_at)
    value.expires_at.FromDatetime(story.expires_at)
    return value
