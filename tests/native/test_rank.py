"""Scores, slates and their parts against plain references."""

from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from nova.native.errors import BadInput, NotLinear
from nova.native.rank import LinearRanker
from tests.native import reference_rank
from tests.native.trials import TRIALS

AUTHORS = [UUID(int=at << 90 | at).bytes for at in range(7)]

seeds = st.integers(0, 1 << 32)
shares = st.floats(0, 1)
# Halves add and multiply exactly in float32, so ties are real ties.
halves = st.integers(-6, 12).map(lambda number: number / 2)


def identity() -> LinearRanker:
    return LinearRanker(np.ones((1, 1), np.float32), [1.0])


def column(values: list[float]) -> NDArray[np.float32]:
    return np.array(values, np.float32).reshape(-1, 1)


@TRIALS
@given(
    st.lists(st.tuples(halves, st.sampled_from(AUTHORS)), max_size=150), st.integers(0, 60), shares, shares
)
def test_a_slate_is_ranked_by_the_book(
    rows: list[tuple[float, bytes]], k: int, decay: float, floor: float
) -> None:
    plain, authors = [score for score, _ in rows], [author for _, author in rows]
    found = identity().rank(column(plain), b"".join(authors), k=k, decay=decay, floor=floor)
    expected = reference_rank.slate(plain, authors, k, decay, floor)
    assert list(zip(*(part.tolist() for part in found), strict=True)) == expected


@TRIALS
@given(seeds, st.integers(0, 70), st.integers(1, 40), st.integers(1, 12))
def test_scores_and_their_parts_agree(seed: int, rows: int, width: int, heads: int) -> None:
    made = np.random.default_rng(seed)
    features = made.normal(0, 3, (rows, width)).astype(np.float32)
    weights = made.normal(0, 1, (width, heads)).astype(np.float32)
    head_weights = made.normal(0, 1, heads).astype(np.float32)
    ranker = LinearRanker(weights, head_weights)
    expected = reference_rank.scores(features.tolist(), weights.tolist(), head_weights.tolist())
    np.testing.assert_allclose(ranker.scores(features), expected, rtol=0, atol=1e-9)
    authors = b"".join(AUTHORS[author] for author in made.integers(0, len(AUTHORS), rows))
    slate = ranker.rank(features, authors, k=rows)
    parts = ranker.explain(features[slate.rows], slate.multipliers)
    np.testing.assert_allclose(parts.contributions.sum(axis=1), slate.scores, rtol=0, atol=1e-9)
    np.testing.assert_allclose(parts.scores, slate.scores, rtol=0, atol=1e-9)
    assert np.array_equal(parts.contributions, features[slate.rows].astype(np.float64) * parts.weights)


@TRIALS
@given(seeds, st.integers(1, 40), st.integers(1, 24))
def test_sigmoid_and_identity_heads_mix(seed: int, width: int, heads: int) -> None:
    made = np.random.default_rng(seed)
    features = made.normal(0, 2, (21, width)).astype(np.float32)
    weights = made.normal(0, 1, (width, heads)).astype(np.float32)
    head_weights = made.normal(0, 1, heads).astype(np.float32)
    sigmoid = made.random(heads) < 0.5
    logits = features.astype(np.float64) @ weights
    expected = np.where(sigmoid, 1 / (1 + np.exp(-logits)), logits) @ head_weights.astype(np.float64)
    scores = LinearRanker(weights, head_weights, sigmoid=sigmoid.tolist()).scores(features)
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-4)


def test_a_row_scores_the_same_in_every_batch() -> None:
    made = np.random.default_rng(11)
    features = made.normal(0, 1, (37, 19)).astype(np.float32)
    weights = made.normal(0, 1, (19, 5)).astype(np.float32)
    ranker = LinearRanker(weights, made.normal(0, 1, 5), sigmoid=[True, False, True, False, True])
    alone = [ranker.scores(features[row : row + 1])[0] for row in range(len(features))]
    assert ranker.scores(features).tolist() == alone


def test_a_share_of_a_bad_score_is_not_better_than_the_whole() -> None:
    found = identity().rank(column([4.0, 4.0, -4.0, -4.0]), AUTHORS[0] * 4, k=4)
    assert found.scores.tolist() == [4.0, 2.0, -4.0, -4.0]
    assert found.multipliers.tolist() == [1.0, 0.5, 1.0, 1.0]


def test_nothing_to_rank_is_an_empty_slate() -> None:
    found = identity().rank(column([]), b"", k=10)
    assert [len(part) for part in found] == [0, 0, 0]


@pytest.mark.parametrize(
    ("features", "authors", "words"),
    [
        (np.ones((2, 1)), AUTHORS[0] * 2, "float64.*give a numpy array of float32"),
        (np.ones(2, np.float32), AUTHORS[0] * 2, "two dimensions"),
        (np.ones((2, 3), np.float32), AUTHORS[0] * 2, "3 columns: give 1"),
        (np.ones((2, 1), np.float32), AUTHORS[0], "1 authors beside 2 rows"),
        (np.ones((4, 1), np.float32)[::2], AUTHORS[0] * 2, "ascontiguousarray"),
        (column([1.0, np.nan]), AUTHORS[0] * 2, "row 1 has no finite score"),
        (column([np.inf, 1.0]), AUTHORS[0] * 2, "row 0 has no finite score"),
    ],
)
def test_bad_rows_are_told_how_to_be_mended(
    features: NDArray[np.float32], authors: bytes, words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        identity().rank(features, authors, k=1)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_shares_lie_between_nothing_and_all(share: float) -> None:
    with pytest.raises(BadInput, match="give a share from 0 to 1"):
        identity().rank(column([1.0]), AUTHORS[0], k=1, decay=share)
    with pytest.raises(BadInput, match="give a share from 0 to 1"):
        identity().rank(column([1.0]), AUTHORS[0], k=1, floor=share)


def test_bad_weights_are_refused() -> None:
    with pytest.raises(BadInput, match="no weights"):
        LinearRanker(np.ones((0, 2), np.float32), [1.0, 1.0])
    with pytest.raises(BadInput, match="head_weights has 1 numbers: give 2"):
        LinearRanker(np.ones((3, 2), np.float32), [1.0])
    with pytest.raises(BadInput, match="not finite"):
        LinearRanker(np.full((3, 1), np.nan, np.float32), [1.0])


def test_a_sigmoid_has_no_exact_parts() -> None:
    ranker = LinearRanker(np.ones((1, 1), np.float32), [1.0], sigmoid=[True])
    with pytest.raises(NotLinear, match="identity heads only"):
        ranker.explain(column([1.0]), np.ones(1))
