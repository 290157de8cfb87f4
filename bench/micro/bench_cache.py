"""A hit in the process beside cachebox; the hit rate of a skewed stream beside theine."""

import importlib
import importlib.util
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bench.micro.harness import Case, Contender, main
from nova.platform.cache.local import MISS, LocalLayer

MODULE = "bench.micro.bench_cache"
HOT, KEYS, CAPACITY = 1_000, 100_000, 10_000
STREAM, WARM = 1_000_000, 300_000
Access = Callable[[bytes], bool]


def peer(name: str) -> Any:  # noqa: ANN401 - a module of the extra `bench`
    """Return the module of a peer, or None where it is not installed."""
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


def nova() -> Access:
    """Return a read that loads what is missing, and says whether it was a hit."""
    layer: LocalLayer[int] = LocalLayer(most=CAPACITY)

    def access(key: bytes) -> bool:
        if layer.get(key) is not MISS:
            return True
        layer.put(key, 1, expires_at=1)
        return False

    return access


def theine() -> Access:
    """Return the same of theine, which is W-TinyLFU."""
    cache = peer("theine").Cache(CAPACITY)

    def access(key: bytes) -> bool:
        if cache.get(key)[1]:
            return True
        cache.set(key, 1)
        return False

    return access


def hit_rate(access: Access, stream: list[bytes]) -> float:
    """Return the part of the stream that hits, in per cent, once the cache is warm."""
    hits = [access(key) for key in stream]
    return 100 * sum(hits[WARM:]) / (len(hits) - WARM)


def hot() -> Iterator[Case]:
    """Read a thousand keys that are all there."""
    keys = [os.urandom(16) for _ in range(HOT)]
    layer: LocalLayer[int] = LocalLayer(most=CAPACITY)
    for number, key in enumerate(keys):
        layer.put(key, number, expires_at=60)

    # Each loop has code of its own: a call site that two contenders shared would be specialised for one of them.
    def by_nova(_: int) -> None:
        for key in keys:
            layer.get(key)

    ours = Contender("nova", by_nova)
    cachebox = peer("cachebox")
    if cachebox is None:
        yield Case(f"{HOT} hits", ours, [], 1, lambda _: None, ["cachebox"])
        return
    theirs = cachebox.TTLCache(CAPACITY, 60)
    for number, key in enumerate(keys):
        theirs[key] = number

    def check(_: int) -> None:
        assert [layer.get(key) for key in keys] == [theirs.get(key) for key in keys] == list(range(HOT))

    def by_cachebox(_: int) -> None:
        for key in keys:
            theirs.get(key)

    peers = [Contender("cachebox TTLCache.get", by_cachebox, 1.2)]
    yield Case(f"{HOT} hits (a call reads all)", ours, peers, 1, check)


def skewed() -> Iterator[Case]:
    """Read a Zipf stream with room for a tenth of the keys."""
    weights = 1 / np.arange(1, KEYS + 1) ** 0.99
    ranks = np.random.default_rng(1).choice(KEYS, size=STREAM, p=weights / weights.sum())
    stream = [int(rank).to_bytes(16, "big") for rank in ranks]
    part = stream[:20_000]
    access = nova()
    ours, rate = Contender("nova", lambda _: sum(map(access, part))), hit_rate(access, stream)
    if peer("theine") is None:
        yield Case(f"Zipf 0.99, hit rate {rate:.1f} %", ours, [], 1, lambda _: None, ["theine"])
        return
    by_theine = theine()
    theirs = hit_rate(by_theine, stream)

    def check(_: int) -> None:
        assert rate >= theirs - 1

    yield Case(
        f"Zipf 0.99, {KEYS} keys, room for {CAPACITY}, 20,000 reads; hit rate {rate:.1f} % (theine {theirs:.1f} %)",
        ours,
        [Contender("theine", lambda _: sum(map(by_theine, part)))],
        1,
        check,
    )


def cases() -> Iterator[Case]:
    """Hits, and hit rates."""
    yield from hot()
    yield from skewed()


if __name__ == "__main__":
    main(MODULE, cases)
