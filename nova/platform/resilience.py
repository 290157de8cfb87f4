"""The one standard for calls to the outside."""

import random


def full_jitter(attempt: int, *, base_s: float, most_s: float) -> float:
    """Return a wait before try number `attempt` (from 0): uniform in [0, min(most, base * 2^attempt)].

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 ("full jitter").
    """
    ceiling = min(most_s, base_s * 2.0 ** min(attempt, 32))
    return random.uniform(0.0, ceiling)  # noqa: S311 - spreads load, hides nothing
