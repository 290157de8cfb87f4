"""A language of the world, read from `phrases/<code>.json`: names, places, and sentences with slots.

A slot such as `{place}` is filled with a whole phrase that fits its spot in that language, so that no template has to
bend a word. The phrases are data because they are prose: they are edited by people who write, not by programmers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import orjson

FOLDER = Path(__file__).parent / "phrases"
# Share of the people who speak each language; Taiwan is at home here, so it stands second.
LANGUAGES: Mapping[str, float] = {
    "en": 0.34, "zh-TW": 0.18, "ja": 0.12, "es": 0.10, "de": 0.07, "fr": 0.07, "pt": 0.07, "ko": 0.05,
}  # fmt: skip

Phrases = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """What one language says of one interest. `alt` describes the picture that the interest's scene draws."""

    name: str
    things: Phrases
    lines: Phrases
    comments: Phrases
    bio: Phrases
    alt: Phrases


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """All phrases of one language. `given` and `family` pair each name with its spelling in a handle.

    `joiner` stands between two sentences and `stop` ends one.
    """

    code: str
    name_pattern: str
    joiner: str
    stop: str
    given: tuple[tuple[str, str], ...]
    family: tuple[tuple[str, str], ...]
    cities: tuple[tuple[str, int], ...]
    tags: Phrases
    bios: Phrases
    places: Phrases
    whens: Phrases
    openers: Phrases
    closers: Phrases
    captions: Phrases
    thoughts: Phrases
    comments: Phrases
    questions: Phrases
    answers: Phrases
    replies: Phrases
    thanks: Phrases
    topics: Mapping[str, Topic]


@dataclass(frozen=True, slots=True)
class Interest:
    """An interest as every language shares it: tags, emoji, and words that people put into handles."""

    tags: Phrases
    emoji: Phrases
    handles: Phrases


@dataclass(frozen=True, slots=True, kw_only=True)
class CastMember:
    """A main character, whom the documentation knows by name. `look` is that of the avatar key."""

    handle: str
    display_name: str
    bio: str
    language: str
    interests: Phrases
    palette: int
    utc_offset_h: int
    look: int


@cache
def language(code: str) -> Language:
    """Return the language of that code, read once."""
    raw = _read(code)
    topics = {
        key: Topic(**{field: _frozen(value) for field, value in topic.items()})
        for key, topic in raw["topics"].items()
    }
    plain = {
        f.name: _frozen(raw[f.name]) for f in fields(Language) if f.name not in {"given", "family", "topics"}
    }
    return Language(**plain, given=_names(raw["given"]), family=_names(raw["family"]), topics=topics)


@cache
def interests() -> Mapping[str, Interest]:
    """Return the table of interests by key."""
    return {
        key: Interest(**{field: tuple(words) for field, words in row.items()})
        for key, row in _read("interests").items()
    }


@cache
def cast() -> tuple[CastMember, ...]:
    """Return the main characters; the first is the one that tours start from."""
    return tuple(
        CastMember(**{key: _frozen(value) for key, value in row.items()}) for row in _read("cast")["people"]
    )


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = orjson.loads((FOLDER / f"{name}.json").read_bytes())
    return content


def _frozen(value: Any) -> Any:  # noqa: ANN401 - JSON is of any shape; the dataclass it fills is typed
    return tuple(_frozen(part) for part in value) if isinstance(value, list) else value


def _names(rows: list[str]) -> tuple[tuple[str, str], ...]:
    """Split `美玲|meiling`; a name in plain ASCII is its own spelling."""
    split = [row.partition("|") for row in rows]
    return tuple((shown, spelt or shown.lower()) for shown, _, spelt in split)
