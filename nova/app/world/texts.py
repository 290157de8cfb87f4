"""Sentences of a language, put together from its phrases: bios, captions, comments and what answers them."""

import random
import re
from collections.abc import Mapping, Sequence
from functools import cache

from nova.app.world.language import Language, interests
from nova.app.world.model import ContentType
from nova.app.world.streams import pick

MOST_TAGS = 30
_SLOT = re.compile(r"\{(\w+)\}")
_SENTENCE_END = re.compile(r"(?:^|[.!?…]\s+|[¿¡\"“])$")
_CLOSED = re.compile(r"[.!?…。！？」\"”)]$")
# Texts say "nine" and not "nineteen": most that is counted here is small.
_FEW = (4, 9)


def caption_of(
    words: Language, interest: str, liked: Sequence[str], shape: ContentType, rng: random.Random
) -> str:
    """Return the caption of a post on `interest` by somebody who likes `liked`."""
    values = _Values(words, interest, liked, rng)
    topic = words.topics[interest]
    if shape is ContentType.TEXT and rng.random() < 0.55:
        parts = [_fill(pick(rng, words.thoughts), values)]
    else:
        # A caption speaks of the picture above it; a post without one has nothing to point at.
        on_topic = shape is ContentType.TEXT or rng.random() < 0.6
        main = pick(rng, topic.lines if on_topic else words.captions)
        parts = [_fill(main, values)]
        if rng.random() < 0.18:
            parts.insert(0, _fill(pick(rng, words.openers), values))
    more = rng.random()
    if more < 0.10:
        parts.extend(_fill(line, values) for line in rng.sample(topic.lines, 2))
    if more < 0.45:
        parts.append(_fill(pick(rng, words.closers), values))
    text = words.joiner.join(dict.fromkeys(parts))
    return f"{text} {pick(rng, interests()[interest].emoji)}" if rng.random() < 0.4 else text


def tags_of(words: Language, interest: str, liked: Sequence[str], rng: random.Random) -> tuple[str, ...]:
    """Return up to `MOST_TAGS` different tags, most often a handful."""
    own = interests()[interest].tags
    count = rng.choice((0, 1, 2, 2, 3, 3, 4, 5))
    chosen = rng.sample(own, min(count, len(own)))
    if count and rng.random() < 0.3:
        chosen.append(pick(rng, words.tags))
    if count > 3 and rng.random() < 0.2:
        chosen.extend(pick(rng, interests()[other].tags) for other in liked)
    return tuple(dict.fromkeys(chosen))[:MOST_TAGS]


def bio_of(words: Language, liked: Sequence[str], city: str, rng: random.Random) -> str:
    """Return how somebody presents himself: nothing at all at times, two sentences at others."""
    shape = rng.random()
    if shape < 0.06:
        return ""
    values = _Values(words, liked[0], liked, rng, city)
    parts = [_fill(pick(rng, words.bios), values)]
    if shape < 0.55:
        parts.append(_fill(pick(rng, words.topics[liked[0]].bio), values))
    rng.shuffle(parts)
    text = words.joiner.join(part if _CLOSED.search(part) else part + words.stop for part in parts)
    return f"{text} {pick(rng, interests()[liked[0]].emoji)}" if rng.random() < 0.3 else text


def alt_of(words: Language, interest: str, rng: random.Random) -> str:
    """Return what the picture of an interest shows, in words."""
    return pick(rng, words.topics[interest].alt)


def comment_of(words: Language, interest: str, rng: random.Random, *, asking: bool) -> str:
    """Return a comment on a post: a question, a word on its topic, or plain applause."""
    if asking:
        return _fill(pick(rng, words.questions), _Values(words, interest, (interest,), rng))
    text = pick(rng, words.topics[interest].comments if rng.random() < 0.3 else words.comments)
    return f"{text} {pick(rng, interests()[interest].emoji)}" if rng.random() < 0.15 else text


def reply_of(
    words: Language, interest: str, rng: random.Random, *, by_author: bool, to_question: bool
) -> str:
    """Return what somebody answers to a comment: the author thanks or explains, others chime in."""
    pool = words.replies if not by_author else words.answers if to_question else words.thanks
    return _fill(pick(rng, pool), _Values(words, interest, (interest,), rng))


class _Values:
    """The words for the slots of one text; each is drawn when it is first met and then stays."""

    __slots__ = ("_drawn", "_interest", "_liked", "_rng", "_words")

    def __init__(
        self,
        words: Language,
        interest: str,
        liked: Sequence[str],
        rng: random.Random,
        city: str | None = None,
    ) -> None:
        self._words, self._interest, self._liked, self._rng = words, interest, liked, rng
        self._drawn: dict[str, str] = {} if city is None else {"city": city}

    def of(self, slot: str) -> str:
        """Return the words for a slot."""
        if slot not in self._drawn:
            self._drawn[slot] = self._draw(slot)
        return self._drawn[slot]

    def _draw(self, slot: str) -> str:
        rng, words = self._rng, self._words
        topic = words.topics[self._interest]
        match slot:
            case "n":
                return str(rng.randint(*_FEW))
            case "name":
                return topic.name
            case "name2":
                others = [liked for liked in self._liked if liked != self._interest]
                return words.topics[
                    pick(rng, others or [o for o in words.topics if o != self._interest])
                ].name
            case "thing":
                return _fill(pick(rng, topic.things), self)
            case "city":
                return pick(rng, words.cities)[0]
            case _:
                pools: Mapping[str, Sequence[str]] = {"place": words.places, "when": words.whens}
                return pick(rng, pools[slot])


def _fill(template: str, values: _Values) -> str:
    """Fill the slots; a word that opens a sentence gets its capital."""
    pieces = _pieces(template)
    if len(pieces) == 1:
        return template
    out = []
    for literal, slot, opens in pieces:
        out.append(literal)
        if slot:
            text = values.of(slot)
            out.append(text[:1].upper() + text[1:] if opens else text)
    return "".join(out)


@cache
def _pieces(template: str) -> tuple[tuple[str, str, bool], ...]:
    """Cut a template into (literal, slot after it, whether the slot opens a sentence); the last slot is empty."""
    pieces = []
    at = 0
    for slot in _SLOT.finditer(template):
        before = template[at : slot.start()]
        pieces.append((before, slot[1], bool(_SENTENCE_END.search(template[: slot.start()]))))
        at = slot.end()
    pieces.append((template[at:], "", False))
    return tuple(pieces)
