"""What user hears: accounts that were opened get their profile."""

from collections.abc import Sequence
from datetime import UTC
from uuid import UUID

from nova.api.identity.v1.events_pb2 import UserCreatedEvent
from nova.platform.events import Received
from nova.services.user.model import Profile, UserId, first_version
from nova.services.user.service.profiles import Profiles
from nova.services.user.store.tx import UserTx


class Accounts:
    """Handles the events of accounts."""

    def __init__(self, profiles: Profiles) -> None:
        self._profiles = profiles

    async def opened(self, tx: UserTx, received: Sequence[Received[UserCreatedEvent]]) -> None:
        """Make a profile for each account."""
        await self._profiles.open(tx, [(profile_of(event.value), event) for event in received])


def profile_of(value: UserCreatedEvent) -> Profile:
    """Return the profile with which an account begins."""
    created_at = value.created_at.ToDatetime(tzinfo=UTC)
    return Profile(
        user_id=UserId(UUID(bytes=value.user_id)),
        handle=value.handle,
        display_name=value.display_name or value.handle,
        created_at=created_at,
        version=first_version(created_at),
    )
