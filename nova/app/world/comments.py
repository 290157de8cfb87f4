"""The comments: questions, applause, and short talks below them, up to three levels deep."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nova.app.world.language import language
from nova.app.world.model import WorldComment, WorldPost, at_ms, from_ms
from nova.app.world.reactions import Audiences
from nova.app.world.streams import Floats, array_stream, id_at, pick, stream
from nova.app.world.texts import comment_of, reply_of

DEEPEST = 3
_SHARE_OF_CIRCLE, _PASSERS_BY = 0.022, 0.5
_ASKING = 0.22
_AUTHOR_ANSWERS, _OTHERS_JOIN = 0.45, 0.30
_DELAY_MEDIAN_MS, _DELAY_SIGMA = 1.2 * 3_600_000.0, 1.4
_REPLY_MEDIAN_MS = 0.4 * 3_600_000.0


@dataclass(frozen=True, slots=True)
class _Said:
    """A comment with what is needed to answer it; `level` counts from 1."""

    comment: WorldComment
    who: int
    level: int
    is_question: bool


def make_comments(
    audiences: Audiences, posts: Sequence[WorldPost], quality: Floats, seed: int, now_ms: int
) -> tuple[WorldComment, ...]:
    """Return the comments made until now, oldest first."""
    numbers, rng = array_stream(seed, "comments"), stream(seed, "comments")
    authors = [audiences.index[post.author_id] for post in posts]
    circles = np.array([len(audiences.circle(author).followers) for author in authors], np.float64)
    wanted = numbers.poisson((_PASSERS_BY + _SHARE_OF_CIRCLE * circles) * quality)
    made: list[WorldComment] = []
    for post, author, count in zip(posts, authors, wanted.tolist(), strict=True):
        if count:
            drawn = audiences.draw(post, author, min(count, len(audiences.people) // 4), numbers)
            made.extend(_Talk(audiences, post, now_ms, rng).among(drawn.tolist()))
    return tuple(sorted(made, key=lambda comment: comment.created_at))


class _Talk:
    """The talk below one post."""

    def __init__(self, audiences: Audiences, post: WorldPost, now_ms: int, rng: random.Random) -> None:
        self._audiences, self._post, self._now_ms, self._rng = audiences, post, now_ms, rng
        self._author = audiences.index[post.author_id]
        self._said: list[_Said] = []

    def among(self, people: list[int]) -> list[WorldComment]:
        """Return what `people` and the author say to each other."""
        rng = self._rng
        rng.shuffle(people)
        for who in people:
            said = self._say(who, self._answered(who))
            if said is not None and said.level < DEEPEST and rng.random() < _AUTHOR_ANSWERS:
                self._say(self._author, said)
        return [each.comment for each in self._said]

    def _answered(self, who: int) -> _Said | None:
        """Return the comment that somebody answers, or None where he speaks to the author."""
        if not self._said or self._rng.random() >= _OTHERS_JOIN:
            return None
        other = pick(self._rng, self._said)
        near = other.level < DEEPEST and other.who not in {who, self._author}
        return other if near and not self._audiences.are_apart(who, other.who) else None

    def _say(self, who: int, other: _Said | None) -> _Said | None:
        """Add a comment by `who`, and return it; None where it would come later than now."""
        rng, post = self._rng, self._post
        here = int(self._audiences.joined[who])
        if other is None:
            since, median = max(at_ms(post.created_at), here) + 8_000, _DELAY_MEDIAN_MS
        else:
            since, median = max(at_ms(other.comment.created_at), here) + 5_000, _REPLY_MEDIAN_MS
        ms = since + int(median * rng.lognormvariate(0.0, _DELAY_SIGMA))
        if ms >= self._now_ms:
            return None
        asking = other is None and rng.random() < _ASKING
        created_at = from_ms(ms)
        comment = WorldComment(
            id=id_at(created_at, rng),
            post_id=post.id,
            parent_id=None if other is None else other.comment.id,
            author_id=self._audiences.people[who].id,
            text=self._text(who, other, asking=asking),
            created_at=created_at,
        )
        said = _Said(comment, who, 1 if other is None else other.level + 1, asking)
        self._said.append(said)
        return said

    def _text(self, who: int, other: _Said | None, *, asking: bool) -> str:
        """Return what `who` says: the author in the tongue of the post, the others in their own."""
        post = self._post
        words = language(post.language if who == self._author else self._audiences.people[who].language)
        if other is None:
            return comment_of(words, post.interest, self._rng, asking=asking)
        answering = other.is_question
        return reply_of(words, post.interest, self._rng, by_author=who == self._author, to_question=answering)
