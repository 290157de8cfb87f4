"""Linear multi-head scoring with author diversity, and the exact parts of each score.

    score = Σ_h head_weight_h · activation_h(Σ_f x_f · weight_fh)

Heads without an activation are folded into one weight a feature and summed in float64, so that a score is one
dot product and decomposes exactly. All calls release the GIL; arrays must not be written to meanwhile.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nova import _native
from nova.native.ids import Ids, to_buffer
from nova.native.scalars import Floats


class Slate(NamedTuple):
    """The best rows, best first: their places in the batch (uint32), final scores and multipliers (float64)."""

    rows: NDArray[np.uint32]
    scores: NDArray[np.float64]
    multipliers: NDArray[np.float64]


class Explanation(NamedTuple):
    """Parts of scores: weights and contributions, both (n, d), and their sums (n,), all float64."""

    weights: NDArray[np.float64]
    contributions: NDArray[np.float64]
    scores: NDArray[np.float64]


class LinearRanker:
    """A linear model with several heads. Every call raises `BadInput` for a wrong shape or type."""

    def __init__(
        self,
        weights: NDArray[np.float32],
        head_weights: Floats,
        *,
        sigmoid: Sequence[bool] | None = None,
    ) -> None:
        """Take `weights` (d, h) float32, one weight for each head, and which heads go through a sigmoid."""
        heads = np.ascontiguousarray(head_weights, np.float32)
        activations = np.zeros(heads.shape, np.uint8) if sigmoid is None else np.array(sigmoid, np.uint8)
        self._core = _native.LinearRanker(np.ascontiguousarray(weights, np.float32), heads, activations)

    @property
    def width(self) -> int:
        """Features of a row."""
        return self._core.width

    @property
    def heads(self) -> int:
        """Heads of the model."""
        return self._core.heads

    def scores(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the plain score of each row of (n, d) float32; a row scores the same in every batch."""
        return self._core.scores(features)

    def rank(
        self,
        features: NDArray[np.float32],
        authors: Ids,
        *,
        k: int,
        decay: float = 0.5,
        floor: float = 0.25,
    ) -> Slate:
        """Return the `k` best of n rows, (n, d) float32, by final score; ties go to the earlier row.

        The r-th post of an author (from 0, in the order of plain scores) is multiplied by max(floor, decay^r)
        if its score is positive: a share of a negative score would be better than the whole.
        """
        return Slate(*self._core.rank(features, to_buffer(authors), k, decay, floor))

    def explain(self, features: NDArray[np.float32], multipliers: NDArray[np.float64]) -> Explanation:
        """Take apart final scores: value × weight is the contribution, a row's contributions sum to its score.

        `features` are (n, d) float32, `multipliers` those of the slate. Raise `NotLinear` with sigmoid heads.
        """
        return Explanation(*self._core.explain(features, np.ascontiguousarray(multipliers, np.float64)))
