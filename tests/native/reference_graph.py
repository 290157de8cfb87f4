"""The adjacency in plain Python: one dict of registers, and every answer a scan of it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from nova.native.graph import Edge, Listing, Relation
from tests.native.reference_hash import content_hash, id_words

_PRIVATE_RECORD = 0xFF
_LISTS = {
    Listing.FOLLOWING: (Edge.FOLLOW, 0),
    Listing.FOLLOWERS: (Edge.FOLLOW, 1),
    Listing.REQUESTED: (Edge.REQUEST, 0),
    Listing.REQUESTERS: (Edge.REQUEST, 1),
}
_BITS = {
    Edge.FOLLOW: (Relation.FOLLOWS, Relation.FOLLOWED_BY),
    Edge.REQUEST: (Relation.REQUESTED, Relation.REQUESTED_BY),
    Edge.BLOCK: (Relation.BLOCKS, Relation.BLOCKED_BY),
    Edge.MUTE: (Relation.MUTES, Relation(0)),
}


@dataclass
class PlainAdjacency:
    """Registers by (kind, source, target); a value is (version, is removed, at_ms), and the greatest wins."""

    edges: dict[tuple[Edge, bytes, bytes], tuple[int, bool, int]] = field(default_factory=dict)
    private: dict[bytes, tuple[int, bool]] = field(default_factory=dict)

    def put(self, kind: Edge, source: bytes, target: bytes, at_ms: int, version: int) -> None:
        self._write(kind, source, target, (version, False, at_ms))

    def drop(self, kind: Edge, source: bytes, target: bytes, version: int) -> None:
        self._write(kind, source, target, (version, True, 0))

    def set_private(self, user: bytes, private: bool, version: int) -> None:
        known = self.private.get(user)
        if known is None or (version, not private) > known:
            self.private[user] = (version, not private)

    def prune_tombstones(self, before_version: int) -> None:
        self.edges = {key: at for key, at in self.edges.items() if not (at[1] and at[0] < before_version)}
        self.private = {key: at for key, at in self.private.items() if not (at[1] and at[0] < before_version)}

    def relation(self, viewer: bytes, subject: bytes, now_ms: int) -> int:
        bits = Relation.SELF if viewer == subject else Relation(0)
        bits |= Relation.PRIVATE if self.is_private(subject) else Relation(0)
        for kind, (outgoing, incoming) in _BITS.items():
            bits |= outgoing if self._lasts(kind, viewer, subject, now_ms) else Relation(0)
            bits |= incoming if self.has(kind, subject, viewer) else Relation(0)
        return int(bits)

    def rows(self, listing: Listing, subject: bytes) -> list[tuple[int, bytes]]:
        """Return a whole list, newest first."""
        kind, own_end = _LISTS[listing]
        own = (
            (at_ms, ends) for of, *ends, at_ms in self.present() if of == kind and ends[own_end] == subject
        )
        return sorted(((at_ms, ends[1 - own_end]) for at_ms, ends in own), reverse=True)

    def hidden(self, viewer: bytes) -> set[bytes]:
        blocks = [(source, target) for kind, source, target, _ in self.present() if kind == Edge.BLOCK]
        return {b for a, b in blocks if a == viewer} | {a for a, b in blocks if b == viewer}

    def muted(self, viewer: bytes, now_ms: int) -> set[bytes]:
        mutes = ((source, target) for kind, source, target, _ in self.present() if kind == Edge.MUTE)
        return {b for a, b in mutes if a == viewer and self._lasts(Edge.MUTE, a, b, now_ms)}

    def mutuals(self, viewer: bytes, subject: bytes) -> list[bytes]:
        """Return those between as a set in some order."""
        following = [other for _, other in self.rows(Listing.FOLLOWING, viewer)]
        return [other for other in following if self.has(Edge.FOLLOW, other, subject)]

    def distances(self, source: bytes, excluded: Sequence[bytes]) -> dict[bytes, int]:
        """Return the length of the shortest path to everyone who can be reached."""
        found = {} if source in excluded else {source: 0}
        frontier = list(found)
        while frontier:
            person = frontier.pop(0)
            for _, other in self.rows(Listing.FOLLOWING, person):
                if other not in found and other not in excluded:
                    found[other] = found[person] + 1
                    frontier.append(other)
        return found

    def candidates(
        self, viewer: bytes, now_ms: int, excluded: Sequence[bytes]
    ) -> list[tuple[float, int, bytes]]:
        """Return (score, mutuals, id) of everyone at two steps who may be suggested, best first."""
        known = Relation.FOLLOWS | Relation.REQUESTED | Relation.BLOCKS | Relation.BLOCKED_BY | Relation.MUTES
        found: dict[bytes, tuple[float, int]] = {}
        for _, middle in self.rows(Listing.FOLLOWING, viewer):
            if middle in excluded:
                continue
            following = self.rows(Listing.FOLLOWING, middle)
            weight = (
                1 / math.log(len(following) + len(self.rows(Listing.FOLLOWERS, middle))) if following else 0.0
            )
            for _, other in following:
                if other == viewer or other in excluded or self.relation(viewer, other, now_ms) & known:
                    continue
                score, mutuals = found.get(other, (0.0, 0))
                found[other] = (score + weight, mutuals + 1)
        ranked = sorted(found.items(), key=lambda item: (-item[1][0], -item[1][1], item[0]))
        return [(score, mutuals, other) for other, (score, mutuals) in ranked]

    def content_hash(self) -> bytes:
        edges = [(kind, *id_words(a), *id_words(b), at_ms) for kind, a, b, at_ms in self.present()]
        private = [user for user in self.private if self.is_private(user)]
        flags = [(_PRIVATE_RECORD, *id_words(user), *id_words(user), 0) for user in private]
        return content_hash([*edges, *flags])

    def has(self, kind: Edge, source: bytes, target: bytes) -> bool:
        register = self.edges.get((kind, source, target))
        return register is not None and not register[1]

    def is_private(self, user: bytes) -> bool:
        register = self.private.get(user)
        return register is not None and not register[1]

    def present(self) -> Iterator[tuple[Edge, bytes, bytes, int]]:
        for (kind, source, target), (_, removed, at_ms) in self.edges.items():
            if not removed:
                yield kind, source, target, at_ms

    def _lasts(self, kind: Edge, source: bytes, target: bytes, now_ms: int) -> bool:
        if not self.has(kind, source, target):
            return False
        until_ms = self.edges[kind, source, target][2]
        return kind != Edge.MUTE or until_ms == 0 or until_ms > now_ms

    def _write(self, kind: Edge, source: bytes, target: bytes, register: tuple[int, bool, int]) -> None:
        known = self.edges.get((kind, source, target))
        if known is None or register > known:
            self.edges[kind, source, target] = register
