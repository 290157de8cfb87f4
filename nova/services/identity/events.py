"""What identity tells the other rooms."""

from nova.api.identity.v1.events_pb2 import UserCreatedEvent
from nova.platform.events import Event
from nova.policy import topics
from nova.services.identity.model import NewAccount

USER_CREATED = topics.USER_CREATED


def user_created(account: NewAccount) -> Event:
    """Return the event of an account that was opened."""
    value = UserCreatedEvent(
        user_id=account.user_id.bytes, handle=account.handle, display_name=account.display_name
    )
    value.created_at.FromDatetime(account.created_at)
    return USER_CREATED.event(value)
