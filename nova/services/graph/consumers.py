"""What graph hears and keeps in its own tables: accounts, who is private, who blocks whom."""

from collections.abc import Sequence
from uuid import UUID

from nova.api.identity.v1.events_pb2 import UserCreatedEvent
from nova.api.user.v1.events_pb2 import BlockEvent, ProfileUpdatedEvent
from nova.platform.events import Received
from nova.services.graph.model import BlockState, Privacy, UserId
from nova.services.graph.service.hearing import Hearing
from nova.services.graph.store.tx import GraphTx


class Ears:
    """Handles the events of identity and user."""

    def __init__(self, hearing: Hearing) -> None:
        self._hearing = hearing

    async def accounts_opened(self, tx: GraphTx, received: Sequence[Received[UserCreatedEvent]]) -> None:
        """Know new accounts. Any version of a profile is news after this."""
        opened = {_id(event.value.user_id) for event in received}
        await self._hearing.accounts(
            tx, [Privacy(user_id=user_id, is_private=False, version=0) for user_id in opened]
        )

    async def profiles_updated(self, tx: GraphTx, received: Sequence[Received[ProfileUpdatedEvent]]) -> None:
        """Know who is private."""
        told = [
            Privacy(
                user_id=_id(event.value.user_id),
                is_private=event.value.is_private,
                version=event.value.version,
            )
            for event in received
        ]
        await self._hearing.people(tx, told, {_id(event.value.user_id): event for event in received})

    async def blocks_created(self, tx: GraphTx, received: Sequence[Received[BlockEvent]]) -> None:
        """Know who blocks whom."""
        await self._blocks(tx, received, lifted=False)

    async def blocks_deleted(self, tx: GraphTx, received: Sequence[Received[BlockEvent]]) -> None:
        """Know whose block was lifted."""
        await self._blocks(tx, received, lifted=True)

    async def _blocks(self, tx: GraphTx, received: Sequence[Received[BlockEvent]], *, lifted: bool) -> None:
        told = [
            BlockState(
                user_id=_id(event.value.user_id),
                blocked_id=_id(event.value.blocked_id),
                lifted=lifted,
                version=event.value.version,
            )
            for event in received
        ]
        await self._hearing.blocks(tx, told, {_id(event.value.user_id): event for event in received})


def _id(value: bytes) -> UserId:
    return UserId(UUID(bytes=value))
