"""Following: public and private accounts, ends, blocks; the ledger, the events, the answers right after."""

import asyncio
from uuid import UUID

import pytest

from nova.api.graph.v1 import graph_pb2 as pb
from nova.api.graph.v1.events_pb2 import FollowEvent
from nova.platform.errors import Conflict, Forbidden, InvalidArgument, NotFound, Unauthenticated, Unavailable
from nova.platform.ids import uuid7
from nova.policy.relations import Relation
from tests.one_room import outbox_topics
from tests.unit.graph.conftest import GraphHouse

NONE, REQUESTED, FOLLOWING = (
    pb.FOLLOW_STATE_NONE,
    pb.FOLLOW_STATE_REQUESTED,
    pb.FOLLOW_STATE_FOLLOWING,
)


async def answer(house: GraphHouse, me: UUID, user_id: UUID, *, accept: bool) -> None:
    with house.neighbourhood.as_user(me):
        if accept:
            await house.stub.AcceptFollow(pb.AcceptFollowRequest(user_id=user_id.bytes))
        else:
            await house.stub.RejectFollow(pb.RejectFollowRequest(user_id=user_id.bytes))


async def remove(house: GraphHouse, me: UUID, user_id: UUID) -> None:
    with house.neighbourhood.as_user(me):
        await house.stub.RemoveFollower(pb.RemoveFollowerRequest(user_id=user_id.bytes))


async def test_a_follow_is_seen_at_once_from_both_ends(house: GraphHouse) -> None:
    ada, kofi = house.users.people(2)
    assert await house.follow(ada, kofi) == FOLLOWING
    assert await house.relation(ada, kofi) == Relation.FOLLOWS
    assert await house.relation(kofi, ada) == Relation.FOLLOWED_BY
    assert await house.following(ada, ada) == [kofi]
    assert await house.followers(kofi, kofi) == [ada]


async def test_the_event_commits_with_the_follow(house: GraphHouse) -> None:
    ada, kofi = house.users.people(2)
    await house.follow(ada, kofi)
    rows = await house.database.primary.fetch("SELECT topic, key, payload, headers FROM outbox")
    told = FollowEvent.FromString(rows[0]["payload"])
    assert (rows[0]["topic"], rows[0]["key"]) == ("graph.follow.created", ada.bytes)
    assert (told.follower_id, told.followee_id) == (ada.bytes, kofi.bytes)
    assert told.occurred_at.ToMilliseconds() > 0
    assert "test-correlation" in rows[0]["headers"]


async def test_following_again_changes_nothing_and_tells_nobody(house: GraphHouse) -> None:
    ada, kofi = house.users.people(2)
    assert [await house.follow(ada, kofi) for _ in range(2)] == [FOLLOWING, FOLLOWING]
    assert [await house.unfollow(ada, kofi) for _ in range(2)] == [NONE, NONE]
    assert await outbox_topics(house.database) == ["graph.follow.created", "graph.follow.deleted"]


async def test_ten_follows_at_once_are_one(house: GraphHouse) -> None:
    ada, kofi = house.users.people(2)
    states = await asyncio.gather(
        *(house.follow(ada, kofi, key="the-same") for _ in range(5)),
        *(house.follow(ada, kofi) for _ in range(5)),
    )
    assert set(states) == {FOLLOWING}
    assert await outbox_topics(house.database) == ["graph.follow.created"]


async def test_many_follow_one_at_once(house: GraphHouse) -> None:
    star, *fans = house.users.people(30)
    await asyncio.gather(*(house.follow(fan, star) for fan in fans))
    assert await house.counts(star, star) == (29, 0)


async def test_one_key_has_one_body(house: GraphHouse) -> None:
    ada, kofi, mei = house.users.people(3)
    await house.follow(ada, kofi, key="k")
    with pytest.raises(Conflict) as refusal:
        await house.follow(ada, mei, key="k")
    assert refusal.value.reason == "IDEMPOTENCY_CONFLICT"
    assert await house.following(ada, ada) == [kofi]


async def test_versions_of_a_pair_rise_though_the_clock_goes_back(house: GraphHouse) -> None:
    ada, kofi = house.users.people(2)
    for _ in range(3):
        await house.follow(ada, kofi)
        house.clock.advance(-300)
        await house.unfollow(ada, kofi)
        assert await house.relation(ada, kofi) == Relation.NONE
    rows = await house.database.primary.fetch("SELECT payload FROM outbox ORDER BY seq")
    versions = [FollowEvent.FromString(row["payload"]).version for row in rows]
    assert versions == sorted(set(versions))


async def test_a4_a_request_opens_nothing_until_it_is_accepted(house: GraphHouse) -> None:
    ada, kofi, mei = house.users.people(3)
    await house.follow(mei, kofi)
    house.clock.advance(1)
    await house.tell(house.users.change(kofi, private=True))
    assert await house.follow(ada, kofi) == REQUESTED
    assert await house.relation(ada, kofi) == Relation.REQUESTED | Relation.PRIVATE
    assert await house.relation(kofi, ada) == Relation.REQUESTED_BY
    assert await house.followers(ada, kofi) == []
    assert await house.counts(ada, kofi) == (0, 0)
    assert await house.requesters(kofi) == [ada]
    await answer(house, kofi, ada, accept=True)
    assert await house.relation(ada, kofi) == Relation.FOLLOWS | Relation.PRIVATE
    assert await house.followers(ada, kofi) == [ada, mei]
    assert await house.counts(ada, kofi) == (2, 0)
    assert await house.requesters(kofi) == []
    assert (await outbox_topics(house.database))[-2:] == ["graph.request.deleted", "graph.follow.created"]


async def test_asking_again_is_asking_once(house: GraphHouse) -> None:
    ada, kofi = house.users.people(2)
    house.users.change(kofi, private=True)
    assert [await house.follow(ada, kofi) for _ in range(2)] == [REQUESTED, REQUESTED]
    assert await outbox_topics(house.database) == ["graph.request.created"]


async def test_who_is_turned_down_may_ask_again(house: GraphHouse) -> None:
    ada, kofi = house.users.people(2)
    house.users.change(kofi, private=True)
    await house.follow(ada, kofi)
    await answer(house, kofi, ada, accept=False)
    assert await house.relation(ada, kofi) == Relation.NONE
    assert await house.follow(ada, kofi) == REQUESTED


async def test_a_request_can_be_withdrawn(house: GraphHouse) -> None:
    ada, kofi = house.users.people(2)
    house.users.change(kofi, private=True)
    await house.follow(ada, kofi)
    assert await house.unfollow(ada, kofi) == NONE
    assert await house.requesters(kofi) == []
    with pytest.raises(NotFound):
        await answer(house, kofi, ada, accept=True)


async def test_a1_only_the_one_who_was_asked_can_answer(house: GraphHouse) -> None:
    ada, kofi, mei = house.users.people(3)
    house.users.change(kofi, private=True)
    await house.follow(ada, kofi)
    for me, requester in ((mei, ada), (ada, ada), (ada, kofi), (kofi, mei), (kofi, uuid7())):
        for accept in (True, False):
            with pytest.raises(NotFound) as refusal:
                await answer(house, me, requester, accept=accept)
            assert (refusal.value.reason, refusal.value.field) == ("REQUEST_NOT_FOUND", "user_id")
    assert await house.requesters(kofi) == [ada]


async def test_a_follower_can_be_removed_and_only_by_the_followed(house: GraphHouse) -> None:
    ada, kofi, mei = house.users.people(3)
    await house.follow(ada, kofi)
    await remove(house, mei, ada)
    await remove(house, ada, kofi)
    assert await house.followers(kofi, kofi) == [ada]
    await remove(house, kofi, ada)
    await remove(house, kofi, ada)
    assert await house.followers(kofi, kofi) == []
    assert await outbox_topics(house.database) == ["graph.follow.created", "graph.follow.deleted"]


async def test_a1_a_block_either_way_has_the_shape_of_nobody(house: GraphHouse) -> None:
    ada, kofi = house.users.people(2)
    house.users.block(ada, kofi)
    for me, user_id in ((ada, kofi), (kofi, ada), (ada, uuid7())):
        with pytest.raises(NotFound) as refusal:
            await house.follow(me, user_id)
        assert (refusal.value.reason, refusal.value.field) == ("USER_NOT_FOUND", "user_id")
    assert await outbox_topics(house.database) == []


async def test_a1_who_is_not_there_for_the_caller_can_be_neither_unfollowed_nor_removed(
    house: GraphHouse,
) -> None:
    ada, kofi = house.users.people(2)
    house.users.block(ada, kofi)
    for user_id in (ada, uuid7(), UUID(int=0)):
        for verb in (house.unfollow(kofi, user_id), remove(house, kofi, user_id)):
            with pytest.raises(NotFound) as refusal:
                await verb
            assert (refusal.value.reason, refusal.value.field) == ("USER_NOT_FOUND", "user_id")
    assert await house.unfollow(ada, kofi) == NONE  # who blocks still sees whom he blocks
    await remove(house, ada, kofi)
    house.users.unblock(ada, kofi)
    assert await house.unfollow(kofi, ada) == NONE
    assert await outbox_topics(house.database) == []


async def test_nobody_follows_himself(house: GraphHouse) -> None:
    (ada,) = house.users.people(1)
    with pytest.raises(InvalidArgument) as refusal:
        await house.follow(ada, ada)
    assert (refusal.value.reason, refusal.value.field) == ("ONESELF_FOLLOWED", "user_id")


async def test_a_follow_is_not_decided_without_user_and_one_that_stands_can_be_ended(
    house: GraphHouse,
) -> None:
    ada, kofi, mei = house.users.people(3)
    await house.follow(ada, mei)
    house.users.down = True
    for verb in (house.follow, house.unfollow):
        with pytest.raises(Unavailable):
            await verb(ada, kofi)
    assert await house.unfollow(ada, mei) == NONE
    assert await outbox_topics(house.database) == ["graph.follow.created", "graph.follow.deleted"]


async def test_r2_r8_callers_permissions_and_ids_are_checked(house: GraphHouse) -> None:
    ada, kofi = house.users.people(2)
    with pytest.raises(Unauthenticated):
        await house.stub.FollowUser(pb.FollowUserRequest(user_id=kofi.bytes))
    with house.neighbourhood.as_user(ada, permissions={"graph:read"}):
        for forbidden in (
            house.stub.FollowUser(pb.FollowUserRequest(user_id=kofi.bytes)),
            house.stub.UnfollowUser(pb.UnfollowUserRequest(user_id=kofi.bytes)),
            house.stub.RemoveFollower(pb.RemoveFollowerRequest(user_id=kofi.bytes)),
            house.stub.AcceptFollow(pb.AcceptFollowRequest(user_id=kofi.bytes)),
            house.stub.RejectFollow(pb.RejectFollowRequest(user_id=kofi.bytes)),
        ):
            with pytest.raises(Forbidden):
                await forbidden
    with house.neighbourhood.as_user(ada), pytest.raises(InvalidArgument) as refusal:
        await house.stub.FollowUser(pb.FollowUserRequest(user_id=b"short"))
    assert refusal.value.field == "user_id"
