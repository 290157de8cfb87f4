"""The people: names of their own tongue, handles, bios, interests, and how widely each is known."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from nova.app.world.keys import AvatarKey, avatar_key
from nova.app.world.language import LANGUAGES, CastMember, cast, interests, language
from nova.app.world.model import Person, WorldSize, at_ms, from_ms
from nova.app.world.streams import Floats, id_at, pick, stream
from nova.app.world.texts import bio_of

PRIVATE_SHARE = 0.10
_OLDEST_DAYS, _SETTLED_DAYS = 900.0, 61.0
_NEWCOMER_SHARE = 0.10
_HANDLE = re.compile(r"[a-z0-9_]{3,30}")
# The rank in fame of each main character, so that tours meet both the known and the little known.
_CAST_RANKS = {"lin_mei": 2, "ada": 7, "kofi": 19}
_FAME_EXPONENT = 1.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """The people with the facts that the rest of the world is drawn from: `fame` weighs who is followed."""

    people: tuple[Person, ...]
    fame: Floats


def make_people(size: WorldSize, seed: int, now_ms: int) -> Crowd:
    """Return the people in the order in which they joined."""
    rng = stream(seed, "people")
    made = [_main(member, seed, now_ms, rng) for member in cast()]
    taken = {person.handle for person in made}
    tongues = rng.choices(list(LANGUAGES), list(LANGUAGES.values()), k=size.people - len(made))
    privates = set(rng.sample(range(len(tongues)), round(size.people * PRIVATE_SHARE)))
    for number, tongue in enumerate(tongues):
        made.append(
            _ordinary(tongue, is_private=number in privates, seed=seed, now_ms=now_ms, rng=rng, taken=taken)
        )
    made.sort(key=lambda person: person.joined_at)
    return Crowd(tuple(made), _fame(made, rng))


def _main(member: CastMember, seed: int, now_ms: int, rng: random.Random) -> Person:
    joined = from_ms(now_ms) - timedelta(days=rng.uniform(600, _OLDEST_DAYS))
    joined_at = from_ms(at_ms(joined))
    return Person(
        id=id_at(joined_at, rng),
        handle=member.handle,
        display_name=member.display_name,
        email=_email(member.handle),
        bio=member.bio,
        language=member.language,
        is_private=False,
        joined_at=joined_at,
        avatar_key=avatar_key(AvatarKey(member.handle, member.look), seed),
        interests=member.interests,
        palette=member.palette,
        utc_offset_h=member.utc_offset_h,
    )


def _ordinary(
    tongue: str, *, is_private: bool, seed: int, now_ms: int, rng: random.Random, taken: set[str]
) -> Person:
    words = language(tongue)
    given, family = pick(rng, words.given), pick(rng, words.family)
    city, offset = pick(rng, words.cities)
    liked = tuple(rng.sample(list(interests()), rng.choice((2, 3, 3, 4, 5))))
    handle = _handle(given[1], family[1], liked[0], rng, taken)
    shown = words.name_pattern.format(given=given[0], family=family[0])
    if rng.random() < 0.12:
        shown = f"{shown} {pick(rng, interests()[liked[0]].emoji)}"
    joined_at = from_ms(now_ms - _age_ms(rng))
    return Person(
        id=id_at(joined_at, rng),
        handle=handle,
        display_name=shown,
        email=_email(handle),
        bio=bio_of(words, liked, city, rng),
        language=tongue,
        is_private=is_private,
        joined_at=joined_at,
        avatar_key=avatar_key(AvatarKey(handle, rng.getrandbits(12)), seed),
        interests=liked,
        palette=rng.getrandbits(8),
        utc_offset_h=offset,
    )


def _age_ms(rng: random.Random) -> int:
    """Return how long ago somebody joined: most are settled, some have come within the last weeks."""
    newcomer = rng.random() < _NEWCOMER_SHARE
    days = rng.uniform(2, _SETTLED_DAYS) if newcomer else rng.uniform(_SETTLED_DAYS, _OLDEST_DAYS)
    return round(days * 86_400_000)


def _handle(given: str, family: str, liked: str, rng: random.Random, taken: set[str]) -> str:
    """Return a handle that nobody has: name and word first, and a number when those are gone."""
    word = pick(rng, interests()[liked].handles)
    year = rng.randint(70, 99)
    shapes = [
        f"{given}_{family}", f"{given}{family}", f"{given}_{word}", f"{given}{year}", f"{given}_{family[0]}",
        f"{word}_{given}", f"{family}_{given}", f"the_{given}", f"{given}.{word}".replace(".", "_"), given,
    ]  # fmt: skip
    rng.shuffle(shapes)
    while True:
        for shape in shapes:
            if _HANDLE.fullmatch(shape) and shape not in taken:
                taken.add(shape)
                return shape
        shapes = [f"{given}_{family}{rng.randint(2, 9999)}"[-30:].lstrip("_")]


def _email(handle: str) -> str:
    # RFC 2606 keeps .example for such as these: no mail can ever reach a stranger.
    return f"{handle}@people.example"


def _fame(people: Sequence[Person], rng: random.Random) -> Floats:
    """Return a weight a person that falls with the rank in fame (Zipf's law); the weights sum to 1."""
    ranks = list(range(len(people)))
    rng.shuffle(ranks)
    holder = {rank: index for index, rank in enumerate(ranks)}
    for index, person in enumerate(people):
        wanted = _CAST_RANKS.get(person.handle)
        if wanted is not None:
            other, mine = holder[wanted], ranks[index]
            ranks[index], ranks[other] = wanted, mine
            holder[wanted], holder[mine] = index, other
    weights = (np.asarray(ranks, np.float64) + 1.0) ** -_FAME_EXPONENT
    return np.asarray(weights / weights.sum(), np.float64)
