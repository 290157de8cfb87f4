"""Giving rows out: a few native look-ups for a whole batch of candidates."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from nova.native.ids import ID_BYTES, split
from nova.platform.auth.actor import Actor
from nova.platform.clock import Clock, unix_ms
from nova.services.features.model import DECLARED, CandidatesMismatched, Entity, Interest
from nova.services.features.service.memory import HALF_LIVES_KEPT, Memory, pair_ids, topic_id

MOST_CANDIDATES = 2000
FADED: Final = 2.0**-HALF_LIVES_KEPT
"""An interest below this is none: what has faded, and what is left of sums that should be nothing."""


class Serving:
    """What may be asked of features, for the caller."""

    def __init__(self, *, memory: Memory, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock

    def rows(self, actor: Actor, post_ids: bytes, author_ids: bytes) -> NDArray[np.float32]:
        """Return (n, columns) rows for n candidates, given as packed ids, in the order of `DECLARED`."""
        actor.require("feed:read")
        if len(post_ids) % ID_BYTES or len(post_ids) != len(author_ids):
            raise CandidatesMismatched(field="post_ids")
        if len(post_ids) > MOST_CANDIDATES * ID_BYTES:
            raise CandidatesMismatched(field="post_ids")
        now_ms = unix_ms(self._clock.now())
        viewer = actor.user_id.bytes
        tables = self._memory.tables
        parts = {
            Entity.POST: tables[Entity.POST].lookup(post_ids, now_ms=now_ms).values,
            Entity.AUTHOR: tables[Entity.AUTHOR].lookup(author_ids, now_ms=now_ms).values,
            Entity.PAIR: tables[Entity.PAIR].lookup(pair_ids(viewer, author_ids), now_ms=now_ms).values,
            Entity.TOPIC: self._topic_rows(viewer, post_ids, now_ms),
        }
        return np.concatenate([parts[entity] for entity in _entities()], axis=1)

    def interests(self, actor: Actor, limit: int) -> list[Interest]:
        """Return the caller's strongest interests, best first."""
        actor.require("feed:read")
        viewer = actor.user_id.bytes
        tags = self._memory.interests.of(viewer)
        if not tags:
            return []
        ids = pair_ids(viewer, b"".join(map(topic_id, tags)))
        weights = (
            self._memory.tables[Entity.TOPIC].lookup(ids, now_ms=unix_ms(self._clock.now())).values[:, 0]
        )
        found = [
            Interest(tag=tag, weight=float(weight))
            for tag, weight in zip(tags, weights, strict=True)
            if weight > FADED
        ]
        return sorted(found, key=lambda interest: (-interest.weight, interest.tag))[:limit]

    def popular(self, actor: Actor, limit: int) -> list[tuple[bytes, bytes]]:
        """Return post and author of the posts that people react to most, best first."""
        actor.require("feed:read")
        return self._memory.leaders.best(limit)

    def _topic_rows(self, viewer: bytes, post_ids: bytes, now_ms: int) -> NDArray[np.float32]:
        """Return, for each post, the strongest of the viewer's interests in its tags; 0 without tags."""
        topics = self._memory.topics(split(post_ids))
        counts = np.fromiter((len(packed) // ID_BYTES for packed in topics), np.int64, len(topics))
        rows = np.zeros((len(topics), 1), np.float32)
        tagged = counts > 0
        if tagged.any():
            ids = pair_ids(viewer, b"".join(topics))
            values = self._memory.tables[Entity.TOPIC].lookup(ids, now_ms=now_ms).values[:, 0]
            firsts = (np.cumsum(counts) - counts)[tagged]
            rows[tagged, 0] = np.maximum.reduceat(values, firsts)
        return rows


def _entities() -> list[Entity]:
    """Return the kinds of things in the order of their columns."""
    return list(dict.fromkeys(feature.entity for feature in DECLARED))
