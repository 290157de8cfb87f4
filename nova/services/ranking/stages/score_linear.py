"""Scores, author diversity and reasons, in the native core."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nova.native.ids import ID_BYTES
from nova.native.rank import LinearRanker
from nova.services.ranking.model import Candidates, Contribution, LinearModel, RankedPost


class ScoreLinear:
    """Ranks rows by the model, and takes each score apart."""

    def __init__(self, model: LinearModel) -> None:
        self._model = model
        self._ranker = LinearRanker(model.weights, model.importance)

    def rank(
        self, candidates: Candidates, features: NDArray[np.float32], *, limit: int
    ) -> Sequence[RankedPost]:
        """Return the best `limit` candidates, best first."""
        if not len(candidates):
            return []
        slate = self._ranker.rank(
            features, candidates.author_ids, k=limit, decay=self._model.decay, floor=self._model.floor
        )
        chosen = features[slate.rows]
        reasons = self._ranker.explain(chosen, slate.multipliers)
        return [
            RankedPost(
                post_id=_nth(candidates.post_ids, row),
                author_id=_nth(candidates.author_ids, row),
                source=candidates.sources[row],
                score=score,
                contributions=self._contributions(values, weights),
            )
            for row, score, values, weights in zip(
                slate.rows.tolist(),
                reasons.scores.tolist(),
                chosen.tolist(),
                reasons.weights.tolist(),
                strict=True,
            )
        ]

    def _contributions(self, values: Sequence[float], weights: Sequence[float]) -> list[Contribution]:
        return [
            Contribution(name=name, value=value, weight=weight)
            for name, value, weight in zip(self._model.features, values, weights, strict=True)
            if value
        ]


def _nth(packed: bytes, place: int) -> bytes:
    return packed[place * ID_BYTES : (place + 1) * ID_BYTES]
