"""Rows of decaying float32 features by id: an in-process table, and the packed form that stores keep.

A fading value halves its distance to its default with each half-life, and is decayed when it is read, so that
writing is one addition and an id without a row is where every row is heading. All calls are thread-safe and
release the GIL.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nova import _native
from nova.native.ids import Ids, to_buffer
from nova.native.scalars import Floats, Ints, longs


@dataclass(frozen=True, slots=True)
class Column:
    """A declared feature: its value when nothing is known, and its half-life in seconds (None: it stays)."""

    name: str
    default: float = 0.0
    half_life_s: float | None = None


class Rows(NamedTuple):
    """Rows of a lookup: (n, width) float32, and which ids had no row and got the defaults, (n,) bool."""

    values: NDArray[np.float32]
    missing: NDArray[np.bool_]


class FeatureTable:
    """Feature rows by id. Every call raises `BadInput` for a broken buffer, and then changes nothing."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)
        self._index = {column.name: at for at, column in enumerate(self.columns)}
        half_lives = [math.inf if c.half_life_s is None else c.half_life_s for c in self.columns]
        self._core = _native.FeatureTable([column.default for column in self.columns], half_lives)

    @property
    def width(self) -> int:
        """Values of a row."""
        return len(self.columns)

    @property
    def row_bytes(self) -> int:
        """Bytes of a packed row: 8 + 4 × width."""
        return self._core.row_bytes

    def index(self, name: str) -> int:
        """Return the place of a column; `KeyError` when there is none of that name."""
        return self._index[name]

    def lookup(self, ids: Ids, *, now_ms: int) -> Rows:
        """Return the rows of these ids as they are at `now_ms`, defaults where there is no row."""
        return Rows(*self._core.lookup(to_buffer(ids), now_ms))

    def put(self, ids: Ids, values: NDArray[np.float32], *, at_ms: Ints) -> int:
        """Write whole rows, (n, width) float32, as they are at `at_ms`; the last write wins.

        Return how many ids are new. Values must be finite.
        """
        return self._core.put(to_buffer(ids), np.ascontiguousarray(values, np.float32), longs(at_ms))

    def add(self, ids: Ids, columns: Ints, amounts: Floats, *, at_ms: Ints) -> int:
        """Add `amounts[i]` to the column `columns[i]` (an index) of `ids[i]`, and return how many ids are new.

        A new row starts from the defaults. An amount that comes late counts for what is left of it, so the
        order of events does not matter; but each call counts once more: deliver each event once.
        """
        floats = np.ascontiguousarray(amounts, np.float32)
        return self._core.add(to_buffer(ids), longs(columns), floats, longs(at_ms))

    def remove(self, ids: Ids) -> int:
        """Remove rows and return how many there were."""
        return self._core.remove(to_buffer(ids))

    def pack(self, ids: Ids) -> tuple[bytes, NDArray[np.bool_]]:
        """Return the packed rows, n × `row_bytes`, and which ids had none (time 0 and the defaults).

        A packed row is the moment of its last write (int64, unix ms) and its values (float32), little-endian.
        """
        return self._core.pack(to_buffer(ids))

    def unpack(self, ids: Ids, rows: bytes) -> int:
        """Write packed rows and return how many ids are new."""
        return self._core.unpack(to_buffer(ids), rows)

    def prune(self, *, before_ms: int) -> int:
        """Remove rows that nothing was written to since `before_ms`, and return how many."""
        return self._core.prune(before_ms)

    def snapshot(self) -> bytes:
        """Return the whole table as bytes; equal tables give equal bytes."""
        return self._core.snapshot()

    def restore(self, snapshot: bytes) -> int:
        """Put the rows of a snapshot in the place of all rows here, and return how many they are.

        Raise `SnapshotMismatch` when it is broken or was taken of other columns; the table stays as it was.
        """
        return self._core.restore(snapshot)

    def content_hash(self) -> bytes:
        """Return 16 bytes that depend on all rows with their times, and not on their order."""
        return self._core.content_hash()

    def __len__(self) -> int:
        return len(self._core)
