"""Taking events in: a run of events becomes one native call for each kind of thing."""

from collections.abc import Iterable, Sequence
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
from nova.platform.versions import FIRST, GONE
from nova.services.features.model import Entity
from nova.services.features.service.memory import Memory, columns_of, pair_ids, topic_id
from nova.services.features.service.standing import Reacted

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


_Gathered: TypeAlias = dict[Entity, _Increments]


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
        self._retag(gathered, [(post.post_id, FIRST, post.tags) for post in _values(fresh)])
        self._memory.handled.add(fresh)

    async def posts_updated(self, events: Sequence[Received[PostUpdatedEvent]]) -> None:
        """Learn the tags that posts have now."""
        for post in _values(events):
            _require_ids(post.post_id)
        self._retag(self._gathered(), [(post.post_id, post.version, post.tags) for post in _values(events)])

    async def posts_deleted(self, events: Sequence[Received[PostDeletedEvent]]) -> None:
        """Forget posts, and with them what people's reactions to them said of their taste."""
        for post in _values(events):
            _require_ids(post.post_id)
        self._retag(self._gathered(), [(post.post_id, GONE, ()) for post in _values(events)])
        self._memory.tables[Entity.POST].remove(b"".join(post.post_id for post in _values(events)))
        for post in _values(events):
            self._memory.standing.forget(post.post_id)
            self._memory.leaders.forget(post.post_id)

    async def likes_created(self, events: Sequence[Received[LikeEvent]]) -> None:
        """Count likes."""
        self._react(events, "post_likes", "pair_likes", 1)

    async def likes_deleted(self, events: Sequence[Received[LikeEvent]]) -> None:
        """Uncount likes."""
        self._react(events, "post_likes", "pair_likes", -1)

    async def comments_created(self, events: Sequence[Received[CommentEvent]]) -> None:
        """Count comments."""
        self._react(events, "post_comments", "pair_comments", 1)

    async def comments_deleted(self, events: Sequence[Received[CommentEvent]]) -> None:
        """Uncount comments."""
        self._react(events, "post_comments", "pair_comments", -1)

    async def shares_created(self, events: Sequence[Received[ShareEvent]]) -> None:
        """Count shares."""
        self._react(events, "post_shares", "pair_comments", 1)

    async def shares_deleted(self, events: Sequence[Received[ShareEvent]]) -> None:
        """Uncount shares."""
        self._react(events, "post_shares", "pair_comments", -1)

    def _react(self, events: Sequence[Received[Any]], of_post: str, of_pair: str, amount: int) -> None:
        """Count reactions, or uncount them: as of when they were made, so that nothing is left of one taken back."""
        fresh = self._memory.handled.fresh(events)
        gathered = self._gathered()
        for reaction in _values(fresh):
            _require_ids(reaction.user_id, reaction.post_id, reaction.author_id)
            self._count(gathered, reaction, of_post, of_pair, amount)
        self._apply(gathered)
        for reaction in _values(fresh):
            if not self._memory.versions.is_gone(reaction.post_id):
                self._note(reaction, amount)
        self._memory.handled.add(fresh)

    def _count(
        self, gathered: _Gathered, reaction: Reaction, of_post: str, of_pair: str, amount: int
    ) -> None:
        """Gather what a reaction says of post, author, pair and taste; of a post that is gone, what is left of that."""
        at_ms, gone = _made_ms(reaction), self._memory.versions.is_gone(reaction.post_id)
        if not gone:
            gathered[Entity.POST].add(reaction.post_id, self._columns[of_post], amount, at_ms)
        gathered[Entity.AUTHOR].add(reaction.author_id, self._columns["author_reactions"], amount, at_ms)
        if not _says_taste(reaction):
            return
        pair = pair_ids(reaction.user_id, reaction.author_id).tobytes()
        gathered[Entity.PAIR].add(pair, self._columns[of_pair], amount, at_ms)
        if not gone:
            reacted = Reacted(reaction.user_id, at_ms, amount)
            self._taste(gathered, reacted, self._tags(reaction.post_id), reacted.amount)

    def _note(self, reaction: Reaction, amount: int) -> None:
        """Remember a reaction to a live post beside the tables."""
        at_ms, memory = _made_ms(reaction), self._memory
        if amount > 0:
            memory.leaders.add(reaction.post_id, reaction.author_id, at_ms)
        else:
            memory.leaders.take_back(reaction.post_id, reaction.author_id, at_ms)
        if not _says_taste(reaction):
            return
        tags = self._tags(reaction.post_id)
        memory.standing.add(reaction.post_id, Reacted(reaction.user_id, at_ms, amount), tags)
        if amount > 0:
            memory.interests.note(reaction.user_id, tags)

    def _retag(self, gathered: _Gathered, told: Iterable[tuple[bytes, int, Sequence[str]]]) -> None:
        """Count what is gathered; take the tags of posts, told with versions, and count reactions for those instead."""
        memory = self._memory
        news = memory.versions.news(told, lambda post: post[:2])
        moved: list[tuple[bytes, set[str]]] = []
        for post_id, _, tags in news:
            was, becomes = set(memory.standing.tags(post_id)), set(tags)
            for reacted in memory.standing.of(post_id):
                self._taste(gathered, reacted, was - becomes, -reacted.amount)
                self._taste(gathered, reacted, becomes - was, reacted.amount)
                if reacted.amount > 0:
                    moved.append((reacted.user_id, becomes - was))
        self._apply(gathered)
        for user_id, come in moved:
            memory.interests.note(user_id, sorted(come))
        for post_id, _, tags in news:
            memory.set_tags(post_id, tags)
            memory.standing.move(post_id, tags)
        memory.versions.note((post_id, version) for post_id, version, _ in news)

    def _taste(self, gathered: _Gathered, reacted: Reacted, tags: Iterable[str], amount: int) -> None:
        for tag in tags:
            pair = pair_ids(reacted.user_id, topic_id(tag)).tobytes()
            gathered[Entity.TOPIC].add(pair, self._columns["topic_interest"], amount, reacted.at_ms)

    def _tags(self, post_id: bytes) -> Sequence[str]:
        """Return the tags for which reactions to a post count."""
        return self._memory.standing.tags(post_id, self._memory.tags(post_id))

    def _apply(self, gathered: _Gathered) -> None:
        for entity, increments in gathered.items():
            if increments.ids:
                self._memory.tables[entity].add(
                    b"".join(increments.ids),
                    np.array(increments.columns, np.int64),
                    np.array(increments.amounts, np.float32),
                    at_ms=np.array(increments.at_ms, np.int64),
                )

    @staticmethod
    def _gathered() -> _Gathered:
        return {entity: _Increments() for entity in Entity}


def _values(events: Sequence[Received[Any]]) -> list[Any]:
    return [event.value for event in events]


def _says_taste(reaction: Reaction) -> bool:
    """What people do to their own posts says nothing of their taste."""
    return bool(reaction.user_id != reaction.author_id)


def _require_ids(*ids: bytes) -> None:
    """Raise ValueError for a broken id before anything is counted."""
    if any(len(identifier) != ID_BYTES for identifier in ids):
        raise ValueError("An id of this event has not 16 bytes.")


def _made_ms(reaction: Reaction) -> int:
    """Return when it was made, in unix milliseconds; earlier releases told only when it was told."""
    return _ms(reaction.reacted_at if reaction.HasField("reacted_at") else reaction.occurred_at)


def _ms(moment: Timestamp) -> int:
    return unix_ms(moment.ToDatetime(tzinfo=UTC))
