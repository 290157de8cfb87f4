"""Who follows whom: a few are known to all, most are known among those who share their tongue and their interests."""

from collections.abc import Sequence

import numpy as np

from nova.app.world.model import Follow, Person, at_ms, from_ms
from nova.app.world.people import Crowd
from nova.app.world.streams import Ints, Pool, array_stream, weighted_pool

# How many one follows: log-normal, as the degrees of real networks nearly are.
_MEDIAN, _SIGMA, _LEAST = 20.0, 0.8, 4
# From where the people that one follows are drawn; the rest is from everywhere.
_SAME_TONGUE, _SAME_INTEREST = 0.40, 0.40
_RETURNED = 0.45
_GUIDE, _GUIDE_FOLLOWS = "ada", 40


def make_follows(crowd: Crowd, seed: int, now_ms: int) -> tuple[Follow, ...]:
    """Return the follows, oldest first, each after both have joined. Nobody follows himself, or anybody twice."""
    rng = array_stream(seed, "follows")
    people = crowd.people
    pools = _Pools(crowd)
    guide = next(index for index, person in enumerate(people) if person.handle == _GUIDE)
    degrees = np.exp(rng.normal(np.log(_MEDIAN), _SIGMA, len(people)))
    degrees = np.clip(degrees, _LEAST, len(people) / 3).astype(np.int64)
    degrees[guide] = _GUIDE_FOLLOWS
    followees = [pools.choose(index, int(degree), rng) for index, degree in enumerate(degrees)]
    pairs = np.concatenate([index * len(people) + chosen for index, chosen in enumerate(followees)])
    pairs = _with_returned(pairs, crowd, guide, rng)
    return _dated(pairs, people, now_ms, rng)


def _with_returned(pairs: Ints, crowd: Crowd, guide: int, rng: np.random.Generator) -> Ints:
    """Add the follows that answer one; the better somebody is known, the fewer are answered."""
    count = len(crowd.people)
    follower, followee = pairs // count, pairs % count
    chance = _RETURNED / (1.0 + crowd.fame[followee] * count / 4)
    answered = (rng.random(len(pairs)) < chance) & (followee != guide)
    return np.unique(np.concatenate([pairs, followee[answered] * count + follower[answered]]))


def _dated(
    pairs: Ints, people: Sequence[Person], now_ms: int, rng: np.random.Generator
) -> tuple[Follow, ...]:
    joined = np.array([at_ms(person.joined_at) for person in people], np.int64)
    follower, followee = pairs // len(people), pairs % len(people)
    possible = np.maximum(joined[follower], joined[followee])
    # The first days after both are there see the most follows.
    moments = possible + 1 + ((now_ms - possible - 1) * rng.random(len(pairs)) ** 2).astype(np.int64)
    order = np.argsort(moments, kind="stable")
    return tuple(
        Follow(people[who].id, people[whom].id, from_ms(ms))
        for who, whom, ms in zip(
            follower[order].tolist(), followee[order].tolist(), moments[order].tolist(), strict=True
        )
    )


class _Pools:
    """People to be followed, by tongue, by interest, and all of them, each weighed by fame."""

    def __init__(self, crowd: Crowd) -> None:
        people, fame = crowd.people, crowd.fame
        by_tongue: dict[str, list[int]] = {}
        by_interest: dict[str, list[int]] = {}
        for index, person in enumerate(people):
            by_tongue.setdefault(person.language, []).append(index)
            for interest in person.interests:
                by_interest.setdefault(interest, []).append(index)
        self._people = people
        self._tongues = {key: weighted_pool(np.array(group), fame) for key, group in by_tongue.items()}
        self._interests = {key: weighted_pool(np.array(group), fame) for key, group in by_interest.items()}
        self._all: Pool = weighted_pool(np.arange(len(people)), fame)

    def choose(self, who: int, count: int, rng: np.random.Generator) -> Ints:
        """Return `count` others, drawn without repetition."""
        person = self._people[who]
        draws = 3 * count
        while True:
            found = [
                self._tongues[person.language].draw(rng, int(draws * _SAME_TONGUE)),
                *(
                    self._interests[interest].draw(
                        rng, 1 + int(draws * _SAME_INTEREST / len(person.interests))
                    )
                    for interest in person.interests
                ),
                self._all.draw(rng, int(draws * (1 - _SAME_TONGUE - _SAME_INTEREST)) + 1),
            ]
            mixed = rng.permutation(np.concatenate(found))
            _, first = np.unique(mixed, return_index=True)
            chosen = mixed[np.sort(first)]
            chosen = chosen[chosen != who]
            if len(chosen) >= count:
                return np.asarray(chosen[:count], np.int64)
            draws *= 2
