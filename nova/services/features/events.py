"""What features hears."""

from nova.api.content.v1.events_pb2 import PostCreatedEvent, PostDeletedEvent, PostUpdatedEvent
from nova.api.social.v1.events_pb2 import CommentEvent, LikeEvent, ShareEvent
from nova.platform.events import Topic

POST_CREATED = Topic("content.post.created", PostCreatedEvent, partitions=16)
POST_UPDATED = Topic("content.post.updated", PostUpdatedEvent, partitions=16)
POST_DELETED = Topic("content.post.deleted", PostDeletedEvent, partitions=16)
LIKE_CREATED = Topic("social.like.created", LikeEvent)
LIKE_DELETED = Topic("social.like.deleted", LikeEvent)
SHARE_CREATED = Topic("social.share.created", ShareEvent)
SHARE_DELETED = Topic("social.share.deleted", ShareEvent)
COMMENT_CREATED = Topic("social.comment.created", CommentEvent)
COMMENT_DELETED = Topic("social.comment.deleted", CommentEvent)
