"""What the people say keeps to Nova's own rules, in eight tongues, and reads as if somebody had written it."""

import random
import re
from collections import Counter

import pytest

from nova.app.world.language import LANGUAGES, cast, interests, language
from nova.app.world.model import ContentType, World
from nova.app.world.texts import caption_of, comment_of, reply_of
from nova.policy import rules

HAN, KANA, HANGUL = (
    re.compile(r"[\u4e00-\u9fff]"),
    re.compile(r"[\u3040-\u30ff]"),
    re.compile(r"[\uac00-\ud7af]"),
)


def test_handles_names_and_bios_are_what_sign_up_would_take(world: World) -> None:
    for person in world.people:
        assert rules.handle(person.handle) == person.handle
        assert rules.display_name(person.display_name) == person.display_name
        assert rules.bio(person.bio) == person.bio
        assert rules.email(person.email) == person.email
    assert len({person.handle for person in world.people}) == len(world.people)
    assert len({person.email for person in world.people}) == len(world.people)


def test_captions_tags_and_comments_are_what_the_api_would_take(world: World) -> None:
    for post in world.posts:
        assert rules.caption(post.caption) == post.caption
        assert rules.tags(post.tags) == post.tags
    assert all(0 < len(comment.text) <= 300 for comment in world.comments)


def test_no_slot_is_left_open(world: World) -> None:
    texts = [person.bio for person in world.people]
    texts += [post.caption for post in world.posts]
    texts += [comment.text for comment in world.comments]
    assert not [text for text in texts if "{" in text or "}" in text]


def test_every_tongue_is_spoken_in_its_own_script(world: World) -> None:
    assert {person.language for person in world.people} == set(LANGUAGES)
    for code, script in (("zh-TW", HAN), ("ja", KANA), ("ko", HANGUL)):
        posts = [post for post in world.posts if post.language == code]
        assert len(posts) > 50
        assert sum(script.search(post.caption) is not None for post in posts) / len(posts) > 0.9
        people = [person for person in world.people if person.language == code]
        assert all(re.search(r"[^\x00-\x7f]", person.display_name) for person in people)


def test_captions_seldom_repeat(world: World) -> None:
    captions = Counter(post.caption for post in world.posts)
    assert len(captions) > 0.8 * len(world.posts)
    assert max(captions.values()) < 40


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_tongue_has_enough_to_say(code: str) -> None:
    words = language(code)
    lines = sum(len(topic.lines) for topic in words.topics.values())
    assert len(words.captions) + len(words.thoughts) + lines >= 40
    assert len(words.comments) >= 40
    assert len(words.bios) >= 25
    assert min(len(words.given), len(words.family)) >= 40
    assert set(words.topics) == set(interests())
    assert len({spelt for _, spelt in words.given}) == len(words.given)


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_phrase_of_a_tongue_can_be_filled(code: str) -> None:
    words, rng = language(code), random.Random(5)
    for interest in interests():
        for shape in ContentType:
            for _ in range(60):
                assert rules.caption(caption_of(words, interest, (interest, "cats", "tea"), shape, rng))
        for turn in range(60):
            assert comment_of(words, interest, rng, asking=turn % 2 == 0)
            assert reply_of(words, interest, rng, by_author=turn % 2 == 0, to_question=turn % 3 == 0)


def test_a_slot_that_opens_a_sentence_gets_a_capital() -> None:
    words, rng = language("en"), random.Random(5)
    captions = [caption_of(words, "tea", ("tea", "chess"), ContentType.IMAGE, rng) for _ in range(500)]
    assert not [caption for caption in captions if re.search(r"^[a-z]", caption)]


def test_main_characters_speak_of_known_things() -> None:
    for member in cast():
        assert rules.handle(member.handle)
        assert member.language in LANGUAGES
        assert set(member.interests) <= set(interests())
    assert cast()[0].handle == "ada"


def test_tags_of_interests_and_tongues_are_valid() -> None:
    for tags in (*(row.tags for row in interests().values()), *(language(code).tags for code in LANGUAGES)):
        assert rules.tags(tags) == tags
