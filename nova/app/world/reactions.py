"""Who may react to a post, and who does: the circle of its author first, and some who come by."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from nova.app.world.model import Audience, Block, Follow, WorldPost, at_ms
from nova.app.world.people import Crowd
from nova.app.world.streams import Floats, Ints, array_stream

_PASSERS_BY = 0.25
_QUALITY_SIGMA = 0.9


@dataclass(frozen=True, slots=True)
class Circle:
    """The followers of somebody, by index, with the moment of each follow in milliseconds."""

    followers: Ints
    since: Ints


class Audiences:
    """Answers for every post who could react to it: nobody whom its audience or a block keeps out."""

    def __init__(self, crowd: Crowd, follows: Sequence[Follow], blocks: Sequence[Block], seed: int) -> None:
        self.people = crowd.people
        self.index: dict[UUID, int] = {person.id: index for index, person in enumerate(crowd.people)}
        self.joined: Ints = np.array([at_ms(person.joined_at) for person in crowd.people], np.int64)
        self._circles = self._gathered(follows)
        self._apart: dict[int, set[int]] = {}
        for block in blocks:
            one, other = self.index[block.blocker_id], self.index[block.blocked_id]
            self._apart.setdefault(one, set()).add(other)
            self._apart.setdefault(other, set()).add(one)
        self._seed = seed

    def quality(self, posts: Sequence[WorldPost]) -> Floats:
        """Return how well each post is liked beside the others: a few are loved, many are passed over."""
        return np.exp(array_stream(self._seed, "quality").normal(0.0, _QUALITY_SIGMA, len(posts)))

    def circle(self, author: int) -> Circle:
        """Return who follows somebody."""
        return self._circles[author]

    def is_restricted(self, post: WorldPost, author: int) -> bool:
        """Return whether only followers see the post."""
        return post.audience is Audience.FOLLOWERS or self.people[author].is_private

    def draw(self, post: WorldPost, author: int, count: int, rng: np.random.Generator) -> Ints:
        """Return up to `count` different people who see the post, without its author."""
        circle = self._circles[author]
        made = at_ms(post.created_at)
        restricted = self.is_restricted(post, author)
        followers = circle.followers[circle.since < made] if restricted else circle.followers
        passing = 0 if restricted else int(rng.binomial(count, _PASSERS_BY))
        near = rng.permutation(followers)[: count - passing]
        strangers = rng.integers(0, len(self.people), passing)
        strangers = strangers[self.joined[strangers] < made]
        drawn = np.unique(np.concatenate([near, strangers]))
        out = {author} | self._apart.get(author, set())
        return np.array([who for who in drawn.tolist() if who not in out], np.int64)

    def are_apart(self, one: int, other: int) -> bool:
        """Return whether a block lies between two people."""
        return other in self._apart.get(one, ())

    def _gathered(self, follows: Sequence[Follow]) -> list[Circle]:
        who = np.array([self.index[follow.follower_id] for follow in follows], np.int64)
        whom = np.array([self.index[follow.followee_id] for follow in follows], np.int64)
        since = np.array([at_ms(follow.followed_at) for follow in follows], np.int64)
        order = np.argsort(whom, kind="stable")
        bounds = np.searchsorted(whom[order], np.arange(len(self.people) + 1))
        return [
            Circle(who[order[start:end]], since[order[start:end]])
            for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
        ]
