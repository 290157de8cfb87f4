"""Who read lately, and whom each follows: who is told of a new post without asking the graph."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from nova.native.fanout import PostingLists
from nova.native.ids import ID_BYTES, split

MOST_READERS: Final = 5_000
MOST_EDGES: Final = 1_000_000
"""An edge takes some 40 bytes."""


@dataclass(frozen=True, slots=True)
class _Reader:
    following: bytes
    noted_s: float


class Readers:
    """The latest readers, at most 5,000 with a million follows among them; whoever came longest ago goes first."""

    def __init__(self, *, most: int = MOST_READERS, most_edges: int = MOST_EDGES) -> None:
        self._most = most
        self._most_edges = most_edges
        self._readers: dict[bytes, _Reader] = {}
        self._edges = 0
        # An inverted index is a posting list, whatever is posted: here by an author, those who read him.
        self._by_author = PostingLists()

    def note(self, user_id: bytes, following: bytes, *, now_s: float, fresh_for_s: float) -> bool:
        """Note a reader and the packed ids whose posts he gets; return False if that was known and is fresh."""
        known = self._readers.pop(user_id, None)
        if known is not None and known.following == following and now_s - known.noted_s < fresh_for_s:
            self._readers[user_id] = known
            return False
        if known is not None:
            self._unlist(user_id, known)
        count = len(following) // ID_BYTES
        if count <= self._most_edges:
            self._readers[user_id] = _Reader(following, now_s)
            self._by_author.insert(following, user_id * count, 0)
            self._edges += count
        while len(self._readers) > self._most or self._edges > self._most_edges:
            self.forget([next(iter(self._readers))])
        return True

    def forget(self, user_ids: Iterable[bytes]) -> None:
        """Drop readers."""
        for user_id in user_ids:
            reader = self._readers.pop(user_id, None)
            if reader is not None:
                self._unlist(user_id, reader)

    def forget_all(self) -> None:
        """Drop all readers."""
        self._readers = {}
        self._edges = 0
        self._by_author = PostingLists()

    def of(self, author_id: bytes) -> list[bytes]:
        """Return the known readers of an author."""
        return split(self._by_author.merge(author_id, want=self._most).ids)

    def __len__(self) -> int:
        return len(self._readers)

    def _unlist(self, user_id: bytes, reader: _Reader) -> None:
        count = len(reader.following) // ID_BYTES
        self._by_author.remove(reader.following, user_id * count)
        self._edges -= count
