"""Who sees which post: one by one, in lists and in counts, which agree for every viewer."""

from uuid import UUID

import pytest

from nova.api.content.v1 import content_pb2 as pb
from nova.platform.errors import NotFound, Unavailable
from nova.platform.ids import uuid7
from nova.policy.relations import Relation
from tests.unit.content.conftest import ContentHouse

AUDIENCES = (pb.AUDIENCE_EVERYONE, pb.AUDIENCE_FOLLOWERS, pb.AUDIENCE_CHOSEN)


async def publish(house: ContentHouse, author: UUID, audience: pb.Audience.ValueType, *chosen: UUID) -> bytes:
    request = pb.CreatePostRequest(
        caption="a post",
        content_type=pb.CONTENT_TYPE_TEXT,
        audience=audience,
        audience_user_ids=[person.bytes for person in chosen],
    )
    with house.neighbourhood.as_user(author):
        return (await house.stub.CreatePost(request)).post.post_id


async def walk(house: ContentHouse, viewer: UUID, author: UUID, page_size: int = 2) -> list[bytes]:
    """Return the ids of all posts of `author` that `viewer` meets, page by page."""
    found: list[bytes] = []
    token = b""
    with house.neighbourhood.as_user(viewer):
        while True:
            page = await house.stub.ListPostsByAuthor(
                pb.ListPostsByAuthorRequest(author_id=author.bytes, page_size=page_size, page_token=token)
            )
            found += [post.post_id for post in page.posts]
            token = page.next_page_token
            if not token:
                return found


async def count(house: ContentHouse, viewer: UUID, author: UUID) -> int:
    with house.neighbourhood.as_user(viewer):
        return (await house.stub.CountPosts(pb.CountPostsRequest(author_ids=[author.bytes]))).counts[0]


async def get(house: ContentHouse, viewer: UUID, *post_ids: bytes) -> list[bytes]:
    with house.neighbourhood.as_user(viewer):
        return [
            post.post_id for post in (await house.stub.GetPosts(pb.GetPostsRequest(post_ids=post_ids))).posts
        ]


@pytest.mark.parametrize(
    ("relation", "seen"),
    [
        (Relation.NONE, 1),
        (Relation.FOLLOWS, 2),
        (Relation.REQUESTED, 1),
        (Relation.PRIVATE, 0),
        (Relation.PRIVATE | Relation.REQUESTED, 0),
        (Relation.PRIVATE | Relation.FOLLOWS, 2),
        (Relation.BLOCKS | Relation.FOLLOWS, 0),
        (Relation.BLOCKED_BY | Relation.FOLLOWS, 0),
        (Relation.MUTES, 1),
    ],
)
async def test_a2_lists_counts_and_single_posts_agree(
    house: ContentHouse, relation: Relation, seen: int
) -> None:
    posts = [await publish(house, house.ada, audience) for audience in AUDIENCES[:2]]
    posts.append(await publish(house, house.ada, pb.AUDIENCE_CHOSEN, uuid7()))
    house.graph.set(house.kofi, house.ada, relation)
    assert await count(house, house.kofi, house.ada) == seen
    assert await walk(house, house.kofi, house.ada) == posts[:seen][::-1]
    assert await get(house, house.kofi, *posts) == posts[:seen]
    assert await count(house, house.ada, house.ada) == len(await walk(house, house.ada, house.ada)) == 3


async def test_the_chosen_see_what_they_were_chosen_for(house: ContentHouse) -> None:
    post = await publish(house, house.ada, pb.AUDIENCE_CHOSEN, house.kofi)
    assert await walk(house, house.kofi, house.ada) == [post] == await get(house, house.kofi, post)
    assert await count(house, house.kofi, house.ada) == 1
    house.graph.set(house.kofi, house.ada, Relation.BLOCKED_BY)
    assert await walk(house, house.kofi, house.ada) == await get(house, house.kofi, post) == []


async def test_q8_hidden_deleted_and_unknown_look_the_same(house: ContentHouse) -> None:
    hidden = await publish(house, house.ada, pb.AUDIENCE_FOLLOWERS)
    deleted = await publish(house, house.ada, pb.AUDIENCE_EVERYONE)
    with house.neighbourhood.as_user(house.ada):
        await house.stub.DeletePost(pb.DeletePostRequest(post_id=deleted))
    refusals = set()
    for post_id in (hidden, deleted, uuid7().bytes):
        assert await get(house, house.kofi, post_id) == []
        with house.neighbourhood.as_user(house.kofi), pytest.raises(NotFound) as refusal:
            await house.stub.DeletePost(pb.DeletePostRequest(post_id=post_id))
        refusals.add((refusal.value.reason, refusal.value.message))
    assert len(refusals) == 1


async def test_a_page_of_twenty_asks_graph_once(house: ContentHouse) -> None:
    authors = [uuid7() for _ in range(20)]
    posts = [await publish(house, author, pb.AUDIENCE_EVERYONE) for author in authors]
    house.graph.calls = 0
    assert await get(house, house.kofi, *posts) == posts
    assert house.graph.calls == 1


async def test_without_graph_nothing_is_shown(house: ContentHouse) -> None:
    post = await publish(house, house.ada, pb.AUDIENCE_EVERYONE)
    house.graph.down = True
    with pytest.raises(Unavailable):
        await get(house, house.kofi, post)


async def test_a2_counts_equal_lists_for_every_relation(house: ContentHouse) -> None:
    for audience in AUDIENCES:
        chosen = (house.kofi,) if audience == pb.AUDIENCE_CHOSEN else ()
        for _ in range(3):
            await publish(house, house.ada, audience, *chosen)
    for bits in range(256):
        house.graph.set(house.kofi, house.ada, Relation(bits))
        walked = await walk(house, house.kofi, house.ada, page_size=4)
        assert await count(house, house.kofi, house.ada) == len(walked) == len(set(walked)), Relation(bits)
