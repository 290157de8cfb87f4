"""How long events took to their effects, as the metrics of a process tell it: histograms by topic and hearer."""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

_HEARERS: Final = {"event_effect_seconds": "group", "projection_effect_seconds": "projection"}
"""The histogram of consumers and that of projections, with the label that names who hears."""
_PARTS: Final = ("bucket", "count", "sum")


class Effect(NamedTuple):
    """The effect of a topic's events at a consumer group, or in a projection."""

    topic: str
    hearer: str


@dataclass(slots=True)
class Histogram:
    """How many effects took how long: `within` counts those of at most so many seconds, by bound."""

    within: dict[float, int] = field(default_factory=dict)
    count: int = 0
    sum_s: float = 0.0

    def since(self, before: Self) -> "Histogram":
        """Return what has come since the same histogram was read before."""
        within = {bound: count - before.within.get(bound, 0) for bound, count in self.within.items()}
        return Histogram(within=within, count=self.count - before.count, sum_s=self.sum_s - before.sum_s)

    def quantile_at_most_s(self, share: float) -> float:
        """Return the smallest bound that at least `share` of all do not exceed. Raises ValueError for none at all.

        It is at most an objective that is itself a bound if, and only if, the quantile is.
        """
        if not self.count:
            raise ValueError("no values, no quantile")
        enough = math.ceil(share * self.count)
        return min(bound for bound, count in self.within.items() if count >= enough)

    @property
    def mean_s(self) -> float:
        """The mean, which is exact."""
        return self.sum_s / self.count


def effects_of(exposition: str) -> Mapping[Effect, Histogram]:
    """Return every histogram of effects in a text that Prometheus scrapes."""
    # Most of the text is of other metrics, and parsing takes long.
    lines = [line for line in exposition.splitlines(keepends=True) if line.startswith(tuple(_HEARERS))]
    found: dict[Effect, Histogram] = defaultdict(Histogram)
    for family in text_string_to_metric_families("".join(lines)):
        for sample in family.samples:
            name, _, part = sample.name.rpartition("_")
            if part not in _PARTS:
                continue
            histogram = found[Effect(sample.labels["topic"], sample.labels[_HEARERS[name]])]
            _take(histogram, part, sample)
    return found


def _take(histogram: Histogram, part: str, sample: Sample) -> None:
    if part == "bucket":
        histogram.within[float(sample.labels["le"])] = int(sample.value)
    elif part == "count":
        histogram.count = int(sample.value)
    else:
        histogram.sum_s = sample.value
