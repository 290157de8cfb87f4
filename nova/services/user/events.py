"""What user tells the others, and what it hears."""

from datetime import datetime

from nova.api.user.v1.events_pb2 import BlockEvent, MuteEvent, ProfileUpdatedEvent
from nova.platform.events import Event
from nova.policy import topics
from nova.services.user.model import Block, Mute, Profile

USER_CREATED = topics.USER_CREATED

PROFILE_UPDATED = topics.PROFILE_UPDATED
BLOCK_CREATED = topics.BLOCK_CREATED
BLOCK_DELETED = topics.BLOCK_DELETED
MUTE_CREATED = topics.MUTE_CREATED
MUTE_DELETED = topics.MUTE_DELETED


def profile_updated(profile: Profile, *, suggestible: bool, updated_at: datetime) -> Event:
    """Return the event of a profile that was made or changed: all of it, as it is now."""
    value = ProfileUpdatedEvent(
        user_id=profile.user_id.bytes,
        handle=profile.handle,
        display_name=profile.display_name,
        bio=profile.bio,
        avatar_url=profile.avatar_url,
        is_private=profile.is_private,
        suggestible=suggestible,
        version=profile.version,
    )
    value.updated_at.FromDatetime(updated_at)
    return PROFILE_UPDATED.event(value)


def block_created(block: Block) -> Event:
    """Return the event of a new block."""
    return BLOCK_CREATED.event(_block(block, block.blocked_at))


def block_deleted(block: Block, lifted_at: datetime) -> Event:
    """Return the event of a block that was lifted."""
    return BLOCK_DELETED.event(_block(block, lifted_at))


def mute_created(mute: Mute) -> Event:
    """Return the event of a new mute, or of one with another end."""
    return MUTE_CREATED.event(_mute(mute, mute.muted_at))


def mute_deleted(mute: Mute, lifted_at: datetime) -> Event:
    """Return the event of a mute that was lifted."""
    return MUTE_DELETED.event(_mute(mute, lifted_at))


def _block(block: Block, occurred_at: datetime) -> BlockEvent:
    value = BlockEvent(user_id=block.user_id.bytes, blocked_id=block.blocked_id.bytes, version=block.version)
    value.occurred_at.FromDatetime(occurred_at)
    return value


def _mute(mute: Mute, occurred_at: datetime) -> MuteEvent:
    value = MuteEvent(user_id=mute.user_id.bytes, muted_id=mute.muted_id.bytes, version=mute.version)
    value.occurred_at.FromDatetime(occurred_at)
    if mute.until is not None:
        value.until.FromDatetime(mute.until)
    return value
