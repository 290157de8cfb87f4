"""What the caches tell Prometheus. Hits are counted in plain integers and read when Prometheus asks."""

from collections.abc import Iterator
from weakref import WeakSet

from prometheus_client import REGISTRY, Counter, Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

DEGRADED = Gauge("cache_degraded", "1 while caches run on short lives, Redis being lost.")
INVALIDATIONS = Counter("cache_invalidations", "Invalidations sent.", ["outcome"])
POLLS_FAILED = Counter("cache_polls_failed", "Looks for lost invalidations that Redis did not answer.")
STORES_FAILED = Counter("cache_stores_failed", "Values that could not be kept in Redis.")
REPAIRED = Counter("cache_invalidations_repaired", "Invalidations that Pub/Sub lost and the poll found.")


class Stats:
    """The counts of one cache."""

    __slots__ = (
        "__weakref__",
        "entries",
        "local_hits",
        "local_misses",
        "name",
        "shared_hits",
        "shared_misses",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.entries = 0
        self.local_hits = 0
        self.local_misses = 0
        self.shared_hits = 0
        self.shared_misses = 0
        _ALL.add(self)


class _Stats(Collector):
    def collect(self) -> Iterator[Metric]:
        """Yield the entries and the requests of every living cache."""
        entries = GaugeMetricFamily("cache_entries", "Values kept in the process.", labels=["cache"])
        requests = CounterMetricFamily(
            "cache_requests", "Keys asked for.", labels=["cache", "layer", "result"]
        )
        totals: dict[str, list[int]] = {}
        for stats in list(_ALL):
            counts = (
                stats.entries, stats.local_hits, stats.local_misses, stats.shared_hits, stats.shared_misses,
            )  # fmt: skip
            totals[stats.name] = [a + b for a, b in zip(totals.get(stats.name, [0] * 5), counts, strict=True)]
        for name, (kept, *asked) in sorted(totals.items()):
            entries.add_metric([name], kept)
            for count, (layer, result) in zip(asked, _LABELS, strict=True):
                requests.add_metric([name, layer, result], count)
        yield entries
        yield requests


_LABELS = (("local", "hit"), ("local", "miss"), ("redis", "hit"), ("redis", "miss"))
_ALL: WeakSet[Stats] = WeakSet()
REGISTRY.register(_Stats())
