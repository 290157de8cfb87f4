"""Taking events in: a run of events becomes one native call for each kind of thing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, TypeAlias

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp

from nova.api.content.v1.events_pb2 import PostCreatedEvent, PostDeletedEvent, PostUpdatedEvent
from nova.api.social.v1.events_pb2 import CommentEvent, LikeEvent, ShareEvent
from nova.native.ids import ID_BYTES
from nova.platform.clock import unix_ms
from nova.platform.events import Received
from nova.services.features.model import Entity
from nova.services.features.service.memory import Memory, columns_of, pair_ids, topic_id

Reaction: TypeAlias = LikeEvent | CommentEvent | ShareEvent


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
        fresh = self._memory.handled.fresh(events)
        gathered = self._gathered()
        for event in fresh:
            post: PostCreatedEvent = event.value
            _require_ids(post.post_id, post.user_id)
            gathered[Entity.AUTHOR].add(
                post.user_id, self._columns["author_posts"], 1.0, _ms(post.created_at)
            )
        for event in fresh:
            self._memory.set_tags(event.value.post_id, event.value.tags)
        self._apply(gathered)
        self._memory.handled.add(fresh)

    async def posts_updated(self, events: Sequence[Received[PostUpdatedEvent]]) -> None:
        """Learn the tags that posts have now."""
        for event in events:
            self._memory.set_tags(event.value.post_id, event.value.tags)

    async def posts_deleted(self, events: Sequence[Received[PostDeletedEvent]]) -> None:
        """Forget posts."""
        self._memory.tables[Entity.POST].remove(b"".join(event.value.post_id for event in events))
        for event in events:
            self._memory.forget_post(event.value.post_id)
            self._memory.leaders.forget(event.value.post_id)

    async def likes_created(self, events: Sequence[Received[LikeEvent]]) -> None:
        """Count likes."""
        self._react(events, "post_likes", "pair_likes", 1.0)

    async def likes_deleted(self, events: Sequence[Received[LikeEvent]]) -> None:
        """Uncount likes."""
        self._react(events, "post_likes", "pair_likes", -1.0)

    async def comments_created(self, events: Sequence[Received[CommentEvent]]) -> None:
        """Count comments."""
        self._react(events, "post_comments", "pair_comments", 1.0)

    async def comments_deleted(self, events: Sequence[Received[CommentEvent]]) -> None:
        """Uncount comments."""
        self._react(events, "post_comments", "pair_comments", -1.0)

    async def shares_created(self, events: Sequence[Received[ShareEvent]]) -> None:
        """Count shares."""
        self._react(events, "post_shares", "pair_comments", 1.0)

    async def shares_deleted(self, events: Sequence[Received[ShareEvent]]) -> None:
        """Uncount shares."""
        self._react(events, "post_shares", "pair_comments", -1.0)

    def _react(self, events: Sequence[Received[Any]], of_post: str, of_pair: str, amount: float) -> None:
        """Count reactions, or uncount them: as of when they were made, so that nothing is left of one taken back."""
        fresh = self._memory.handled.fresh(events)
        reactions: list[Reaction] = [event.value for event in fresh]
        gathered = self._gathered()
        for reaction in reactions:
            _require_ids(reaction.user_id, reaction.post_id, reaction.author_id)
            at_ms = _made_ms(reaction)
            gathered[Entity.POST].add(reaction.post_id, self._columns[of_post], amount, at_ms)
            gathered[Entity.AUTHOR].add(reaction.author_id, self._columns["author_reactions"], amount, at_ms)
            # What people do to their own posts says nothing of their taste.
            if reaction.user_id != reaction.author_id:
                pair = pair_ids(reaction.user_id, reaction.author_id).tobytes()
                gathered[Entity.PAIR].add(pair, self._columns[of_pair], amount, at_ms)
                self._taste(gathered[Entity.TOPIC], reaction, amount, at_ms)
        self._apply(gathered)
        for reaction in reactions:
            self._lead(reaction, amount)
        self._memory.handled.add(fresh)

    def _taste(self, topics: _Increments, reaction: Reaction, amount: float, at_ms: int) -> None:
        for tag in self._memory.tags(reaction.post_id):
            pair = pair_ids(reaction.user_id, topic_id(tag)).tobytes()
            topics.add(pair, self._columns["topic_interest"], amount, at_ms)

    def _lead(self, reaction: Reaction, amount: float) -> None:
        at_ms = _made_ms(reaction)
        if amount > 0:
            self._memory.leaders.add(reaction.post_id, reaction.author_id, at_ms)
            if reaction.user_id != reaction.author_id:
                self._memory.note_interest(reaction.user_id, self._memory.tags(reaction.post_id))
        else:
            self._memory.leaders.take_back(reaction.post_id, at_ms)

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


def _require_ids(*ids: bytes) -> None:
    """Raise ValueError for a broken id before anything is counted."""
    if any(len(identifier) != ID_BYTES for identifier in ids):
        raise ValueError("An id of this event has not 16 bytes.")


def _made_ms(reaction: Reaction) -> int:
    """Return when it was made, in unix milliseconds; earlier releases told only when it was told."""
    return _ms(reaction.reacted_at if reaction.HasField("reacted_at") else reaction.occurred_at)


def _ms(moment: Timestamp) -> int:
    return unix_ms(moment.ToDatetime(tzinfo=UTC))
