"""The merge of posting lists beside heapq and numpy."""

import heapq
import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from bench.micro.harness import Case, Contender, main
from nova.native.fanout import PostingLists

MODULE = "bench.micro.bench_fanout"
WARM_VIEWERS, COLD_VIEWERS = 2, 64


class World:
    """Authors with Pareto-many posts, in the form that each contender likes best."""

    def __init__(self, authors: int, posts_each: float, seed: int) -> None:
        rng = random.Random(seed)
        shape = 1.2
        lengths = [
            max(1, int(rng.paretovariate(shape) * posts_each * (shape - 1) / shape)) for _ in range(authors)
        ]
        keys = rng.sample(range(1 << 40, 1 << 62), sum(lengths))
        self.ids = [rng.randbytes(16) for _ in range(authors)]
        self.lists: dict[bytes, list[int]] = {}
        self.arrays: dict[bytes, NDArray[np.uint64]] = {}
        self.ours = PostingLists()
        for author, length in zip(self.ids, lengths, strict=True):
            own = sorted((keys.pop() for _ in range(length)), reverse=True)
            self.lists[author] = own
            self.arrays[author] = np.array(own, np.uint64)
            posts = b"".join(key.to_bytes(8, "big") + bytes(8) for key in own)
            self.ours.insert(author * length, posts, 1)


def case(
    world: World, authors: int, want: int, viewers: int, *, goals: tuple[float, float], page: int
) -> Case:
    """Each turn is another viewer who follows `authors` people; page 2 starts from a cursor."""
    rng = random.Random(viewers)
    follows = [rng.sample(world.ids, authors) for _ in range(viewers)]
    buffers = [b"".join(ids) for ids in follows]
    posts = sum(len(world.lists[author]) for author in follows[0])
    cursors: list[int] = [1 << 63] * viewers
    if page == 2:
        firsts = (heapq.merge(*(world.lists[a] for a in ids), reverse=True) for ids in follows)
        cursors = [next(islice(merged, want - 1, None)) for merged in firsts]
    befores = [key.to_bytes(8, "big") + bytes(8) for key in cursors]

    def native(turn: int) -> bytes:
        at = turn % viewers
        return world.ours.merge(buffers[at], want=want, before=befores[at]).ids

    def by_heap(turn: int) -> list[int]:
        at = turn % viewers
        lists = [world.lists[author] for author in follows[at]]
        if page == 1:
            return list(islice(heapq.merge(*lists, reverse=True), want))
        cursor = cursors[at]
        older = (key for key in heapq.merge(*lists, reverse=True) if key < cursor)
        return list(islice(older, want))

    def by_partition(turn: int) -> NDArray[np.uint64]:
        at = turn % viewers
        arrays = world.arrays
        keys = np.concatenate([arrays[author] for author in follows[at]])
        if page == 2:
            keys = keys[keys < cursors[at]]
        newest = keys[np.argpartition(keys, len(keys) - want)[-want:]]
        newest.sort()
        return newest[::-1]

    def check(turn: int) -> None:
        keys = by_heap(turn)
        assert np.frombuffer(native(turn), ">u8")[::2].tolist() == keys
        assert by_partition(turn).tolist() == keys

    warmth = "warm" if viewers == WARM_VIEWERS else "cold"
    return Case(
        f"{authors} authors, {posts} posts, newest {want}, page {page}, {warmth}",
        Contender("nova", native),
        [
            Contender("heapq.merge + islice", by_heap, goals[0]),
            Contender("numpy concatenate + argpartition", by_partition, goals[1]),
        ],
        viewers,
        check,
    )


def cases() -> Iterator[Case]:
    """Merge posting lists: k authors, Pareto lengths, newest first."""
    small = World(4_000, 40.0, 1)
    yield case(small, 200, 50, WARM_VIEWERS, goals=(0.05, 0.1), page=1)
    yield case(small, 200, 50, COLD_VIEWERS, goals=(0.05, 0.1), page=1)
    yield case(small, 200, 50, WARM_VIEWERS, goals=(0.05, 0.1), page=2)
    yield case(small, 2_000, 500, WARM_VIEWERS, goals=(0.03, 0.05), page=1)
    yield case(small, 2_000, 500, COLD_VIEWERS, goals=(0.03, 0.2), page=1)
    yield case(small, 2_000, 500, WARM_VIEWERS, goals=(0.03, 0.05), page=2)
    few = case(small, 2_000, 500, WARM_VIEWERS, goals=(0.03, 0.05), page=1)
    many = case(World(4_000, 160.0, 2), 2_000, 500, WARM_VIEWERS, goals=(0.03, 0.05), page=1)
    ourselves = Contender("nova, a quarter of the posts", few.ours.call, 1.2)
    yield replace(many, peers=[*many.peers, ourselves])


if __name__ == "__main__":
    main(MODULE, cases)
