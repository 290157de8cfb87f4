"""Ranking in plain Python: rank by plain score, count each author's posts, multiply, rank again."""

from collections import defaultdict
from collections.abc import Sequence


def scores(
    rows: Sequence[Sequence[float]],
    weights: Sequence[Sequence[float]],
    head_weights: Sequence[float],
) -> list[float]:
    """Return Σ_h head_weight_h · Σ_f x_f · weight_fh for each row."""
    return [
        sum(
            head_weight * sum(x * of_feature[head] for x, of_feature in zip(row, weights, strict=True))
            for head, head_weight in enumerate(head_weights)
        )
        for row in rows
    ]


def slate(
    plain: Sequence[float], authors: Sequence[bytes], k: int, decay: float, floor: float
) -> list[tuple[int, float, float]]:
    """Return (row, final score, multiplier) of the k best, best first; ties go to the earlier row."""
    shares: dict[bytes, float] = defaultdict(lambda: 1.0)
    ranked = []
    for row in sorted(range(len(plain)), key=lambda row: (-plain[row], row)):
        author = authors[row]
        multiplier = max(floor, shares[author]) if plain[row] > 0 else 1.0
        shares[author] *= decay
        ranked.append((row, plain[row] * multiplier, multiplier))
    return sorted(ranked, key=lambda found: (-found[1], found[0]))[:k]
