"""What user tells, and what follows from it: blocks end follows, public accounts accept, late news changes nothing."""

import asyncio
from itertools import permutations
from uuid import UUID

import pytest

from nova.api.graph.v1 import graph_pb2 as pb
from nova.platform.errors import NotFound
from nova.policy.relations import Relation
from tests.one_room import outbox_topics
from tests.unit.graph.conftest import GraphHouse, record_of


async def standing(house: GraphHouse) -> set[tuple[UUID, UUID]]:
    """Return the follows that stand in the ledger."""
    rows = await house.database.primary.fetch(
        "SELECT follower_id, followee_id FROM follows WHERE ended_at IS NULL"
    )
    return {(row["follower_id"], row["followee_id"]) for row in rows}


async def test_a_block_ends_follows_and_requests_both_ways(house: GraphHouse) -> None:
    ada, kofi, mei = house.users.people(3)
    await house.follow(kofi, ada)
    await house.follow(mei, ada)
    house.users.change(kofi, private=True)
    await house.follow(ada, kofi)
    await house.tell(house.users.block(ada, kofi))
    assert await standing(house) == {(mei, ada)}
    assert await house.relation(ada, kofi) == Relation.BLOCKS
    assert await house.relation(kofi, ada) == Relation.BLOCKED_BY
    assert await house.requesters(kofi) == []
    assert await house.followers(mei, ada) == [mei]


async def test_what_a_block_ended_is_told_with_its_correlation_id(house: GraphHouse) -> None:
    ada, kofi = house.users.people(2)
    await house.follow(kofi, ada)
    await house.settle()
    event = house.users.block(ada, kofi)
    await house.consumer.deliver([record_of(event)])
    rows = await house.database.primary.fetch("SELECT topic, key, headers FROM outbox")
    assert [(row["topic"], row["key"]) for row in rows] == [("graph.follow.deleted", kofi.bytes)]
    assert "of-user.block.created" in rows[0]["headers"]


async def test_a_lifted_block_gives_no_follow_back_and_lets_follow_again(house: GraphHouse) -> None:
    ada, kofi = house.users.people(2)
    await house.follow(kofi, ada)
    await house.tell(house.users.block(ada, kofi))
    await house.tell(house.users.unblock(ada, kofi))
    assert await house.relation(kofi, ada) == Relation.NONE
    await house.follow(kofi, ada)
    assert await house.relation(kofi, ada) == Relation.FOLLOWS


@pytest.mark.parametrize("order", list(permutations(range(2))))
async def test_x2_news_of_a_block_that_comes_after_a_newer_follow_does_not_end_it(
    house: GraphHouse, order: tuple[int, ...]
) -> None:
    ada, kofi = house.users.people(2)
    await house.follow(kofi, ada)
    await house.follow(ada, kofi)
    late = [house.users.block(ada, kofi), house.users.unblock(ada, kofi)]
    await house.follow(kofi, ada)  # decided on the truth: the block is lifted
    assert await standing(house) == {(kofi, ada)}
    await house.tell(*(late[place] for place in order))
    assert await standing(house) == {(kofi, ada)}
    assert await house.relation(kofi, ada) == Relation.FOLLOWS


async def test_x2_a_lifted_block_heard_of_before_its_making_ends_follows_once(house: GraphHouse) -> None:
    ada, kofi = house.users.people(2)
    await house.follow(kofi, ada)
    made, lifted = house.users.block(ada, kofi), house.users.unblock(ada, kofi)
    await house.tell(lifted)
    await house.tell(made)
    assert await standing(house) == set()
    assert await house.relation(kofi, ada) == Relation.NONE
    assert len(await house.log.read("graph.follow.deleted", limit=10)) == 1


async def test_ten_deliveries_of_a_block_end_a_follow_once(house: GraphHouse) -> None:
    ada, kofi = house.users.people(2)
    await house.follow(kofi, ada)
    record = record_of(house.users.block(ada, kofi))
    await asyncio.gather(*(house.consumer.deliver([record]) for _ in range(10)))
    assert await outbox_topics(house.database) == ["graph.follow.created", "graph.follow.deleted"]


async def test_a_follow_decided_while_the_block_is_heard_does_not_survive_it(house: GraphHouse) -> None:
    """Whichever takes the pair first, the other sees it: no follow stands under a block."""
    pairs = [house.users.people(2) for _ in range(8)]

    async def follow(me: UUID, user_id: UUID) -> None:
        try:
            await house.follow(me, user_id)
        except NotFound:
            return

    async def block(one: UUID, other: UUID) -> None:
        await house.consumer.deliver([record_of(house.users.block(one, other))])

    await asyncio.gather(*(act for one, other in pairs for act in (follow(one, other), block(other, one))))
    assert await standing(house) == set()


async def test_going_public_accepts_everyone_who_asked(house: GraphHouse) -> None:
    star, other, *fans = house.users.people(7)
    await house.tell(house.users.change(star, private=True), house.users.change(other, private=True))
    for fan in fans:
        await house.follow(fan, star)
        await house.follow(fan, other)
    await house.tell(house.users.change(star, private=False))
    assert set(await house.followers(star, star)) == set(fans)
    assert await house.requesters(star) == []
    assert await house.followers(other, other) == []
    assert set(await house.requesters(other)) == set(fans)


async def test_x2_late_news_of_a_private_account_hides_nothing(house: GraphHouse) -> None:
    ada, kofi = house.users.people(2)
    private, public = house.users.change(kofi, private=True), house.users.change(kofi, private=False)
    await house.tell(public)
    await house.tell(private)
    assert await house.relation(ada, kofi) == Relation.NONE
    assert await house.follow(ada, kofi) == pb.FOLLOW_STATE_FOLLOWING


async def test_a_request_decided_before_the_account_went_public_is_accepted_by_the_news(
    house: GraphHouse,
) -> None:
    ada, kofi = house.users.people(2)
    house.users.change(kofi, private=True)
    assert await house.follow(ada, kofi) == pb.FOLLOW_STATE_REQUESTED
    public = house.users.change(kofi, private=False)
    assert await house.follow(ada, kofi) == pb.FOLLOW_STATE_FOLLOWING
    await house.tell(public)
    assert await house.requesters(kofi) == []
    assert await house.followers(kofi, kofi) == [ada]


async def test_a_new_account_is_known_and_public(house: GraphHouse) -> None:
    (ada,) = house.users.people(1)
    await house.tell(house.users.opened(ada), house.users.opened(ada))
    rows = await house.database.primary.fetch("SELECT user_id, is_private FROM people")
    assert [(row["user_id"], row["is_private"]) for row in rows] == [(ada, False)]


async def test_mutes_are_told_to_the_one_who_mutes_only(house: GraphHouse) -> None:
    ada, kofi = house.users.people(2)
    await house.tell(house.users.mute(ada, kofi))
    assert await house.relation(ada, kofi) == Relation.MUTES
    assert await house.relation(kofi, ada) == Relation.NONE
    await house.tell(house.users.unmute(ada, kofi))
    assert await house.relation(ada, kofi) == Relation.NONE


async def test_x1_an_event_that_makes_no_sense_stops_nothing(house: GraphHouse) -> None:
    ada, kofi = house.users.people(2)
    broken = house.users.mute(ada, ada)  # nobody can mute himself
    await house.tell(broken, house.users.mute(ada, kofi))
    assert await house.relation(ada, kofi) == Relation.MUTES
