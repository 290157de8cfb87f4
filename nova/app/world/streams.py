"""Randomness that can be repeated: one stream a purpose, so that a change in one part of the world leaves the rest."""

import random
import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import numpy as np
import numpy.typing as npt

from nova.app.world.model import at_ms
from nova.platform.ids import uuid7_at

T = TypeVar("T")
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def stream(seed: int, name: str) -> random.Random:
    """Return the Python stream of `name` under `seed`: equal arguments give equal draws."""
    return random.Random(f"{seed}:{name}")  # noqa: S311 - a world is drawn, nothing is kept secret


def array_stream(seed: int, name: str) -> np.random.Generator:
    """Return the numpy stream of `name` under `seed`, for draws by the million."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def pick(rng: random.Random, items: Sequence[T]) -> T:
    """Return one of `items`, evenly; half the price of `Random.choice`, which a world pays a hundred thousand times."""
    return items[int(rng.random() * len(items))]


def id_at(moment: datetime, rng: random.Random) -> UUID:
    """Return the id of something made at that moment."""
    return uuid7_at(at_ms(moment), rng.getrandbits(74))


def weighted_pool(members: Ints, weights: npt.NDArray[Any]) -> "Pool":
    """Return a pool of `members`, each drawn in proportion to the weight at its own index in `weights`."""
    return Pool(members, np.cumsum(weights[members]))


class Pool:
    """Members that can be drawn by weight, many at a time, in logarithmic time each."""

    __slots__ = ("_bounds", "members")

    def __init__(self, members: Ints, bounds: Floats) -> None:
        self.members = members
        self._bounds = bounds

    def draw(self, rng: np.random.Generator, count: int) -> Ints:
        """Return `count` members, drawn with repetition; none where the pool is empty."""
        if not len(self.members):
            return self.members
        found = np.searchsorted(self._bounds, rng.random(count) * self._bounds[-1], side="right")
        drawn: Ints = self.members[np.minimum(found, len(self.members) - 1)]
        return drawn
