"""Publishing: what is kept, what is refused, and what the others hear of it."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from nova.api.content.v1 import content_pb2 as pb
from nova.api.content.v1.events_pb2 import PostCreatedEvent
from nova.platform.errors import Conflict, Forbidden, IdempotencyConflict, InvalidArgument, Unauthenticated
from tests.one_room import outbox_topics
from tests.unit.content.conftest import ContentHouse

TEXT = pb.CONTENT_TYPE_TEXT
IMAGE = pb.CONTENT_TYPE_IMAGE


def picture(number: int = 1) -> pb.MediaLink:
    return pb.MediaLink(url=f"https://example.org/{number}.jpg", width=640, height=480, alt_text="a pond")


async def test_a_post_comes_back_as_it_was_written(house: ContentHouse) -> None:
    with house.neighbourhood.as_user(house.ada):
        created = await house.stub.CreatePost(
            pb.CreatePostRequest(
                caption="早安 🌅", content_type=IMAGE, tags=["dawn", "Taipei"], media=[picture()]
            )
        )
        (read,) = (await house.stub.GetPosts(pb.GetPostsRequest(post_ids=[created.post.post_id]))).posts
    assert read == created.post
    assert (read.caption, list(read.tags), read.media[0]) == ("早安 🌅", ["dawn", "Taipei"], _kind(picture()))
    assert read.author_id == house.ada.bytes
    assert read.audience == pb.AUDIENCE_EVERYONE


async def test_the_event_is_in_the_outbox_with_the_post(house: ContentHouse) -> None:
    with house.neighbourhood.as_user(house.ada):
        created = await house.stub.CreatePost(
            pb.CreatePostRequest(caption="hello", content_type=TEXT, tags=["a"])
        )
    (row,) = await house.database.primary.fetch("SELECT topic, key, payload FROM outbox")
    event = PostCreatedEvent.FromString(row["payload"])
    assert (row["topic"], row["key"]) == ("content.post.created", house.ada.bytes)
    assert (event.post_id, event.caption, list(event.tags)) == (created.post.post_id, "hello", ["a"])


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("caption", {"caption": "x" * 2001}),
        ("caption", {"caption": " "}),
        ("tags", {"tags": [f"t{number}" for number in range(31)]}),
        ("tags", {"tags": ["with-dash"]}),
        ("tags", {"tags": ["line\n"]}),
        ("media_urls", {"media": [picture(number) for number in range(11)]}),
        ("media_urls", {"media": [pb.MediaLink(url="javascript:alert(1)")]}),
        ("media_urls", {"content_type": IMAGE}),
        ("content_type", {"content_type": 0}),
        ("content_type", {"content_type": 99}),
        ("audience", {"audience": 99}),
        ("audience_user_ids", {"audience": pb.AUDIENCE_CHOSEN}),
        ("audience_user_ids", {"audience_user_ids": [b"short"]}),
    ],
)
async def test_r8_a_broken_rule_names_its_field_and_writes_nothing(
    house: ContentHouse, field: str, wrong: Mapping[str, Any]
) -> None:
    request = pb.CreatePostRequest(**{"caption": "fine", "content_type": TEXT, **wrong})
    with house.neighbourhood.as_user(house.ada), pytest.raises(InvalidArgument) as refusal:
        await house.stub.CreatePost(request)
    assert refusal.value.field == field
    assert await house.database.primary.fetchval("SELECT count(*) FROM post_authors") == 0
    assert await outbox_topics(house.database) == []


async def test_limits_hold_from_the_other_side_too(house: ContentHouse) -> None:
    with house.neighbourhood.as_user(house.ada):
        created = await house.stub.CreatePost(
            pb.CreatePostRequest(
                caption="字" * 2000,
                content_type=pb.CONTENT_TYPE_CAROUSEL,
                tags=[f"t{number}" for number in range(30)],
                media=[picture(number) for number in range(10)],
            )
        )
    assert (len(created.post.caption), len(created.post.tags), len(created.post.media)) == (2000, 30, 10)


async def test_the_same_key_makes_one_post(house: ContentHouse) -> None:
    request = pb.CreatePostRequest(caption="once", content_type=TEXT)
    with house.neighbourhood.as_user(house.ada, key="key-1"):
        answers = await asyncio.gather(*(house.stub.CreatePost(request) for _ in range(10)))
        with pytest.raises(Conflict) as refusal:
            await house.stub.CreatePost(pb.CreatePostRequest(caption="twice", content_type=TEXT))
    assert {answer.post.post_id for answer in answers} == {answers[0].post.post_id}
    assert refusal.value.reason == IdempotencyConflict().reason
    assert await house.database.primary.fetchval("SELECT count(*) FROM posts") == 1
    assert await outbox_topics(house.database) == ["content.post.created"]


async def test_publishing_needs_a_caller_who_may(house: ContentHouse) -> None:
    request = pb.CreatePostRequest(caption="hello", content_type=TEXT)
    with pytest.raises(Unauthenticated):
        await house.stub.CreatePost(request)
    with house.neighbourhood.as_user(house.ada, permissions={"content:read"}), pytest.raises(Forbidden):
        await house.stub.CreatePost(request)


def _kind(link: pb.MediaLink) -> pb.MediaLink:
    kinded = pb.MediaLink()
    kinded.CopyFrom(link)
    kinded.kind = pb.MEDIA_KIND_IMAGE
    return kinded
