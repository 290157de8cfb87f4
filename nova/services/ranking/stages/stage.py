"""What a stage is given and what it gives."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nova.services.ranking.model import Recalled, Source, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One ranking that is asked for. `excluded` are post ids that shall not come back."""

    viewer_id: UserId
    personalised: bool
    limit: int
    following: bytes
    excluded: frozenset[bytes] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of features: (n, columns) float32, and the names of the columns."""

    columns: tuple[str, ...]
    values: NDArray[np.float32]


class Recall(Protocol):
    """Finds candidates. It may fail or be late: it is then left out and named."""

    source: Source

    async def recall(self, query: Query) -> Recalled:
        """Return what this source has for the viewer."""
        ...


class Graph(Protocol):
    """What ranking asks of graph, for the caller."""

    async def following(self) -> bytes:
        """Return the packed ids of all whom the caller follows."""
        ...

    async def second_degree(self, limit: int) -> bytes:
        """Return the packed ids of people whom those he follows follow, best first."""
        ...


class Features(Protocol):
    """What ranking asks of features, for the caller."""

    async def rows(self, post_ids: bytes, author_ids: bytes) -> Rows:
        """Return the rows of the candidates."""
        ...

    async def topics(self, limit: int) -> Sequence[str]:
        """Return the tags that the caller cares for most, best first."""
        ...

    async def popular(self, limit: int) -> tuple[bytes, bytes]:
        """Return (post ids, author ids), packed, of what people react to most."""
        ...

    async def declared(self) -> Sequence[str]:
        """Return the names of all declared features."""
        ...


class Settings(Protocol):
    """What ranking asks of user, for the caller."""

    async def personalised(self) -> bool:
        """Return whether the caller wants his feed to use what he did."""
        ...
