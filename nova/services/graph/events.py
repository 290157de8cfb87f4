"""What graph tells the others, and what it hears."""

from datetime import datetime

from nova.api.graph.v1.events_pb2 import FollowEvent, FollowRequestEvent
from nova.api.identity.v1.events_pb2 import UserCreatedEvent
from nova.api.user.v1.events_pb2 import BlockEvent, MuteEvent, ProfileUpdatedEvent
from nova.platform.events import Event, Topic
from nova.services.graph.model import Follow, FollowRequest

USER_CREATED = Topic("identity.user.created", UserCreatedEvent, partitions=12)
PROFILE_UPDATED = Topic("user.profile.updated", ProfileUpdatedEvent, partitions=12)
BLOCK_CREATED = Topic("user.block.created", BlockEvent, partitions=12)
BLOCK_DELETED = Topic("user.block.deleted", BlockEvent, partitions=12)
MUTE_CREATED = Topic("user.mute.created", MuteEvent, partitions=12)
MUTE_DELETED = Topic("user.mute.deleted", MuteEvent, partitions=12)

FOLLOW_CREATED = Topic("graph.follow.created", FollowEvent, partitions=12)
FOLLOW_DELETED = Topic("graph.follow.deleted", FollowEvent, partitions=12)
REQUEST_CREATED = Topic("graph.request.created", FollowRequestEvent, partitions=12)
REQUEST_DELETED = Topic("graph.request.deleted", FollowRequestEvent, partitions=12)


def follow_created(follow: Follow) -> Event:
    """Return the event of a follow that has taken effect."""
    return FOLLOW_CREATED.event(key=follow.follower_id, value=_follow(follow, follow.since))


def follow_deleted(follow: Follow, ended_at: datetime) -> Event:
    """Return the event of a follow that has ended, whoever ended it."""
    return FOLLOW_DELETED.event(key=follow.follower_id, value=_follow(follow, ended_at))


def request_created(request: FollowRequest) -> Event:
    """Return the event of a request to follow."""
    return REQUEST_CREATED.event(key=request.requester_id, value=_request(request, request.since))


def request_deleted(request: FollowRequest, ended_at: datetime) -> Event:
    """Return the event of a request that was accepted, turned down, or withdrawn."""
    return REQUEST_DELETED.event(key=request.requester_id, value=_request(request, ended_at))


def _follow(follow: Follow, occurred_at: datetime) -> FollowEvent:
    value = FollowEvent(
        follower_id=follow.follower_id.bytes, followee_id=follow.followee_id.bytes, version=follow.version
    )
    value.occurred_at.FromDatetime(occurred_at)
    return value


def _request(request: FollowRequest, occurred_at: datetime) -> FollowRequestEvent:
    value = FollowRequestEvent(
        requester_id=request.requester_id.bytes,
        requested_id=request.requested_id.bytes,
        version=request.version,
    )
    value.occurred_at.FromDatetime(occurred_at)
    return value
