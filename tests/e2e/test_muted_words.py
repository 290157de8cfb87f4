"""Muted words, as a client uses them: what it mutes is gone from its feeds with the next page, and nowhere else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.nova import Nova, Person
from tests.waiting import until

pytestmark = pytest.mark.timeout(180)

MODES = ("FOLLOWING", "RANKED")
WORDS = (
    "query($first: Int, $after: String) { viewer { mutedWords(first: $first, after: $after) "
    "{ edges { node { word createdAt until } } pageInfo { hasNextPage endCursor } } } }"
)
PROFILE = "query($handle: String!) { user(handle: $handle) { postCount posts { edges { node { id } } } } }"
POST = "query($id: ID!) { post(id: $id) { caption likeCount } }"
EXPLORE = "{ explore(first: 100) { edges { node { id } } } }"


async def mute(nova: Nova, by: Person, word: str, **more: Any) -> dict[str, Any]:
    payload = await nova.do("muteWord", "mutedWord { word createdAt until }", by, word=word, **more)
    kept: dict[str, Any] = payload["mutedWord"]
    return kept


async def words(nova: Nova, by: Person, page: int = 100) -> list[dict[str, Any]]:
    return await nova.walk(WORDS, ("viewer", "mutedWords"), by, page=page)


@pytest.fixture
async def pair(nova: Nova) -> tuple[Person, Person]:
    """Somebody who reads, and whom he follows."""
    reader, writer = await nova.newcomer("reader"), await nova.newcomer("writer")
    await nova.do("followUser", "state", reader, userId=writer.id)
    return reader, writer


async def fed(nova: Nova, reader: Person, posts: set[str]) -> None:
    """Wait until events have brought the posts to the feeds."""

    async def there() -> bool:
        return all([posts <= set(await nova.feed(reader, mode)) for mode in MODES])

    await until(there, within_s=60)


async def test_a_muted_word_is_gone_from_the_next_page_and_back_on_the_one_after_it(
    nova: Nova, pair: tuple[Person, Person]
) -> None:
    reader, writer = pair
    # A ranked feed has posts of strangers too: those of this town's other people.
    captioned = await nova.publish(writer, "About the WORLD  cup")
    tagged = await nova.publish(writer, "a tag", tags=["World_Cup", "football"])
    other = await nova.publish(writer, "worldcups are another word")
    own = await nova.publish(reader, "my world cup")
    written = {captioned, tagged, other, own}
    await fed(nova, reader, written)
    await mute(nova, reader, "World Cup")
    await mute(nova, reader, "#Football")
    for mode in MODES:
        assert written.intersection(await nova.feed(reader, mode)) == {other, own}
    assert (await nova.do("unmuteWord", "word", reader, word="WORLD CUP"))["word"] == "world cup"
    for mode in MODES:
        assert written.intersection(await nova.feed(reader, mode)) == {captioned, other, own}


async def test_profiles_links_and_counts_are_not_touched(nova: Nova, pair: tuple[Person, Person]) -> None:
    reader, writer = pair
    post = await nova.publish(writer, "nothing but spoilers")
    await fed(nova, reader, {post})
    await mute(nova, reader, "spoilers")
    assert (await nova.ask(POST, {"id": post}, by=reader)).data["post"]["caption"] == "nothing but spoilers"
    profile = (await nova.ask(PROFILE, {"handle": writer.handle}, by=reader)).data["user"]
    assert profile == {"postCount": 1, "posts": {"edges": [{"node": {"id": post}}]}}


async def test_explore_leaves_out_what_is_muted(nova: Nova) -> None:
    reader, stranger = await nova.newcomer("reader"), await nova.newcomer("stranger")
    post = await nova.publish(stranger, "日本語の投稿")

    async def explored() -> bool:
        edges = (await nova.ask(EXPLORE, by=reader)).data["explore"]["edges"]
        return post in [edge["node"]["id"] for edge in edges]

    await until(explored, within_s=60)
    await mute(nova, reader, "日本")
    assert not await explored()


async def test_a_mute_ends_by_itself(nova: Nova, pair: tuple[Person, Person]) -> None:
    reader, writer = pair
    post = await nova.publish(writer, "spoilers")
    await fed(nova, reader, {post})
    ends = datetime.now(UTC) + timedelta(seconds=3)
    await mute(nova, reader, "spoilers", until=ends.isoformat())

    async def back() -> bool:
        return post in await nova.feed(reader)

    await until(back, within_s=30)
    assert datetime.now(UTC) >= ends
    assert await words(nova, reader) == []


async def test_a_client_shows_the_words_and_undoes_them(nova: Nova) -> None:
    reader = await nova.newcomer("reader")
    made = [await mute(nova, reader, f"word {number}") for number in range(5)]
    made.append(await mute(nova, reader, "#Straße", until="2039-01-01T00:00:00Z"))
    assert made[-1]["word"] == "strasse"
    assert datetime.fromisoformat(made[-1]["until"]) == datetime(2039, 1, 1, tzinfo=UTC)
    assert made[0]["until"] is None
    for page in (2, 100):
        assert await words(nova, reader, page) == made[::-1]
    for one in made:
        await nova.do("unmuteWord", "word", reader, word=one["word"])
    assert await words(nova, reader) == []


@pytest.mark.parametrize("word", ["", " # ", "a\x1bb", "字" * 101, "ﬁ" * 51])
async def test_q10_a_word_has_1_to_100_characters(nova: Nova, word: str) -> None:
    reader = await nova.newcomer("reader")
    for verb, fields in (("muteWord", "mutedWord { word }"), ("unmuteWord", "word")):
        payload = await nova.attempt(verb, fields, reader, word=word)
        assert [error["field"] for error in payload["userErrors"]] == [["word"]]


async def test_a_word_cannot_have_ended_and_201_are_too_many(nova: Nova) -> None:
    reader = await nova.newcomer("reader")
    ended = await nova.attempt(
        "muteWord", "mutedWord { word }", reader, word="war", until="2020-01-01T00:00:00Z"
    )
    assert [(error["code"], error["field"]) for error in ended["userErrors"]] == [("MUTE_ENDED", ["until"])]
    for number in range(200):
        await mute(nova, reader, f"word {number}")
    more = await nova.attempt("muteWord", "mutedWord { word }", reader, word="one more")
    told = [(error["code"], error["field"]) for error in more["userErrors"]]
    assert told == [("TOO_MANY_MUTED_WORDS", ["word"])]
    assert len(await words(nova, reader)) == 200
