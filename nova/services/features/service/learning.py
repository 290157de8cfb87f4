"""Taking events in: a run of events becomes one native call for each kind of thing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Protocol

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp

from nova.api.content.v1.events_pb2 import PostCreatedEvent, PostDeletedEvent, PostUpdatedEvent
from nova.api.social.v1.events_pb2 import CommentEvent, LikeEvent, ShareEvent
from nova.platform.clock import unix_ms
from nova.platform.events import Received
from nova.services.features.model import Entity
from nova.services.features.service.memory import Memory, columns_of, pair_ids, topic_id


class Reaction(Protocol):
    """What likes, comments and shares have in common."""

    @property
    def user_id(self) -> bytes: ...  # noqa: D102
    @property
    def post_id(self) -> bytes: ...  # noqa: D102
    @property
    def author_id(self) -> bytes: ...  # noqa: D102
    @property
    def occurred_at(self) -> Timestamp: ...  # noqa: D102


@dataclass(slots=True)
class _Increments:
    """Additions to one table, gathered for one call."""

    ids: list[bytes] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)
    amounts: list[float] = field(default_factory=list)
    at_ms: list[int] = field(default_factory=list)

    def add(self, identifier: bytes, column: int, amount: float, at_ms: int) -> None:
        self.ids.append(identifier)
        self.columns.append(column)
        self.amounts.append(amount)
        self.at_ms.append(at_ms)


class Learning:
    """The handlers of the projection."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._columns = {
            column.name: place for entity in Entity for place, column in enumerate(columns_of(entity))
        }

    async def posts_created(self, events: Sequence[Received[PostCreatedEvent]]) -> None:
        """Learn the tags of new posts, and how busy their authors are."""
        gathered = self._gathered()
        for event in events:
            post = event.value
            self._memory.set_tags(post.post_id, post.tags)
            gathered[Entity.AUTHOR].add(
                post.user_id, self._columns["author_posts"], 1.0, _ms(post.created_at)
            )
        self._apply(gathered)

    async def posts_updated(self, events: Sequence[Received[PostUpdatedEvent]]) -> None:
        """Learn the tags that posts have now."""
        for event in events:
            self._memory.set_tags(event.value.post_id, event.value.tags)

    async def posts_deleted(self, events: Sequence[Received[PostDeletedEvent]]) -> None:
        """Forget posts."""
        for event in events:
            self._memory.forget_post(event.value.post_id)
            self._memory.leaders.forget(event.value.post_id)
        self._memory.tables[Entity.POST].remove(b"".join(event.value.post_id for event in events))

    async def likes_created(self, events: Sequence[Received[LikeEvent]]) -> None:
        """Count likes."""
        self._react([event.value for event in events], "post_likes", "pair_likes", 1.0)

    async def likes_deleted(self, events: Sequence[Received[LikeEvent]]) -> None:
        """Uncount likes."""
        self._react([event.value for event in events], "post_likes", "pair_likes", -1.0)

    async def comments_created(self, events: Sequence[Received[CommentEvent]]) -> None:
        """Count comments."""
        self._react([event.value for event in events], "post_comments", "pair_comments", 1.0)

    async def comments_deleted(self, events: Sequence[Received[CommentEvent]]) -> None:
        """Uncount comments."""
        self._react([event.value for event in events], "post_comments", "pair_comments", -1.0)

    async def shares_created(self, events: Sequence[Received[ShareEvent]]) -> None:
        """Count shares."""
        self._react([event.value for event in events], "post_shares", "pair_comments", 1.0)

    async def shares_deleted(self, events: Sequence[Received[ShareEvent]]) -> None:
        """Uncount shares."""
        self._react([event.value for event in events], "post_shares", "pair_comments", -1.0)

    def _react(self, reactions: Sequence[Reaction], of_post: str, of_pair: str, amount: float) -> None:
        gathered = self._gathered()
        for reaction in reactions:
            at_ms = _ms(reaction.occurred_at)
            gathered[Entity.POST].add(reaction.post_id, self._columns[of_post], amount, at_ms)
            gathered[Entity.AUTHOR].add(reaction.author_id, self._columns["author_reactions"], amount, at_ms)
            if amount > 0:
                self._memory.leaders.add(reaction.post_id, reaction.author_id, at_ms)
            else:
                self._memory.leaders.take_back(reaction.post_id, at_ms)
            # What people do to their own posts says nothing of their taste.
            if reaction.user_id != reaction.author_id:
                pair = pair_ids(reaction.user_id, reaction.author_id).tobytes()
                gathered[Entity.PAIR].add(pair, self._columns[of_pair], amount, at_ms)
                self._taste(gathered, reaction, amount, at_ms)
        self._apply(gathered)

    def _taste(
        self, gathered: dict[Entity, _Increments], reaction: Reaction, amount: float, at_ms: int
    ) -> None:
        tags = self._memory.tags(reaction.post_id)
        for tag in tags:
            pair = pair_ids(reaction.user_id, topic_id(tag)).tobytes()
            gathered[Entity.TOPIC].add(pair, self._columns["topic_interest"], amount, at_ms)
        if amount > 0:
            self._memory.note_interest(reaction.user_id, tags)

    def _apply(self, gathered: dict[Entity, _Increments]) -> None:
        for entity, increments in gathered.items():
            if increments.ids:
                self._memory.tables[entity].add(
                    b"".join(increments.ids),
                    np.array(increments.columns, np.int64),
                    np.array(increments.amounts, np.float32),
                    at_ms=np.array(increments.at_ms, np.int64),
                )

    @staticmethod
    def _gathered() -> dict[Entity, _Increments]:
        return {entity: _Increments() for entity in Entity}


def _ms(moment: Timestamp) -> int:
    return unix_ms(moment.ToDatetime(tzinfo=UTC))
