"""Candidates, sources, reasons, and the model with its weights."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any, Final, NewType
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from nova.platform.errors import Internal

UserId = NewType("UserId", UUID)

RECENCY_HALF_LIFE_S: Final = 86_400.0
OWN_FEATURES: Final = ("recency", "from_followed", "from_second_degree", "on_topic")
"""What ranking itself knows of a candidate; the other features come from the features room."""


class Source(StrEnum):
    """How a candidate was found."""

    FOLLOWS = "follows"
    SECOND_DEGREE = "second_degree"
    POPULAR = "popular"
    TOPIC = "topic"
    FRESH = "fresh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What one source found: n packed post ids and as many packed author ids."""

    source: Source
    post_ids: bytes
    author_ids: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """All candidates, each once: n packed ids, their authors, and where each was found first."""

    post_ids: bytes
    author_ids: bytes
    sources: Sequence[Source]

    def __len__(self) -> int:
        return len(self.sources)


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedPosts:
    """n posts column by column, with d features: Σ value × weight × multiplier over them is the score of a post.

    `weights` (d,) are the same for all posts, `multipliers` (n,) for all features; `scores` are (n,), all float64.
    `values` are (n, d) float32. Ids are packed.
    """

    post_ids: bytes
    author_ids: bytes
    sources: Sequence[Source]
    scores: NDArray[np.float64]
    features: Sequence[str]
    weights: NDArray[np.float64]
    multipliers: NDArray[np.float64]
    values: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.sources)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Posts, best first, and the sources that were left out."""

    posts: RankedPosts
    degraded: Sequence[str]
    model: str


class BadModel(Internal):
    """The file of weights contradicts itself or the declared features."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearModel:
    """The weights of one version of the model: (features, heads), and what each head is worth."""

    name: str
    version: int
    features: tuple[str, ...]
    heads: tuple[str, ...]
    weights: NDArray[np.float32]
    importance: NDArray[np.float32]
    decay: float
    floor: float

    @property
    def label(self) -> str:
        """Return name and version as one word."""
        return f"{self.name}-{self.version}"

    def require(self, declared: Sequence[str]) -> None:
        """Raise `BadModel` unless model and declaration name the same features."""
        strange = set(self.features) ^ {*OWN_FEATURES, *declared}
        if strange:
            raise BadModel(f"weights.toml and the declared features differ in: {', '.join(sorted(strange))}.")


def load_model() -> LinearModel:
    """Return the model of the package's `weights.toml`. Raises `BadModel`."""
    return parse_model(files("nova.services.ranking").joinpath("weights.toml").read_text())


def parse_model(text: str) -> LinearModel:
    """Return the model that the TOML `text` declares. Raises `BadModel`."""
    try:
        return _model_of(tomllib.loads(text))
    except (KeyError, TypeError, ValueError) as error:
        raise BadModel(f"weights.toml: {type(error).__name__}: {error}") from error


def _model_of(table: Mapping[str, Any]) -> LinearModel:
    heads = tuple(table["importance"])
    features = tuple(table["weights"])
    for feature in features:
        if tuple(table["weights"][feature]) != heads:
            raise ValueError(f"{feature} must weigh {', '.join(heads)}, in this order")
    missing = set(OWN_FEATURES) - set(features)
    if missing:
        raise ValueError(f"no weights for {', '.join(sorted(missing))}")
    return LinearModel(
        name=str(table["name"]),
        version=int(table["version"]),
        features=features,
        heads=heads,
        weights=np.array([list(table["weights"][name].values()) for name in features], np.float32),
        importance=np.array(list(table["importance"].values()), np.float32),
        decay=float(table["diversity"]["decay"]),
        floor=float(table["diversity"]["floor"]),
    )
