"""Feature lookup in process beside a dict of bytes and numpy."""

import random
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.micro.harness import Case, Contender, main
from nova.native.features import Column, FeatureTable

MODULE = "bench.micro.bench_features"
ROWS, WIDTH, ASKED = 200_000, 64, 1_000
WARM_SETS, COLD_SETS = 2, 200
NOW_MS = 1_000_000


class Goals(NamedTuple):
    """The greatest ratios to the peers that are good enough, and the greatest time of ours."""

    of_dict: float | None = None
    of_numpy: float | None = None
    us: float | None = None


class World:
    """The same rows in every form; peers have 64-bit keys, we have 128."""

    def __init__(self) -> None:
        rng = random.Random(5)
        self.keys = rng.sample(range(1 << 62), ROWS)
        self.rows = np.random.default_rng(5).random((ROWS, WIDTH), np.float32)
        self.by_key = {key: row.tobytes() for key, row in zip(self.keys, self.rows, strict=True)}
        keys = np.array(self.keys, np.uint64)
        self.places = np.argsort(keys)
        self.sorted_keys = keys[self.places]
        self.ids = [key.to_bytes(8, "big") + rng.randbytes(8) for key in self.keys]

    def table(self, half_life_s: float | None) -> FeatureTable:
        table = FeatureTable([Column(f"f{at}", 0.0, half_life_s) for at in range(WIDTH)])
        table.put(b"".join(self.ids), self.rows, at_ms=NOW_MS)
        return table


def case(world: World, half_life_s: float | None, name: str, *, sets: int, goals: Goals) -> Case:
    """Each turn asks for another set of ids; few sets stay in the caches, many do not.

    Where values fade, one half-life has passed: peers halve all of them at once.
    """
    table = world.table(half_life_s)
    now_ms = NOW_MS if half_life_s is None else NOW_MS + round(half_life_s * 1000)
    share = np.float32(1.0 if half_life_s is None else 0.5)
    rng = random.Random(sets)
    asked = [[rng.randrange(ROWS) for _ in range(ASKED)] for _ in range(sets)]
    keys = [[world.keys[row] for row in rows] for rows in asked]
    arrays = [np.array(some, np.uint64) for some in keys]
    buffers = [b"".join(world.ids[row] for row in rows) for rows in asked]
    by_key, sorted_keys, places, rows = world.by_key, world.sorted_keys, world.places, world.rows

    def native(turn: int) -> NDArray[np.float32]:
        return table.lookup(buffers[turn % sets], now_ms=now_ms).values

    def by_dict(turn: int) -> NDArray[np.float32]:
        found = b"".join([by_key[key] for key in keys[turn % sets]])
        values = np.frombuffer(found, np.float32).reshape(-1, WIDTH)
        return values if half_life_s is None else values * share

    def by_search(turn: int) -> NDArray[np.float32]:
        values = rows.take(places[np.searchsorted(sorted_keys, arrays[turn % sets])], axis=0)
        return values if half_life_s is None else values * share

    def check(turn: int) -> None:
        expected = rows[asked[turn]] * share
        for contender in (native, by_dict, by_search):
            assert np.array_equal(contender(turn), expected)

    return Case(
        name,
        Contender("nova", native),
        [
            Contender("dict + join + frombuffer", by_dict, goals.of_dict),
            Contender("numpy searchsorted + take", by_search, goals.of_numpy),
        ],
        sets,
        check,
        goal_us=goals.us,
    )


def cases() -> Iterator[Case]:
    """Look up 1,000 of 200,000 rows × 64 float32."""
    world = World()
    yield case(world, None, "1,000 rows × 64, warm", sets=WARM_SETS, goals=Goals(of_dict=0.12, of_numpy=0.5))
    yield case(world, None, "1,000 rows × 64, cold", sets=COLD_SETS, goals=Goals(us=60))
    yield case(world, 3600.0, "1,000 rows × 64, all fading, warm", sets=WARM_SETS, goals=Goals())


if __name__ == "__main__":
    main(MODULE, cases)
