"""A row of numbers for each candidate: what ranking knows itself, and what the features room knows."""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from nova.native.ids import ID_BYTES
from nova.platform.clock import unix_ms
from nova.services.ranking.model import (
    OWN_FEATURES,
    RECENCY_HALF_LIFE_S,
    Candidates,
    LinearModel,
    Source,
)
from nova.services.ranking.stages.stage import Rows

PERSONAL = frozenset({"pair_likes", "pair_comments", "topic_interest"})
"""What the viewer did before: zero for someone who wants no personalised feed."""


def hydrate(
    model: LinearModel,
    candidates: Candidates,
    rows: Rows | None,
    *,
    following: bytes,
    personalised: bool,
    now: datetime,
) -> NDArray[np.float32]:
    """Return (n, features) rows in the model's order; `rows` of None (features is away) count as zero."""
    known = _own(candidates, following, now)
    if rows is not None:
        for column, name in enumerate(rows.columns):
            if personalised or name not in PERSONAL:
                # Counts that fade may end a hair below zero when a reaction is taken back.
                known[name] = np.log1p(np.maximum(rows.values[:, column], 0.0))
    nothing = np.zeros(len(candidates), np.float32)
    return np.stack([known.get(name, nothing) for name in model.features], axis=1).astype(np.float32)


def _own(candidates: Candidates, following: bytes, now: datetime) -> dict[str, NDArray[np.float32]]:
    sources = np.array(candidates.sources, np.str_)
    authors = np.frombuffer(candidates.author_ids, f"V{ID_BYTES}")
    followed = np.isin(authors, np.frombuffer(following, f"V{ID_BYTES}"))
    values = (
        _recency(candidates.post_ids, now),
        followed.astype(np.float32),
        ((sources == Source.SECOND_DEGREE) & ~followed).astype(np.float32),
        (sources == Source.TOPIC).astype(np.float32),
    )
    return dict(zip(OWN_FEATURES, values, strict=True))


def _recency(post_ids: bytes, now: datetime) -> NDArray[np.float32]:
    """Return 2^(-age / half-life). An id is a UUIDv7: its first six bytes are its milliseconds (RFC 9562)."""
    octets = np.frombuffer(post_ids, np.uint8).reshape(-1, ID_BYTES)[:, :6].astype(np.int64)
    made_ms = octets @ (1 << np.arange(40, -1, -8, dtype=np.int64))
    age_s = np.maximum(unix_ms(now) - made_ms, 0) / 1000.0
    recency: NDArray[np.float32] = np.exp2(-age_s / RECENCY_HALF_LIFE_S).astype(np.float32)
    return recency
