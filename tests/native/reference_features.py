"""The feature table in plain Python and float64: one dict of rows, one formula of fading."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from nova.native.features import Column
from tests.native.reference_hash import content_hash, id_words


@dataclass
class PlainTable:
    """Rows as (at_ms, values)."""

    columns: Sequence[Column]
    rows: dict[bytes, tuple[int, list[float]]] = field(default_factory=dict)

    def defaults(self) -> list[float]:
        return [column.default for column in self.columns]

    def at(self, identifier: bytes, now_ms: int) -> list[float]:
        """Return a row as it is at a moment: what lies above or below a default halves with each half-life."""
        at_ms, values = self.rows.get(identifier, (now_ms, self.defaults()))
        elapsed_ms = max(0, now_ms - at_ms)
        return [
            column.default + (value - column.default) * share(column, elapsed_ms)
            for column, value in zip(self.columns, values, strict=True)
        ]

    def add(self, identifier: bytes, column: int, amount: float, at_ms: int) -> None:
        known_ms, _ = self.rows.setdefault(identifier, (at_ms, self.defaults()))
        values = self.at(identifier, at_ms)
        values[column] += amount * share(self.columns[column], max(0, known_ms - at_ms))
        self.rows[identifier] = (max(known_ms, at_ms), values)

    def content_hash(self, exact: dict[bytes, list[float]]) -> bytes:
        """Return the hash of the rows with these float32 values."""
        return content_hash(
            (*id_words(identifier), at_ms, *np.array(exact[identifier], np.float32).view(np.uint32).tolist())
            for identifier, (at_ms, _) in self.rows.items()
        )


def share(column: Column, elapsed_ms: int) -> float:
    """Return what is left of an amount after some time."""
    return 1.0 if column.half_life_s is None else 0.5 ** (elapsed_ms / (column.half_life_s * 1000))
