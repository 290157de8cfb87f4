"""The layer in the process, against a plain dictionary and under pressure."""

import random
import re

from hypothesis import given
from hypothesis import strategies as st

from nova.platform.cache.local import MISS, LocalLayer

KEYS = st.integers(0, 30).map(lambda number: b"%d" % number)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.integers(1, 20)),
        st.tuples(st.just("get"), KEYS, st.just(0)),
        st.tuples(st.just("drop"), KEYS, st.just(0)),
        st.tuples(st.just("wait"), KEYS, st.integers(1, 10)),
        st.tuples(st.just("match"), KEYS, st.just(0)),
        st.tuples(st.just("clear"), KEYS, st.just(0)),
    ),
    max_size=200,
)


@given(steps=STEPS, most=st.integers(1, 20))
def test_it_never_answers_what_a_dictionary_would_not(steps: list[tuple[str, bytes, int]], most: int) -> None:
    layer: LocalLayer[int] = LocalLayer(most=most)
    truth: dict[bytes, tuple[int, float]] = {}
    for serial, (verb, key, number) in enumerate(steps):
        if verb == "put":
            layer.put(key, serial, expires_at=layer.now + number)
            truth[key] = (serial, layer.now + number)
        elif verb == "drop":
            layer.drop(key)
            truth.pop(key, None)
        elif verb == "wait":
            layer.now += number
        elif verb == "match":
            layer.drop_matching(re.compile(re.escape(key[:1]) + b".*"))
            truth = {other: kept for other, kept in truth.items() if not other.startswith(key[:1])}
        elif verb == "clear":
            layer.clear()
            truth.clear()
        found = layer.get(key)
        if found is not MISS:
            value, expires_at = truth[key]
            assert found == value
            assert expires_at > layer.now
        assert len(layer) <= most


@given(keys=st.lists(KEYS, max_size=60, unique=True))
def test_what_fits_is_all_kept(keys: list[bytes]) -> None:
    layer: LocalLayer[bytes] = LocalLayer(most=max(1, len(keys)))
    for key in keys:
        layer.put(key, key, expires_at=1)
    assert [layer.get(key) for key in keys] == keys


def test_a_scan_does_not_empty_it() -> None:
    layer: LocalLayer[int] = LocalLayer(most=100)
    hot = [b"hot%d" % i for i in range(50)]
    for _ in range(3):
        for key in hot:
            if layer.get(key) is MISS:
                layer.put(key, 1, expires_at=1)
    for i in range(10_000):
        layer.put(b"scan%d" % i, 1, expires_at=1)
    assert all(layer.get(key) == 1 for key in hot)


def test_what_was_popular_long_ago_makes_room() -> None:
    layer: LocalLayer[int] = LocalLayer(most=100)
    for generation in (b"old", b"new"):
        for _ in range(30):
            for i in range(90):
                key = b"%s%d" % (generation, i)
                if layer.get(key) is MISS:
                    layer.put(key, 1, expires_at=1)
    kept = sum(layer.get(b"new%d" % i) == 1 for i in range(90))
    assert kept > 80


def test_a_skewed_stream_of_keys_is_mostly_answered() -> None:
    """Zipf 0.99 over 10,000 keys with room for 1,000: the best that any policy without foresight does is 0.74."""
    layer: LocalLayer[int] = LocalLayer(most=1_000)
    ranks = range(10_000)
    weights = [1 / (rank + 1) ** 0.99 for rank in ranks]
    asked = random.Random(7).choices(ranks, weights, k=60_000)
    hits = 0
    for number in asked:
        key = b"%d" % number
        if layer.get(key) is MISS:
            layer.put(key, 1, expires_at=1)
        else:
            hits += 1
    assert hits / len(asked) > 0.68
