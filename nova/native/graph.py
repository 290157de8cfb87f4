"""Who follows, asks, blocks and mutes whom, in memory: the projection behind every relation and list.

Every edge is a last-writer-wins register: it carries a version (event time in ms, or a sequence), the greater
version wins, at equal versions a removal does, and replayed or late events change nothing. All calls are
thread-safe and release the GIL.
"""

from enum import IntEnum, IntFlag
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nova import _native
from nova.native.ids import Id, Ids, pack_one, to_buffer
from nova.native.scalars import Flags, Ints, longs

MAX_MIDDLES: Final = 1_000
MAX_PER_MIDDLE: Final = 1_000
"""Of large neighbourhoods the newest edges count: so many people between, and so many follows of each."""


class Relation(IntFlag):
    """Bits of a relation, seen from the viewer. `MUTES` is set while the mute lasts."""

    FOLLOWS = 1
    FOLLOWED_BY = 2
    REQUESTED = 4
    REQUESTED_BY = 8
    BLOCKS = 16
    BLOCKED_BY = 32
    MUTES = 64
    PRIVATE = 128
    SELF = 256


class Edge(IntEnum):
    """What an edge from a source to a target says."""

    FOLLOW = 0
    REQUEST = 1
    BLOCK = 2
    MUTE = 3


class Listing(IntEnum):
    """A list that a person has: whom they follow or asked, and who follows or asked them."""

    FOLLOWING = 0
    FOLLOWERS = 1
    REQUESTED = 2
    REQUESTERS = 3


class EdgePage(NamedTuple):
    """Rows of a list, newest first: n × 16 bytes of ids, and since when (unix ms, int64)."""

    ids: bytes
    at_ms: NDArray[np.int64]


class Candidates(NamedTuple):
    """Suggested people, best first: n × 16 bytes of ids, Adamic-Adar scores, and how many people lie between."""

    ids: bytes
    scores: NDArray[np.float64]
    mutuals: NDArray[np.uint32]


class Adjacency:
    """Directed edges between people, and who is private. Every call raises `BadInput` for a broken buffer."""

    def __init__(self) -> None:
        self._core = _native.Adjacency()

    def put(self, kind: Edge, sources: Ids, targets: Ids, *, at_ms: Ints, versions: Ints) -> int:
        """Make edges and return how many changed.

        `at_ms` is since when, or the expiry of a mute (0: it never ends). Edges to oneself raise `BadInput`, and
        the batch then changes nothing.
        """
        return self._core.put(kind, to_buffer(sources), to_buffer(targets), longs(at_ms), longs(versions))

    def drop(self, kind: Edge, sources: Ids, targets: Ids, *, versions: Ints) -> int:
        """End edges, leave tombstones, and return how many edges were there."""
        return self._core.drop(kind, to_buffer(sources), to_buffer(targets), longs(versions))

    def set_private(self, users: Ids, private: Flags, *, versions: Ints) -> int:
        """Say of each user whether the account is private, and return how many changed."""
        flags = np.ascontiguousarray(private, np.bool_).view(np.uint8)
        return self._core.set_private(to_buffer(users), flags, longs(versions))

    def relations(self, viewer: Id, subjects: Ids, *, now_ms: int) -> NDArray[np.uint16]:
        """Return the `Relation` bits of the viewer to each subject, (n,) uint16."""
        return self._core.relations(pack_one(viewer), to_buffer(subjects), now_ms)

    def page(
        self,
        listing: Listing,
        subject: Id,
        *,
        limit: int,
        before: tuple[int, Id] | None = None,
        exclude: Ids = b"",
    ) -> EdgePage:
        """Return at most `limit` rows of a list, newest first, without the excluded people.

        `before` is the (at_ms, id) of the last row seen. Rows of one millisecond are ordered by id.
        """
        cursor = None if before is None else (before[0], pack_one(before[1]))
        return EdgePage(*self._core.page(listing, pack_one(subject), limit, cursor, to_buffer(exclude)))

    def counts(self, subjects: Ids, *, exclude: Ids = b"") -> NDArray[np.int64]:
        """Return followers and following of each subject, (n, 2) int64, without the excluded people."""
        return self._core.counts(to_buffer(subjects), to_buffer(exclude))

    def hidden(self, viewer: Id) -> bytes:
        """Return the ids blocked either way, ascending."""
        return self._core.hidden(pack_one(viewer))

    def muted(self, viewer: Id, *, now_ms: int) -> bytes:
        """Return the ids that the viewer mutes at `now_ms`, ascending."""
        return self._core.muted(pack_one(viewer), now_ms)

    def path(
        self, source: Id, target: Id, *, max_depth: int = 4, exclude: Ids = b"", max_visited: int = 200_000
    ) -> bytes | None:
        """Return the ids of a shortest path of follows, both ends included, that passes nobody excluded.

        None when there is none within `max_depth` edges, or none was found among `max_visited` people.
        """
        ends = pack_one(source), pack_one(target)
        return self._core.path(*ends, max_depth, to_buffer(exclude), max_visited)

    def candidates(
        self,
        viewer: Id,
        *,
        k: int,
        now_ms: int,
        exclude: Ids = b"",
        max_middles: int = MAX_MIDDLES,
        max_per_middle: int = MAX_PER_MIDDLE,
    ) -> Candidates:
        """Return the `k` best people at two steps by the Adamic-Adar index (Adamic and Adar, 2003).

        Left out are the viewer, whoever is followed, requested, blocked either way or muted, and the excluded,
        who are not walked through either. Of large neighbourhoods the newest edges count: `max_middles` people
        between, `max_per_middle` follows of each. Ties go to more mutuals, then to the smaller id.
        """
        reach = (max_middles, max_per_middle)
        return Candidates(*self._core.candidates(pack_one(viewer), k, now_ms, to_buffer(exclude), reach))

    def mutual_counts(self, viewer: Id, subjects: Ids, *, exclude: Ids = b"") -> NDArray[np.int64]:
        """Return how many people the viewer follows who follow each subject, (n,) int64."""
        return self._core.mutual_counts(pack_one(viewer), to_buffer(subjects), to_buffer(exclude))

    def mutuals(self, viewer: Id, subject: Id, *, limit: int, exclude: Ids = b"") -> bytes:
        """Return up to `limit` people whom the viewer follows and who follow the subject."""
        return self._core.mutuals(pack_one(viewer), pack_one(subject), limit, to_buffer(exclude))

    def prune_tombstones(self, *, before_version: int) -> int:
        """Forget removals with a version below `before_version`, and return how many."""
        return self._core.prune_tombstones(before_version)

    def content_hash(self) -> bytes:
        """Return 16 bytes that depend on all edges with their times and on private flags.

        They do not depend on the order of arrival, nor on versions, so a copy loaded from the truth compares equal.
        """
        return self._core.content_hash()

    def sizes(self) -> dict[str, int]:
        """Return counts: people, follows, requests, blocks, mutes, private, tombstones."""
        return self._core.sizes()
