"""Finding words in posts: in captions and tags, and in nothing that the caller may not see."""

import pytest

from nova.api.content.v1 import content_pb2 as pb
from nova.platform.errors import InvalidArgument
from nova.policy.relations import Relation
from tests.unit.content.conftest import ContentHouse


async def publish(
    house: ContentHouse, caption: str, *tags: str, audience: pb.Audience.ValueType = pb.AUDIENCE_EVERYONE
) -> bytes:
    request = pb.CreatePostRequest(
        caption=caption, tags=tags, content_type=pb.CONTENT_TYPE_TEXT, audience=audience
    )
    with house.neighbourhood.as_user(house.kofi):
        return (await house.stub.CreatePost(request)).post.post_id


async def find(house: ContentHouse, post_ids: list[bytes], *words: str) -> list[bytes]:
    with house.neighbourhood.as_user(house.ada):
        return list(
            (await house.stub.FindWords(pb.FindWordsRequest(post_ids=post_ids, words=words))).post_ids
        )


async def test_words_are_found_in_captions_and_in_tags(house: ContentHouse) -> None:
    captions, tags = ("At WAR, again", "warfare", "#war", "peace", "日本語"), ((), (), (), ("war",), ())
    posts = [await publish(house, caption, *of) for caption, of in zip(captions, tags, strict=True)]
    assert await find(house, posts, "war") == [posts[0], posts[2], posts[3]]
    assert await find(house, posts[::-1], "日本", "peace") == [posts[4], posts[3]]
    assert await find(house, posts, "world cup") == []


async def test_an_edit_counts_at_once(house: ContentHouse) -> None:
    post_id = await publish(house, "about war")
    with house.neighbourhood.as_user(house.kofi):
        await house.stub.EditPost(pb.EditPostRequest(post_id=post_id, caption="about peace"))
    assert await find(house, [post_id], "war") == []
    assert await find(house, [post_id], "peace") == [post_id]


async def test_nothing_is_told_of_posts_that_may_not_be_seen(house: ContentHouse) -> None:
    hidden = await publish(house, "war", audience=pb.AUDIENCE_FOLLOWERS)
    shown = await publish(house, "war")
    assert await find(house, [hidden, shown, bytes(16)], "war") == [shown]
    house.graph.set(house.ada, house.kofi, Relation.BLOCKED_BY)
    assert await find(house, [hidden, shown], "war") == []


@pytest.mark.parametrize("words", [[], ["war"] * 201, ["war", "x" * 101], ["#"], ["a\x1bb"]])
async def test_q5_words_are_1_to_200_of_1_to_100_characters(house: ContentHouse, words: list[str]) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        await find(house, [], *words)
    assert refusal.value.field == "words"
    assert await find(house, [], *(["x" * 100] * 200)) == []


async def test_q5_at_most_1000_ids(house: ContentHouse) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        await find(house, [bytes(16)] * 1001, "war")
    assert refusal.value.field == "post_ids"
