"""Every topic of the house: its name, its message, the field whose bytes are its key, and its partitions.

Who tells and who hears take the same constant from here, so they cannot disagree. The room that owns a topic is the
first word of its name; the signposts of rooms say who tells and who hears. A topic keeps the partitions that it was
made with: a change of their number here needs a new topic, for events of one key must stay in one place.
"""

from typing import Final

from nova.api.content.v1.events_pb2 import PostCreatedEvent, PostDeletedEvent, PostUpdatedEvent, StoryEvent
from nova.api.graph.v1.events_pb2 import FollowEvent, FollowRequestEvent
from nova.api.identity.v1.events_pb2 import UserCreatedEvent
from nova.api.social.v1.events_pb2 import CommentEvent, LikeEvent, ShareEvent
from nova.api.user.v1.events_pb2 import BlockEvent, MuteEvent, ProfileUpdatedEvent
from nova.platform.events import Topic

_PEOPLE: Final = 12
_CONTENT: Final = 16
_REACTIONS: Final = 8

USER_CREATED: Final = Topic("identity.user.created", UserCreatedEvent, key="user_id", partitions=_PEOPLE)

PROFILE_UPDATED: Final = Topic("user.profile.updated", ProfileUpdatedEvent, key="user_id", partitions=_PEOPLE)
BLOCK_CREATED: Final = Topic("user.block.created", BlockEvent, key="user_id", partitions=_PEOPLE)
BLOCK_DELETED: Final = Topic("user.block.deleted", BlockEvent, key="user_id", partitions=_PEOPLE)
MUTE_CREATED: Final = Topic("user.mute.created", MuteEvent, key="user_id", partitions=_PEOPLE)
MUTE_DELETED: Final = Topic("user.mute.deleted", MuteEvent, key="user_id", partitions=_PEOPLE)

FOLLOW_CREATED: Final = Topic("graph.follow.created", FollowEvent, key="follower_id", partitions=_PEOPLE)
FOLLOW_DELETED: Final = Topic("graph.follow.deleted", FollowEvent, key="follower_id", partitions=_PEOPLE)
REQUEST_CREATED: Final = Topic(
    "graph.request.created", FollowRequestEvent, key="requester_id", partitions=_PEOPLE
)
REQUEST_DELETED: Final = Topic(
    "graph.request.deleted", FollowRequestEvent, key="requester_id", partitions=_PEOPLE
)

POST_CREATED: Final = Topic("content.post.created", PostCreatedEvent, key="user_id", partitions=_CONTENT)
POST_UPDATED: Final = Topic("content.post.updated", PostUpdatedEvent, key="user_id", partitions=_CONTENT)
POST_DELETED: Final = Topic("content.post.deleted", PostDeletedEvent, key="user_id", partitions=_CONTENT)
STORY_CREATED: Final = Topic("content.story.created", StoryEvent, key="user_id", partitions=_CONTENT)
STORY_DELETED: Final = Topic("content.story.deleted", StoryEvent, key="user_id", partitions=_CONTENT)

LIKE_CREATED: Final = Topic("social.like.created", LikeEvent, key="post_id", partitions=_REACTIONS)
LIKE_DELETED: Final = Topic("social.like.deleted", LikeEvent, key="post_id", partitions=_REACTIONS)
SHARE_CREATED: Final = Topic("social.share.created", ShareEvent, key="post_id", partitions=_REACTIONS)
SHARE_DELETED: Final = Topic("social.share.deleted", ShareEvent, key="post_id", partitions=_REACTIONS)
COMMENT_CREATED: Final = Topic("social.comment.created", CommentEvent, key="post_id", partitions=_REACTIONS)
COMMENT_DELETED: Final = Topic("social.comment.deleted", CommentEvent, key="post_id", partitions=_REACTIONS)
