"""Posting lists of authors and their merge into timelines.

A timeline is pulled: the newest posts of the people whom a viewer follows, merged at read. Posts are UUIDv7, so
the order of ids is the order of time. All calls are thread-safe and release the GIL.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nova import _native
from nova.native.ids import Id, Ids, pack_cursor, pack_one, to_buffer
from nova.native.scalars import Ints, longs


class Posts(NamedTuple):
    """Posts, newest first: n × 16 bytes of ids, n × 16 bytes of their authors, and their flags (uint32)."""

    ids: bytes
    authors: bytes
    meta: NDArray[np.uint32]


class PostingLists:
    """The posts of every author, newest first. Every call raises `BadInput` for a broken buffer."""

    def __init__(self) -> None:
        self._core = _native.PostingLists()

    def insert(self, authors: Ids, posts: Ids, meta: Ints) -> int:
        """Add posts in any order and return how many are new.

        `meta` are 32 bits a post for flags of the caller's own; one int counts for all. A known post takes the
        new flags.
        """
        return self._core.insert(to_buffer(authors), to_buffer(posts), longs(meta))

    def remove(self, authors: Ids, posts: Ids) -> int:
        """Remove posts and return how many were there."""
        return self._core.remove(to_buffer(authors), to_buffer(posts))

    def drop_authors(self, authors: Ids) -> int:
        """Remove all posts of these authors and return how many."""
        return self._core.drop_authors(to_buffer(authors))

    def merge(
        self, authors: Ids, *, want: int, before: Id | None = None, mask: int = 0, value: int = 0
    ) -> Posts:
        """Return at most `want` posts of these authors, newest first, each once.

        Only posts with an id below `before` and with `meta & mask == value` count. A post of several authors
        comes under the first of them.
        """
        return Posts(*self._core.merge(to_buffer(authors), want, pack_cursor(before), mask, value))

    def latest(self, *, want: int, before: Id | None = None, mask: int = 0, value: int = 0) -> Posts:
        """Return at most `want` posts of everybody, newest first, each once, as `merge` does."""
        return Posts(*self._core.latest(want, pack_cursor(before), mask, value))

    def counts(self, authors: Ids) -> NDArray[np.int64]:
        """Return how many posts each author has, (n,) int64."""
        return self._core.counts(to_buffer(authors))

    def prune(self, *, before: Id) -> int:
        """Forget all posts with an id below `before`, and return how many."""
        return self._core.prune(pack_one(before))

    def content_hash(self) -> bytes:
        """Return 16 bytes that depend on all posts, authors and flags, and not on the order of arrival."""
        return self._core.content_hash()

    def authors(self) -> int:
        """Return how many authors have a post."""
        return self._core.authors()

    def __len__(self) -> int:
        return len(self._core)
