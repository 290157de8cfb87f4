"""What the people of a world go on doing: who acts next, when, and how. It decides, and touches nothing."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from nova.app.world.language import language
from nova.app.world.model import ContentType, Person, World
from nova.app.world.streams import pick, stream
from nova.app.world.texts import caption_of, comment_of, tags_of

CAST: Final = 40
"""How many people act: each has to sign in once, and a password is dear to verify."""
MEAN_PAUSE_S: Final = 0.75
_POSTS, _COMMENTS, _FOLLOWS = 0.09, 0.15, 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Somebody does something, `after_s` seconds after what was done before."""

    person: Person
    after_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PostAct(Act):
    """He posts."""

    caption: str
    tags: tuple[str, ...]
    interest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LikeAct(Act):
    """He likes something that he finds in his feed: the entry at `place`, or the last one."""

    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentAct(Act):
    """He says something about an entry of his feed."""

    place: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowAct(Act):
    """He follows somebody."""

    followee_id: UUID


class Life:
    """An endless course of acts, the same for the same world and seed."""

    def __init__(self, world: World, seed: int) -> None:
        self._rng = stream(seed, "life")
        self._people = world.people
        self._cast = _cast_of(world, self._rng)

    @property
    def cast(self) -> Sequence[Person]:
        """Return those who act."""
        return self._cast

    def acts(self) -> Iterator[Act]:
        """Yield what is done next, for ever."""
        while True:
            yield self._next(self._rng.expovariate(1 / MEAN_PAUSE_S))

    def _next(self, after_s: float) -> Act:
        rng, person = self._rng, self._rng.choice(self._cast)
        kind = rng.random()
        if kind < _POSTS:
            return self._post(person, after_s)
        if kind < _POSTS + _COMMENTS:
            return CommentAct(person=person, after_s=after_s, place=self._place(), text=self._remark(person))
        if kind < _POSTS + _COMMENTS + _FOLLOWS:
            return FollowAct(person=person, after_s=after_s, followee_id=rng.choice(self._people).id)
        return LikeAct(person=person, after_s=after_s, place=self._place())

    def _post(self, person: Person, after_s: float) -> PostAct:
        rng, words = self._rng, language(person.language)
        interest = rng.choice(person.interests)
        return PostAct(
            person=person,
            after_s=after_s,
            caption=caption_of(words, interest, person.interests, ContentType.TEXT, rng),
            tags=tags_of(words, interest, person.interests, rng),
            interest=interest,
        )

    def _remark(self, person: Person) -> str:
        """Return words that fit any entry: which one he will meet in his feed is not known here."""
        rng, words = self._rng, language(person.language)
        if rng.random() < 0.2:
            return comment_of(words, rng.choice(person.interests), rng, asking=True)
        return pick(rng, words.comments)

    def _place(self) -> int:
        """Return a place in a feed: mostly near its top."""
        return min(int(self._rng.expovariate(0.4)), 9)


def _cast_of(world: World, rng: random.Random) -> tuple[Person, ...]:
    """Return who acts: the best known people, and some others."""
    followers: dict[UUID, int] = {}
    for follow in world.follows:
        followers[follow.followee_id] = followers.get(follow.followee_id, 0) + 1
    known = sorted(world.people, key=lambda person: (-followers.get(person.id, 0), person.handle))
    half = CAST // 2
    return (*known[:half], *rng.sample(known[half:], min(half, len(known) - half)))
