"""The likes: more for the well known and the well made, most of them in a post's first hours."""

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np

from nova.app.world.model import Person, WorldLike, WorldPost, at_ms, from_ms
from nova.app.world.reactions import Audiences
from nova.app.world.streams import Floats, Ints, array_stream

_SHARE_OF_CIRCLE, _PASSERS_BY = 0.14, 1.5
_DELAY_MEDIAN_MS, _DELAY_SIGMA = 2 * 3_600_000.0, 1.6
# A large circle likes a smaller share of what it is shown.
_CIRCLE_EXPONENT = 0.9


class Likes(Sequence[WorldLike]):
    """Likes in the order of their times, kept as columns: the largest world has millions."""

    def __init__(
        self, people: Sequence[Person], posts: Sequence[WorldPost], who: Ints, post: Ints, moment: Ints
    ) -> None:
        self._people, self._posts = people, posts
        self._who, self._post, self._moment = who, post, moment

    def __len__(self) -> int:
        return len(self._who)

    @overload
    def __getitem__(self, at: int) -> WorldLike: ...
    @overload
    def __getitem__(self, at: slice) -> "Likes": ...
    def __getitem__(self, at: int | slice) -> "WorldLike | Likes":
        if isinstance(at, slice):
            return Likes(self._people, self._posts, self._who[at], self._post[at], self._moment[at])
        return self._like(int(self._who[at]), int(self._post[at]), int(self._moment[at]))

    def __iter__(self) -> Iterator[WorldLike]:
        rows = zip(self._who.tolist(), self._post.tolist(), self._moment.tolist(), strict=True)
        return (self._like(*row) for row in rows)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Likes):
            return NotImplemented
        return len(self) == len(other) and all(
            mine == theirs for mine, theirs in zip(self, other, strict=True)
        )

    __hash__ = None  # type: ignore[assignment] # columns can be large: compare them, never key by them

    def _like(self, who: int, post: int, moment: int) -> WorldLike:
        return WorldLike(self._people[who].id, self._posts[post].id, from_ms(moment))


def make_likes(
    audiences: Audiences, posts: Sequence[WorldPost], quality: Floats, seed: int, now_ms: int
) -> Likes:
    """Return the likes given until now; `quality` weighs the posts."""
    rng = array_stream(seed, "likes")
    authors = [audiences.index[post.author_id] for post in posts]
    circles = np.array([len(audiences.circle(author).followers) for author in authors], np.float64)
    wanted = rng.poisson((_PASSERS_BY + _SHARE_OF_CIRCLE * circles**_CIRCLE_EXPONENT) * quality)
    wanted = np.minimum(wanted, len(audiences.people) // 2)
    chosen = [
        audiences.draw(post, author, count, rng)
        for post, author, count in zip(posts, authors, wanted.tolist(), strict=True)
    ]
    who = np.concatenate(chosen)
    post = np.repeat(np.arange(len(posts)), [len(group) for group in chosen])
    made = np.array([at_ms(one.created_at) for one in posts], np.int64)[post]
    # Nobody likes before he is here, nor faster than he can read.
    since = np.maximum(made, audiences.joined[who]) + 4_000
    moment = since + (_DELAY_MEDIAN_MS * np.exp(rng.normal(0.0, _DELAY_SIGMA, len(who)))).astype(np.int64)
    # What would come later than now has not happened yet.
    order = np.argsort(moment, kind="stable")
    order = order[moment[order] < now_ms]
    return Likes(audiences.people, posts, who[order], post[order], moment[order])
