"""Muted words: the form in which they are compared, and whether a post contains one.

Word and post are folded alike, so that `Straße`, `STRASSE` and a spelling with hidden characters are one. A word is
found where it stands by itself: letters, digits, marks and underscores that go on make it another word. Scripts that
put no spaces between words (Han, Kana, Thai), and Hangul, whose words take endings, have no such borders: there it is
found anywhere.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

# Default_Ignorable_Code_Point (Unicode 15, DerivedCoreProperties.txt): what is there and shows nothing.
_IGNORABLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Keyboards of phones write these for the apostrophe.
_APOSTROPHES: Final = str.maketrans({"\u2019": "'", "\u02bc": "'"})
# How the names of characters begin whose words are not set apart by spaces.
_UNSPACED: Final = (
    "CJK ", "IDEOGRAPHIC ", "HIRAGANA ", "KATAKANA", "HENTAIGANA ", "BOPOMOFO ", "HANGUL ", "YI ",
    "THAI ", "LAO ", "KHMER ", "MYANMAR ", "TAI ", "NEW TAI ", "AHOM ",
)  # fmt: skip
_SPACE: Final = ord(" ")
_REMEMBERED: Final = 10_000
"""Characters whose kind is remembered: more than any language needs, and a bound all the same."""


def folded(text: str) -> str:
    """Return a text in the form in which it is compared.

    That is NFKC_Casefold (The Unicode Standard 15, section 3.13, R5) with straight apostrophes and single spaces.
    """
    shown = unicodedata.normalize("NFD", _IGNORABLE.sub("", text)).casefold()
    kept = unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", shown).casefold())
    return " ".join(kept.translate(_APOSTROPHES).split())


def word_of(text: str) -> str:
    """Return what somebody wrote as the word that he mutes: folded, a hashtag without its `#`."""
    return folded(text).lstrip("# ")


class MutedWords:
    """Words from `word_of`, ready to be looked for in many posts."""

    def __init__(self, words: Iterable[str]) -> None:
        kept = list(words)
        self._plain = frozenset(word for word in kept if _is_plain(word))
        self._others = [word for word in kept if word not in self._plain]

    def occur_in(self, caption: str, tags: Sequence[str]) -> bool:
        """Return whether one of the words stands in the caption, or in a tag."""
        return any(self._stand_in(folded(text)) for text in (caption, *tags))

    def _stand_in(self, text: str) -> bool:
        if self._plain and not self._plain.isdisjoint(text.translate(_RUNS).split()):
            return True
        return any(_stands_in(text, word) for word in self._others)


def _stands_in(text: str, word: str) -> bool:
    """Return whether the text holds the word somewhere between two borders."""
    start = text.find(word)
    while start >= 0:
        if not (_is_inside(text, start) or _is_inside(text, start + len(word))):
            return True
        start = text.find(word, start + 1)
    return False


def _is_inside(text: str, place: int) -> bool:
    """Return whether the place before a character lies inside a word, or between a letter and its mark."""
    if not 0 < place < len(text):
        return False
    before, after = text[place - 1], text[place]
    return _joins(after) if _joins(before) else _is_mark(after)


def _is_plain(word: str) -> bool:
    """Return whether a word is found exactly where it is a whole run of characters that join."""
    return all(map(_joins, word)) and not _is_mark(word[0])


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


def _joins(character: str) -> bool:
    """Return whether two such characters, side by side, are of one word."""
    return _RUNS[ord(character)] != _SPACE


class _Runs(dict[int, int]):
    """For `str.translate`: keeps what joins, and makes all else a space. It learns characters as it meets them."""

    def __missing__(self, point: int) -> int:
        character = chr(point)
        of_a_word = unicodedata.category(character)[0] in "LMN" or character == "_"
        joins = of_a_word and not unicodedata.name(character, "").startswith(_UNSPACED)
        kept = point if joins else _SPACE
        if len(self) < _REMEMBERED:
            self[point] = kept
        return kept


_RUNS: Final = _Runs()
