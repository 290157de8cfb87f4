"""Scores, author diversity and reasons, in the native core."""

import numpy as np
from numpy.typing import NDArray

from nova.native.ids import ID_BYTES
from nova.native.rank import LinearRanker
from nova.services.ranking.model import Candidates, LinearModel, RankedPosts


class ScoreLinear:
    """Ranks rows by the model, and says what each score is made of."""

    def __init__(self, model: LinearModel) -> None:
        self._model = model
        self._ranker = LinearRanker(model.weights, model.importance)
        # Those of a post that nothing multiplies: the heads' weights folded into one a feature.
        (self._weights,) = self._ranker.explain(
            np.zeros((1, self._ranker.width), np.float32), np.ones(1)
        ).weights

    def rank(self, candidates: Candidates, features: NDArray[np.float32], *, limit: int) -> RankedPosts:
        """Return the best `limit` candidates, best first."""
        slate = self._ranker.rank(
            features, candidates.author_ids, k=limit, decay=self._model.decay, floor=self._model.floor
        )
        values = features[slate.rows]
        return RankedPosts(
            post_ids=_chosen(candidates.post_ids, slate.rows),
            author_ids=_chosen(candidates.author_ids, slate.rows),
            sources=[candidates.sources[row] for row in slate.rows.tolist()],
            scores=self._ranker.explain(values, slate.multipliers).scores,
            features=self._model.features,
            weights=self._weights,
            multipliers=slate.multipliers,
            values=values,
        )


def _chosen(packed: bytes, rows: NDArray[np.uint32]) -> bytes:
    return np.frombuffer(packed, f"V{ID_BYTES}")[rows].tobytes()
