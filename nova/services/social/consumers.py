"""What social does when another room speaks."""

from collections.abc import Sequence
from datetime import UTC
from uuid import UUID

from nova.api.content.v1.events_pb2 import PostDeletedEvent
from nova.platform.events import Received
from nova.services.social.model import PostId
from nova.services.social.service.counters import CachedCounters
from nova.services.social.store.tx import SocialTx


class Consumers:
    """The handlers of social."""

    def __init__(self, counters: CachedCounters) -> None:
        self._counters = counters

    async def posts_deleted(self, tx: SocialTx, events: Sequence[Received[PostDeletedEvent]]) -> None:
        """Remove every reaction under deleted posts."""
        post_ids = [PostId(UUID(bytes=event.value.post_id)) for event in events]
        await tx.bury_posts(post_ids, [event.value.deleted_at.ToDatetime(tzinfo=UTC) for event in events])
        tx.after_commit(lambda: self._counters.changed(*post_ids))
