"""Relations and recommendation candidates beside plain Python and numpy."""

import math
import random
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bench.micro.harness import Case, Contender, main
from nova.native.graph import Adjacency, Edge, Relation

MODULE = "bench.micro.bench_graph"
PEOPLE, SUBJECTS, VIEWERS, BEST = 5_000, 500, 32, 100


class World:
    """A network with a heavy tail; people are small numbers for the peers and ids for us."""

    def __init__(self) -> None:
        rng = random.Random(9)
        self.ids = [rng.randbytes(16) for _ in range(PEOPLE)]
        self.following: list[set[int]] = [set() for _ in range(PEOPLE)]
        self.followers: list[set[int]] = [set() for _ in range(PEOPLE)]
        popular = [min(PEOPLE - 1, int(rng.paretovariate(0.6)) - 1) for _ in range(1 << 16)]
        for person in range(PEOPLE):
            for _ in range(min(400, int(20 * rng.paretovariate(1.3)))):
                other = rng.choice(popular) if rng.random() < 0.5 else rng.randrange(PEOPLE)
                if other != person:
                    self.following[person].add(other)
                    self.followers[other].add(person)
        self.ours = Adjacency()
        pairs = [(a, b) for a in range(PEOPLE) for b in sorted(self.following[a])]
        sources, targets = (b"".join(self.ids[pair[end]] for pair in pairs) for end in (0, 1))
        self.ours.put(Edge.FOLLOW, sources, targets, at_ms=1, versions=1)
        for kind in (Edge.REQUEST, Edge.BLOCK, Edge.MUTE):
            a, b = (b"".join(rng.choice(self.ids) for _ in range(2_000)) for _ in range(2))
            kept = [at for at in range(0, len(a), 16) if a[at : at + 16] != b[at : at + 16]]
            self.ours.put(
                kind,
                b"".join(a[at : at + 16] for at in kept),
                b"".join(b[at : at + 16] for at in kept),
                at_ms=0,
                versions=1,
            )
        private = b"".join(rng.sample(self.ids, PEOPLE // 10))
        self.ours.set_private(private, [True] * (PEOPLE // 10), versions=1)


def relations(world: World) -> Case:
    """All relations for us; two for the sets; one for numpy."""
    rng = random.Random(3)
    viewers = rng.sample(range(PEOPLE), VIEWERS)
    subjects = [rng.sample(range(PEOPLE), SUBJECTS) for _ in range(VIEWERS)]
    buffers = [b"".join(world.ids[subject] for subject in some) for some in subjects]
    arrays = [np.array(some) for some in subjects]
    sorted_follows = [np.sort(np.array([*world.following[viewer], PEOPLE])) for viewer in viewers]

    def native(turn: int) -> NDArray[np.uint16]:
        at = turn % VIEWERS
        return world.ours.relations(world.ids[viewers[at]], buffers[at], now_ms=0)

    def by_sets(turn: int) -> list[int]:
        at = turn % VIEWERS
        following, followers = world.following[viewers[at]], world.followers[viewers[at]]
        return [(subject in following) | (subject in followers) << 1 for subject in subjects[at]]

    def by_search(turn: int) -> NDArray[np.bool_]:
        at = turn % VIEWERS
        follows = sorted_follows[at]
        found: NDArray[np.bool_] = follows[np.searchsorted(follows, arrays[at])] == arrays[at]
        return found

    def check(turn: int) -> None:
        bits = native(turn)
        assert (bits & (Relation.FOLLOWS | Relation.FOLLOWED_BY)).tolist() == by_sets(turn)
        assert (bits & Relation.FOLLOWS).astype(bool).tolist() == by_search(turn).tolist()

    return Case(
        f"relations to {SUBJECTS} subjects",
        Contender("nova, nine bits", native),
        [
            Contender("Python sets, two relations", by_sets),
            Contender("numpy searchsorted, one relation", by_search),
        ],
        VIEWERS,
        check,
        goal_us=10,
    )


def candidates(world: World) -> Case:
    """Second degree by Adamic-Adar, with nothing to leave out but the followed."""
    rng = random.Random(4)
    viewers = rng.sample(range(PEOPLE), VIEWERS)
    bare = Adjacency()
    pairs = [(a, b) for a in range(PEOPLE) for b in sorted(world.following[a])]
    sources, targets = (b"".join(world.ids[pair[end]] for pair in pairs) for end in (0, 1))
    bare.put(Edge.FOLLOW, sources, targets, at_ms=1, versions=1)

    def native(turn: int) -> list[float]:
        viewer = world.ids[viewers[turn % VIEWERS]]
        scores: list[float] = bare.candidates(viewer, k=BEST, now_ms=0).scores.tolist()
        return scores

    def by_dict(turn: int) -> list[float]:
        viewer = viewers[turn % VIEWERS]
        scores: dict[int, float] = {}
        for middle in world.following[viewer]:
            weight = 1 / math.log(len(world.following[middle]) + len(world.followers[middle]))
            for other in world.following[middle]:
                scores[other] = scores.get(other, 0.0) + weight
        for known in (viewer, *world.following[viewer]):
            scores.pop(known, None)
        return sorted(scores.values(), reverse=True)[:BEST]

    def check(turn: int) -> None:
        np.testing.assert_allclose(native(turn), by_dict(turn), rtol=1e-9)

    return Case(
        f"{BEST} best candidates of the second degree",
        Contender("nova", native),
        [Contender("Python sets and a dict", by_dict)],
        VIEWERS,
        check,
    )


def cases() -> Iterator[Case]:
    """Ask an adjacency of 5,000 people."""
    world = World()
    yield relations(world)
    yield candidates(world)


if __name__ == "__main__":
    main(MODULE, cases)
