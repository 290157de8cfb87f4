"""Scoring, author diversity and the hundred best in one call, beside numpy."""

import random
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from bench.micro.harness import Case, Contender, main
from nova.native.rank import LinearRanker

MODULE = "bench.micro.bench_rank"
CANDIDATES, FEATURES, HEADS, BEST = 1_000, 64, 16, 100
DECAY, FLOOR = 0.5, 0.25
AUTHORS = 300
BATCHES = 8

Batch = tuple[NDArray[np.float32], NDArray[np.int64], bytes]
Plain = Callable[[NDArray[np.float32]], NDArray[np.floating]]


def batches(width: int, seed: int) -> list[Batch]:
    """Features, authors as numbers (for numpy) and as ids (for us)."""
    made = np.random.default_rng(seed)
    rng = random.Random(seed)
    ids = [rng.randbytes(16) for _ in range(AUTHORS)]
    found = []
    for _ in range(BATCHES):
        features = made.random((CANDIDATES, width), np.float32)
        authors = made.integers(0, AUTHORS, CANDIDATES)
        found.append((features, authors, b"".join(ids[author] for author in authors)))
    return found


def best_by_numpy(
    scores: NDArray[np.floating], authors: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.floating]]:
    """Decay by the place among the author's posts, then the best by partition."""
    order = np.lexsort((-scores, authors))
    sorted_authors = authors[order]
    places = np.arange(len(order))
    starts = np.concatenate(([True], sorted_authors[1:] != sorted_authors[:-1]))
    rank = places - np.maximum.accumulate(np.where(starts, places, 0))
    multipliers = np.empty(len(order))
    multipliers[order] = np.maximum(FLOOR, DECAY**rank)
    final = scores * multipliers
    best = np.argpartition(-final, BEST)[:BEST]
    best = best[np.argsort(-final[best])]
    return best, final[best]


def case(name: str, ranker: LinearRanker, data: list[Batch], plain: Plain, goal: float | None = 0.2) -> Case:
    """`plain` is how numpy computes the plain scores."""

    def native(turn: int) -> tuple[NDArray[np.uint32], NDArray[np.float64]]:
        features, _, ids = data[turn % BATCHES]
        slate = ranker.rank(features, ids, k=BEST, decay=DECAY, floor=FLOOR)
        return slate.rows, slate.scores

    def by_numpy(turn: int) -> tuple[NDArray[np.intp], NDArray[np.floating]]:
        features, authors, _ = data[turn % BATCHES]
        return best_by_numpy(plain(features), authors)

    def check(turn: int) -> None:
        rows, scores = native(turn)
        peer_rows, peer_scores = by_numpy(turn)
        np.testing.assert_allclose(scores, peer_scores, rtol=1e-5)
        # In float32 neighbours closer than its precision may change places.
        assert np.mean(rows == peer_rows) > 0.9
        assert np.all((rows == peer_rows) | (np.abs(scores - peer_scores) < 1e-5 * np.abs(scores)))

    return Case(name, Contender("nova", native), [Contender("numpy", by_numpy, goal)], BATCHES, check)


def cases() -> Iterator[Case]:
    """Score 1,000 candidates, diversify, and take the hundred best."""
    made = np.random.default_rng(7)
    head_weights = made.random(HEADS, np.float32)
    weights = made.random((FEATURES, HEADS), np.float32)

    def combined(heads: NDArray[np.float32]) -> NDArray[np.floating]:
        return heads @ head_weights

    def linear(features: NDArray[np.float32]) -> NDArray[np.floating]:
        return (features @ weights) @ head_weights

    def sigmoid(features: NDArray[np.float32]) -> NDArray[np.floating]:
        return (1 / (1 + np.exp(-(features @ (weights - np.float32(0.5)))))) @ head_weights

    yield case(
        "16 ready heads, decay, best 100",
        LinearRanker(head_weights[:, None], np.ones(1, np.float32)),
        batches(HEADS, 1),
        combined,
    )
    yield case(
        "64 features × 16 linear heads, decay, best 100",
        LinearRanker(weights, head_weights),
        batches(FEATURES, 2),
        linear,
    )
    yield case(
        "64 features × 16 sigmoid heads, decay, best 100",
        LinearRanker(weights - np.float32(0.5), head_weights, sigmoid=[True] * HEADS),
        batches(FEATURES, 3),
        sigmoid,
        goal=None,
    )


if __name__ == "__main__":
    main(MODULE, cases)
