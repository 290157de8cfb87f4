"""What is known, in memory: a native table for each kind of thing, the tags of posts, the tags of people."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nova.native.errors import SnapshotMismatch
from nova.native.features import Column, FeatureTable
from nova.native.ids import ID_BYTES
from nova.platform.versions import Versions
from nova.services.features.model import DECLARED, Entity
from nova.services.features.service.handled import Handled
from nova.services.features.service.interests import Interests
from nova.services.features.service.leaders import Leaders
from nova.services.features.service.standing import Standing

HALF_LIVES_KEPT: Final = 10
"""After ten half-lives a thousandth is left of what was."""
SHAPE: Final = 2
"""Which notes a snapshot has. What another release kept otherwise is learnt from the log again."""


def columns_of(entity: Entity) -> list[Column]:
    """Return the columns of one kind of thing, in their declared order."""
    return [
        Column(feature.name, half_life_s=feature.half_life_s)
        for feature in DECLARED
        if feature.entity is entity
    ]


def _longest_ms(entity: Entity) -> int:
    return int(max(feature.half_life_s for feature in DECLARED if feature.entity is entity) * 1000)


def topic_id(tag: str) -> bytes:
    """Return the 16 bytes that stand for a tag; case does not matter."""
    return blake2b(tag.lower().encode(), digest_size=ID_BYTES).digest()


def pair_ids(viewer_id: bytes, others: bytes) -> NDArray[np.uint8]:
    """Return (n, 16) ids for a viewer and each of n others (authors or topics).

    The other's bytes are turned round, so that the pair of A and B is not that of B and A; what is random in
    both ids stays random in their sum.
    """
    others_by_row = np.frombuffer(others, np.uint8).reshape(-1, ID_BYTES)
    return np.ascontiguousarray(others_by_row[:, ::-1] ^ np.frombuffer(viewer_id, np.uint8))


class Memory:
    """All that features knows. Events change it, rows are read from it."""

    def __init__(self) -> None:
        self._tags: dict[bytes, tuple[str, ...]] = {}
        self._topics: dict[bytes, bytes] = {}
        self.clear()

    def clear(self) -> None:
        """Know nothing, save the tags of posts."""
        self.tables = {entity: FeatureTable(columns_of(entity)) for entity in Entity}
        self.interests = Interests()
        self.leaders = Leaders()
        self.standing = Standing()
        self.versions = Versions()
        self.handled = Handled()

    def set_tags(self, post_id: bytes, tags: Sequence[str]) -> None:
        """Learn which tags a post bears."""
        if tags:
            self._tags[post_id] = tuple(tags)
            self._topics[post_id] = b"".join(map(topic_id, tags))
        else:
            self.forget_tags(post_id)

    def replace_tags(self, tags: Mapping[bytes, tuple[str, ...]]) -> None:
        """Know the tags of exactly these posts."""
        self._tags = dict(tags)
        self._topics = {post_id: b"".join(map(topic_id, those)) for post_id, those in tags.items()}

    def forget_tags(self, post_id: bytes) -> None:
        """Forget the tags of a post."""
        self._tags.pop(post_id, None)
        self._topics.pop(post_id, None)

    def tags(self, post_id: bytes) -> tuple[str, ...]:
        """Return the tags of a post."""
        return self._tags.get(post_id, ())

    def topics(self, post_ids: Iterable[bytes]) -> list[bytes]:
        """Return the packed topics of each post."""
        known = self._topics
        return [known.get(post_id, b"") for post_id in post_ids]

    def notes(self) -> dict[str, Any]:
        """Return what is not in the tables, as JSON can hold it: for a snapshot."""
        return {
            "shape": SHAPE,
            "interests": self.interests.dump(),
            "leaders": self.leaders.dump(),
            "standing": self.standing.dump(),
            "versions": self.versions.dump(),
            "handled": self.handled.dump(),
        }

    def restore(self, tables: Mapping[Entity, bytes], notes: Mapping[str, Any]) -> None:
        """Replace all but the tags of posts by what a snapshot holds. Raises `SnapshotMismatch`."""
        if notes.get("shape") != SHAPE:
            raise SnapshotMismatch
        for entity, packed in tables.items():
            self.tables[entity].restore(packed)
        self.interests.restore(notes["interests"])
        self.leaders.restore(notes["leaders"])
        self.standing.restore(notes["standing"])
        self.versions.restore(notes["versions"])
        self.handled.restore(notes["handled"])

    def prune(self, now_ms: int) -> int:
        """Forget rows in which nothing is left of anything, and return how many."""
        return sum(
            table.prune(before_ms=now_ms - HALF_LIVES_KEPT * _longest_ms(entity))
            for entity, table in self.tables.items()
        )
