"""Muted words: how they are folded, where they are found, and where not."""

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nova.platform.errors import InvalidArgument
from nova.policy import rules
from nova.policy.words import MutedWords, folded, word_of

# Scripts of all kinds side by side, marks, hidden characters, and what separates words.
ALPHABET = "abAß_1#'’ -.\n日本かカ한ไทยก\u0e34ا\u0301\u0308\u200d\u00ad\ufe0fﬁＡ👍🏽"
texts = st.text(st.sampled_from(ALPHABET), max_size=12) | st.text(max_size=12)


def occurs(word: str, caption: str = "", *tags: str) -> bool:
    return MutedWords([rules.muted_word(word)]).occur_in(caption, tags)


@pytest.mark.parametrize(
    ("word", "caption"),
    [
        ("cat", "A CAT, of course."),
        ("cat", "#cat"),
        ("#cat", "my cat"),
        ("＃Cat", "my #CAT!"),
        ("straße", "STRASSE 12"),
        ("ﬁne", "fine"),
        ("cafe\u0301", "Caf\u00e9?"),
        ("don't", "I don’t know"),
        ("cat", "c\u200ba\u00adt"),
        ("new  york", "New\nYork, today"),
        ("c++", "written in C++17"),
        ("🎃", "boo🎃boo"),
        ("👍", "👍🏽"),
        ("日本", "私は日本語を話す"),
        ("ラーメン", "美味しいﾗｰﾒﾝ屋"),
        ("한국", "한국어를 배워요"),
        ("ไทย", "ภาษาไทยง่าย"),
        ("nova", "私はNovaが好き"),
        ("هلال", "رأيت هلال اليوم"),
        ("ελλάσ", "Ελλάς"),
    ],
)
def test_a_word_is_found(word: str, caption: str) -> None:
    assert occurs(word, caption)


@pytest.mark.parametrize(
    ("word", "caption"),
    [
        ("cat", "concatenate"),
        ("cat", "cats"),
        ("cat", "cat_photo"),
        ("cat", "cat9"),
        ("e", "e\u0331"),
        ("new york", "new yorkers"),
        ("हिन", "हिन्दी"),
        ("ก", "ก\u0e34น"),
        ("日本", "日 本"),
        ("cafe", "café"),
    ],
)
def test_a_part_of_another_word_is_not_the_word(word: str, caption: str) -> None:
    assert not occurs(word, caption)


def test_tags_are_looked_at_one_by_one() -> None:
    assert occurs("#Dawn", "", "sun", "dawn")
    assert not occurs("sun dawn", "", "sun", "dawn")
    assert not occurs("dawn", "", "dawn_patrol")


def test_one_of_many_words_is_enough() -> None:
    words = MutedWords([word_of(word) for word in ("war", "world cup", "日本", "c++")])
    assert [words.occur_in(caption, ()) for caption in ("at war", "the World Cup", "日本語", "in c++", "award")] == [
        True, True, True, True, False,
    ]  # fmt: skip
    assert not MutedWords([]).occur_in("anything", ("at", "all"))


@given(texts)
@example("\u0345\u0301")
@example("\u1e9b\u0323")
@example("\u00a8\u200d\u0301")
def test_folding_twice_is_as_folding_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)
    assert word_of(word_of(text)) == word_of(text)


@given(texts)
def test_forms_of_one_text_fold_alike(text: str) -> None:
    once = folded(text)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert folded(unicodedata.normalize(form, text)) == once
    assert folded(f"  {text}\n") == once
    assert folded("\u200b".join(text)) == once


@given(texts, texts)
def test_a_word_between_spaces_or_behind_a_hash_is_found(word: str, around: str) -> None:
    kept = word_of(word)
    if not kept or unicodedata.category(kept[0]).startswith("M"):
        return
    words = MutedWords([kept])
    assert words.occur_in(f"{around} {kept} {around}", ())
    assert words.occur_in(f"{around} #{kept} {around}", ())
    assert words.occur_in("", [around, kept])


@given(texts, st.lists(texts, max_size=5))
def test_what_is_found_is_there_between_borders(text: str, several: list[str]) -> None:
    kept = [word for word in map(word_of, several) if word]
    assert MutedWords(kept).occur_in(text, ()) == any(by_the_book(folded(text), word) for word in kept)


def by_the_book(text: str, word: str) -> bool:
    """Return whether the word occurs where it neither begins nor ends inside a word, looked at place by place."""

    def unspaced(character: str) -> bool:
        return bool(re.match("(CJK|IDEO|HIRA|KATA|HENT|BOPO|HANGUL|YI|THAI|LAO|KHMER|MYAN|TAI|NEW TAI|AHOM)",
                             unicodedata.name(character, "")))  # fmt: skip

    def letter(character: str) -> bool:
        return character == "_" or unicodedata.category(character)[0] in "LMN"

    def border(place: int) -> bool:
        if place in (0, len(text)):
            return True
        before, after = text[place - 1], text[place]
        if letter(before) and not unspaced(before):
            return not (letter(after) and not unspaced(after))
        return not unicodedata.category(after).startswith("M")

    ends = ((start, start + len(word)) for start in range(len(text) - len(word) + 1))
    return any(text[start:end] == word and border(start) and border(end) for start, end in ends)


@pytest.mark.parametrize("character", ["a", "字", "😀"])
def test_q10_a_word_has_100_characters_once_it_is_folded(character: str) -> None:
    assert rules.muted_word(character * 100) == character * 100
    with pytest.raises(InvalidArgument, match="101") as refusal:
        rules.muted_word(character * 101)
    assert refusal.value.field == "word"
    assert rules.muted_word("#" + "e\u0301" * 100) == "\u00e9" * 100
    with pytest.raises(InvalidArgument, match="102"):
        rules.muted_word("ﬁ" * 51)


@pytest.mark.parametrize("word", ["", " ", "#", "# #", "\u200b", "a\x00b", "\x1b"])
def test_q10_a_word_that_nobody_sees_is_none(word: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        rules.muted_word(word)
    assert refusal.value.field == "word"
