"""The posts of the last weeks: who writes, when of the day, what about, and with which pictures."""

import random
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import numpy as np

from nova.app.world.keys import POST_SIZES, PostKey, post_key
from nova.app.world.language import Language, language
from nova.app.world.model import (
    Audience,
    ContentType,
    Person,
    PostMedia,
    WorldPost,
    WorldSize,
    at_ms,
    from_ms,
)
from nova.app.world.people import Crowd
from nova.app.world.streams import Floats, Ints, array_stream, id_at, pick, stream
from nova.app.world.texts import alt_of, caption_of, tags_of

WINDOW = timedelta(days=60)
_HOUR_MS = 3_600_000
# How many write at each hour of their own day: asleep at four, at breakfast, at lunch, on the sofa at nine.
_RHYTHM = np.array(
    [18, 9, 5, 3, 3, 6, 18, 40, 55, 48, 42, 46, 62, 56, 44, 42, 48, 60, 74, 88, 98, 100, 78, 42], np.float64
) / 100  # fmt: skip
# Above 1, the recent past holds more posts than the far one, as in a network that grows.
_GROWTH = 1.35
_SILENT_SHARE, _LIVELINESS_SIGMA = 0.12, 1.0
_MAIN_LIVELINESS = 4.0
_SETTLING_MS = 600_000
_SHAPES = ((ContentType.IMAGE, 0.55), (ContentType.CAROUSEL, 0.70), (ContentType.TEXT, 1.0))
_FOLLOWERS_SHARE = 0.08
_FOREIGN_SHARE = 0.05


def make_posts(
    crowd: Crowd, size: WorldSize, seed: int, now_ms: int, main: frozenset[str]
) -> tuple[WorldPost, ...]:
    """Return the posts, oldest first; the people of the handles `main` write often."""
    numbers = array_stream(seed, "posts")
    authors = _authors(crowd.people, size.posts, main, numbers)
    moments = _moments(crowd.people, authors, now_ms, numbers)
    order = np.argsort(moments, kind="stable")
    rng = stream(seed, "posts")
    return tuple(
        write_post(crowd.people[who], ms, seed, rng)
        for who, ms in zip(authors[order].tolist(), moments[order].tolist(), strict=True)
    )


def write_post(author: Person, ms: int, seed: int, rng: random.Random) -> WorldPost:
    """Return a post by `author` made `ms` after the epoch."""
    created_at = from_ms(ms)
    post_id = id_at(created_at, rng)
    interest = _interest(author.interests, rng)
    words = language("en" if rng.random() < _FOREIGN_SHARE else author.language)
    at = rng.random()
    shape = next(kind for kind, below in _SHAPES if at < below)
    return WorldPost(
        id=post_id,
        author_id=author.id,
        caption=caption_of(words, interest, author.interests, shape, rng),
        content_type=shape,
        tags=tags_of(words, interest, author.interests, rng),
        media=_media(post_id, shape, interest, words, palette=author.palette, seed=seed, rng=rng),
        audience=Audience.FOLLOWERS if rng.random() < _FOLLOWERS_SHARE else Audience.EVERYONE,
        created_at=created_at,
        interest=interest,
        language=words.code,
    )


def _interest(liked: Sequence[str], rng: random.Random) -> str:
    """Return one of the interests, the dearest most often."""
    return liked[int(rng.random() ** 1.7 * len(liked))]


def _media(
    post_id: UUID,
    shape: ContentType,
    interest: str,
    words: Language,
    *,
    palette: int,
    seed: int,
    rng: random.Random,
) -> tuple[PostMedia, ...]:
    if shape is ContentType.TEXT:
        return ()
    count = 1 if shape is ContentType.IMAGE else rng.choice((2, 2, 3, 4))
    width, height = pick(rng, POST_SIZES)
    return tuple(
        PostMedia(
            post_key(PostKey(post_id, nth, interest, _palette(palette, rng), width, height), seed),
            width,
            height,
            alt_of(words, interest, rng),
        )
        for nth in range(1, count + 1)
    )


def _palette(own: int, rng: random.Random) -> int:
    """Return the author's own colours, varied a little."""
    return (own + rng.randint(-9, 9)) & 0xFF


def _authors(people: Sequence[Person], count: int, main: frozenset[str], rng: np.random.Generator) -> Ints:
    """Return the index of each post's author: some write daily, many now and then, some never."""
    liveliness = np.exp(rng.normal(0.0, _LIVELINESS_SIGMA, len(people)))
    liveliness[rng.random(len(people)) < _SILENT_SHARE] = 0.0
    for index, person in enumerate(people):
        if person.handle in main:
            liveliness[index] = _MAIN_LIVELINESS
    return np.asarray(rng.choice(len(people), count, p=liveliness / liveliness.sum()), np.int64)


def _moments(people: Sequence[Person], authors: Ints, now_ms: int, rng: np.random.Generator) -> Ints:
    """Return a moment for each post: in the window, after its author joined, at an hour at which people write."""
    joined = np.array([at_ms(person.joined_at) for person in people], np.int64)[authors]
    offset = np.array([person.utc_offset_h for person in people], np.int64)[authors]
    reach = np.minimum(WINDOW // timedelta(milliseconds=1), now_ms - joined - _SETTLING_MS).astype(np.float64)
    moments = np.zeros(len(authors), np.int64)
    open_ = np.arange(len(authors))
    while len(open_):
        age: Floats = reach[open_] * rng.random(len(open_)) ** _GROWTH
        tried = now_ms - 1 - age.astype(np.int64)
        hour = (tried // _HOUR_MS + offset[open_]) % 24
        taken = rng.random(len(open_)) < _RHYTHM[hour]
        moments[open_[taken]] = tried[taken]
        open_ = open_[~taken]
    return moments
