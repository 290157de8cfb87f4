"""Ranked posts column by column, as ranking answers them: cut into pieces, and read post by post."""

from collections.abc import Sequence
from itertools import compress
from typing import Final

import numpy as np

from nova.api.ranking.v1.ranking_pb2 import RankedPosts
from nova.native.ids import ID_BYTES, split
from nova.services.feed.model import Entry, Reasons

_VALUE: Final = np.dtype("<f4")


def cut(posts: RankedPosts, start: int, stop: int) -> RankedPosts:
    """Return the posts from `start` to before `stop`, with what the features weigh."""
    ids = slice(start * ID_BYTES, stop * ID_BYTES)
    width = len(posts.features) * _VALUE.itemsize
    return RankedPosts(
        post_ids=posts.post_ids[ids],
        author_ids=posts.author_ids[ids],
        sources=posts.sources[start:stop],
        scores=posts.scores[start:stop],
        features=posts.features,
        weights=posts.weights,
        multipliers=posts.multipliers[start:stop],
        values=posts.values[start * width : stop * width],
    )


def entries(posts: RankedPosts) -> list[Entry]:
    """Return the posts one by one, each with the features that it has. Raises `ValueError` where columns do not fit."""
    features = list(posts.features)
    values = np.frombuffer(posts.values, _VALUE).reshape(len(posts.scores), len(features))
    weights = np.outer(posts.multipliers, posts.weights)
    columns = zip(
        split(posts.post_ids),
        split(posts.author_ids),
        posts.sources,
        posts.scores,
        values.tolist(),
        weights.tolist(),
        strict=True,
    )
    return [
        Entry(
            post_id=post_id,
            author_id=author_id,
            source=source,
            score=score,
            reasons=_reasons(features, row, row_weights),
        )
        for post_id, author_id, source, score, row, row_weights in columns
    ]


def _reasons(features: Sequence[str], values: Sequence[float], weights: Sequence[float]) -> Reasons:
    return Reasons(
        tuple(compress(features, values)), tuple(compress(values, values)), tuple(compress(weights, values))
    )
