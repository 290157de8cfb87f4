"""Likes: once each, counted exactly, told once, and seen only by who may."""

import asyncio

import pytest

from nova.api.social.v1 import social_pb2 as pb
from nova.api.social.v1.events_pb2 import LikeEvent
from nova.platform.errors import Conflict, Forbidden, InvalidArgument, NotFound, Unauthenticated
from nova.platform.ids import uuid7
from tests.one_room import outbox_topics
from tests.unit.social.conftest import SocialHouse


async def test_a_like_is_counted_listed_and_told(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    state = await house.like(house.kofi, post_id)
    assert (state.like_count, state.viewer_has_liked) == (1, True)
    assert await house.state(house.kofi, post_id) == state
    assert await house.likers(house.ada, post_id) == [house.kofi.bytes]
    assert not (await house.state(house.ada, post_id)).viewer_has_liked
    (row,) = await house.database.primary.fetch("SELECT topic, key, payload FROM outbox")
    event = LikeEvent.FromString(row["payload"])
    assert (row["topic"], row["key"]) == ("social.like.created", post_id)
    assert (event.user_id, event.post_id, event.author_id) == (
        house.kofi.bytes,
        post_id,
        house.ada.bytes,
    )
    assert event.occurred_at == event.reacted_at


async def test_liking_again_changes_nothing_and_tells_nobody(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    first = await house.like(house.kofi, post_id)
    house.clock.advance(60)
    assert await house.like(house.kofi, post_id) == first
    assert await outbox_topics(house.database) == ["social.like.created"]


async def test_taking_a_like_back_undoes_it_and_says_what_it_was(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    await house.like(house.kofi, post_id)
    house.clock.advance(60)
    for _ in range(2):
        state = await house.unlike(house.kofi, post_id)
        assert (state.like_count, state.viewer_has_liked) == (0, False)
    assert await house.likers(house.kofi, post_id) == []
    assert await outbox_topics(house.database) == ["social.like.created", "social.like.deleted"]
    (created,) = map(LikeEvent.FromString, await house.events("social.like.created"))
    (deleted,) = map(LikeEvent.FromString, await house.events("social.like.deleted"))
    assert deleted.reacted_at == created.occurred_at
    assert deleted.occurred_at.seconds == created.occurred_at.seconds + 60


async def test_ten_likes_at_once_leave_one_like_and_one_event(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    states = await asyncio.gather(*(house.like(house.kofi, post_id) for _ in range(10)))
    assert {state.like_count for state in states} == {1}
    assert await house.rows("likes") == 1
    assert len(await house.events("social.like.created")) == 1


async def test_likes_and_unlikes_of_many_at_once_leave_exact_counts(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    people = [uuid7() for _ in range(12)]
    await asyncio.gather(*(house.like(person, post_id) for person in people))
    await asyncio.gather(
        *(house.unlike(person, post_id) for person in people[::3]),
        *(house.like(person, post_id) for person in people),
    )
    likers = await house.likers(house.ada, post_id)
    assert (await house.state(house.ada, post_id)).like_count == len(likers) == len(set(likers))
    created, deleted = [await house.events(f"social.like.{what}") for what in ("created", "deleted")]
    assert len(created) - len(deleted) == len(likers)


async def test_the_same_key_gives_the_first_answer(house: SocialHouse) -> None:
    post_id, other = house.post(house.ada), house.post(house.ada)
    first = await house.like(house.kofi, post_id, "key-1")
    await house.like(house.mei, post_id)
    assert await house.like(house.kofi, post_id, "key-1") == first
    with pytest.raises(Conflict) as refusal:
        await house.like(house.kofi, other, "key-1")
    assert refusal.value.reason == "IDEMPOTENCY_CONFLICT"


async def test_a1_hidden_deleted_and_unknown_posts_look_the_same(house: SocialHouse) -> None:
    hidden, blocked = house.post(house.ada), house.post(house.mei)
    house.world.hidden.add((house.kofi, hidden))
    house.world.blocks.add((house.mei, house.kofi))
    refusals = set()
    for post_id in (hidden, blocked, uuid7().bytes):
        verbs = (house.like, house.unlike, house.share, house.unshare, house.comment, house.likers)
        for verb in verbs:
            with pytest.raises(NotFound) as refusal:
                await verb(house.kofi, post_id)
            refusals.add((refusal.value.reason, refusal.value.message))
        assert await house.states(house.kofi, post_id) == []
        assert await house.thread(house.kofi, post_id=post_id) == []
    assert len(refusals) == 1
    assert await house.rows("likes", "shares", "comments", "outbox") == 0


async def test_a4_who_may_no_longer_see_a_post_reads_nothing_of_it(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    await house.like(house.kofi, post_id)
    comment = await house.comment(house.kofi, post_id)
    house.world.hidden.add((house.kofi, post_id))
    assert await house.states(house.kofi, post_id) == []
    assert await house.comments(house.kofi, comment.comment_id) == []
    for verb in (house.like, house.unlike, house.likers):
        with pytest.raises(NotFound):
            await verb(house.kofi, post_id)


async def test_the_newest_likers_come_first_page_by_page(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    people = [uuid7() for _ in range(7)]
    for number, person in enumerate(people):
        await house.like(person, post_id)
        if number % 2:
            house.clock.advance(1)
    newest = await house.likers(house.ada, post_id, page_size=100)
    assert set(newest) == {person.bytes for person in people}
    assert newest[0] == people[-1].bytes
    for page_size in (1, 2, 3, 7):
        assert await house.likers(house.ada, post_id, page_size=page_size) == newest


async def test_q7_a_broken_token_is_refused(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    with house.neighbourhood.as_user(house.kofi):
        for token in (b"x", b"\x7f" * 24, bytes(25)):
            with pytest.raises(InvalidArgument) as refusal:
                await house.stub.ListLikers(pb.ListLikersRequest(post_id=post_id, page_token=token))
            assert refusal.value.field == "page_token"


async def test_reacting_needs_a_caller_who_may(house: SocialHouse) -> None:
    post_id = house.post(house.ada)
    with pytest.raises(Unauthenticated):
        await house.stub.LikePost(pb.LikePostRequest(post_id=post_id))
    with house.neighbourhood.as_user(house.kofi, permissions={"social:read"}):
        for call in (
            house.stub.LikePost(pb.LikePostRequest(post_id=post_id)),
            house.stub.SharePost(pb.SharePostRequest(post_id=post_id)),
            house.stub.AddComment(pb.AddCommentRequest(post_id=post_id, text="hello")),
        ):
            with pytest.raises(Forbidden):
                await call
    with house.neighbourhood.as_user(house.kofi, permissions={"social:write:own"}):
        for read in (
            house.stub.GetPostStates(pb.GetPostStatesRequest(post_ids=[post_id])),
            house.stub.ListLikers(pb.ListLikersRequest(post_id=post_id)),
            house.stub.ListComments(pb.ListCommentsRequest(post_ids=[post_id])),
        ):
            with pytest.raises(Forbidden):
                await read


@pytest.mark.parametrize("size", [-1, 101])
async def test_r8_page_sizes_and_ids_are_checked(house: SocialHouse, size: int) -> None:
    post_id = house.post(house.ada)
    with house.neighbourhood.as_user(house.kofi):
        for field, call in (
            ("page_size", house.stub.ListLikers(pb.ListLikersRequest(post_id=post_id, page_size=size))),
            (
                "page_size",
                house.stub.ListComments(pb.ListCommentsRequest(post_ids=[post_id], page_size=size)),
            ),
            ("post_id", house.stub.LikePost(pb.LikePostRequest(post_id=b"short"))),
            ("post_ids", house.stub.GetPostStates(pb.GetPostStatesRequest(post_ids=[post_id] * 201))),
        ):
            with pytest.raises(InvalidArgument) as refusal:
                await call
            assert refusal.value.field == field
