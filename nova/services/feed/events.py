"""What feed hears."""

from nova.api.content.v1.events_pb2 import PostCreatedEvent, PostDeletedEvent, PostUpdatedEvent
from nova.api.graph.v1.events_pb2 import FollowEvent
from nova.platform.events import Topic

POST_CREATED = Topic("content.post.created", PostCreatedEvent, partitions=16)
POST_UPDATED = Topic("content.post.updated", PostUpdatedEvent, partitions=16)
POST_DELETED = Topic("content.post.deleted", PostDeletedEvent, partitions=16)
FOLLOW_CREATED = Topic("graph.follow.created", FollowEvent, partitions=12)
FOLLOW_DELETED = Topic("graph.follow.deleted", FollowEvent, partitions=12)
