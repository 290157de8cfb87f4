"""What graph tells the others, and what it hears."""

from datetime import datetime

from nova.api.graph.v1.events_pb2 import FollowEvent, FollowRequestEvent
from nova.platform.events import Event
from nova.policy import topics
from nova.services.graph.model import Follow, FollowRequest

USER_CREATED = topics.USER_CREATED
PROFILE_UPDATED = topics.PROFILE_UPDATED
BLOCK_CREATED = topics.BLOCK_CREATED
BLOCK_DELETED = topics.BLOCK_DELETED
MUTE_CREATED = topics.MUTE_CREATED
MUTE_DELETED = topics.MUTE_DELETED

FOLLOW_CREATED = topics.FOLLOW_CREATED
FOLLOW_DELETED = topics.FOLLOW_DELETED
REQUEST_CREATED = topics.REQUEST_CREATED
REQUEST_DELETED = topics.REQUEST_DELETED


def follow_created(follow: Follow) -> Event:
    """Return the event of a follow that has taken effect."""
    return FOLLOW_CREATED.event(_follow(follow, follow.since))


def follow_deleted(follow: Follow, ended_at: datetime) -> Event:
    """Return the event of a follow that has ended, whoever ended it."""
    return FOLLOW_DELETED.event(_follow(follow, ended_at))


def request_created(request: FollowRequest) -> Event:
    """Return the event of a request to follow."""
    return REQUEST_CREATED.event(_request(request, request.since))


def request_deleted(request: FollowRequest, ended_at: datetime) -> Event:
    """Return the event of a request that was accepted, turned down, or withdrawn."""
    return REQUEST_DELETED.event(_request(request, ended_at))


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
