"""Whom one might follow: friends of friends, and never those who are known, blocked, muted, or unwilling."""

import math
from uuid import UUID

from nova.api.graph.v1 import graph_pb2 as pb
from nova.platform.ids import uuid7
from tests.unit.graph.conftest import GraphHouse


async def suggestions(house: GraphHouse, viewer: UUID, size: int = 0) -> list[pb.Suggestion]:
    with house.neighbourhood.as_user(viewer):
        return list((await house.stub.SuggestUsers(pb.SuggestUsersRequest(page_size=size))).suggestions)


async def suggested(house: GraphHouse, viewer: UUID, size: int = 0) -> list[UUID]:
    return [UUID(bytes=one.user_id) for one in await suggestions(house, viewer, size)]


async def around(house: GraphHouse, candidates: int, middles: int = 2) -> tuple[UUID, list[UUID], list[UUID]]:
    """Make somebody who follows `middles` people, who all follow the candidates; return all of them."""
    people = house.users.people(1 + middles + candidates)
    ada, between, beyond = people[0], people[1 : 1 + middles], people[1 + middles :]
    for middle in between:
        await house.follow(ada, middle)
        for candidate in beyond:
            await house.follow(middle, candidate)
    return ada, between, beyond


async def test_friends_of_friends_come_best_first_with_those_between(house: GraphHouse) -> None:
    ada, (one, other), (both, single) = await around(house, 2)
    await house.unfollow(other, single)
    first, second = await suggestions(house, ada)
    assert (first.user_id, second.user_id) == (both.bytes, single.bytes)
    assert (first.mutual_count, second.mutual_count) == (2, 1)
    assert set(first.mutual_ids) == {one.bytes, other.bytes}
    assert list(second.mutual_ids) == [one.bytes]
    # one follows two and is followed by ada; other follows one and is followed by ada
    assert math.isclose(first.score, 1 / math.log(3) + 1 / math.log(2))
    assert math.isclose(second.score, 1 / math.log(3))


async def test_at_most_three_of_those_between_are_named(house: GraphHouse) -> None:
    ada, between, _ = await around(house, 1, middles=5)
    (only,) = await suggestions(house, ada)
    assert only.mutual_count == 5
    assert len(set(only.mutual_ids)) == 3
    assert set(only.mutual_ids) <= {middle.bytes for middle in between}


async def test_a2_nobody_is_offered_whom_one_knows_blocks_or_mutes_or_who_does_not_want_it(
    house: GraphHouse,
) -> None:
    ada, _, beyond = await around(house, 7)
    followed, asked, blocked, blocker, muted, unwilling, left = beyond
    await house.follow(ada, followed)
    await house.tell(
        house.users.change(asked, private=True),
        house.users.block(ada, blocked),
        house.users.block(blocker, ada),
        house.users.mute(ada, muted),
        house.users.change(unwilling, suggestible=False),
    )
    await house.follow(ada, asked)
    assert await suggested(house, ada) == [left]
    await house.tell(house.users.change(unwilling, suggestible=True), house.users.unmute(ada, muted))
    assert set(await suggested(house, ada)) == {left, unwilling, muted}


async def test_somebody_hidden_is_not_walked_through(house: GraphHouse) -> None:
    ada, (one, other), (beyond,) = await around(house, 1)
    await house.tell(house.users.block(one, ada))
    (only,) = await suggestions(house, ada)
    assert (only.user_id, list(only.mutual_ids), only.mutual_count) == (beyond.bytes, [other.bytes], 1)


async def test_a_page_is_filled_though_the_best_are_unwilling(house: GraphHouse) -> None:
    ada, (_, other), beyond = await around(house, 30)
    for candidate in beyond[25:]:
        await house.unfollow(other, candidate)  # the others are better
    await house.tell(*(house.users.change(one, suggestible=False) for one in beyond[:25]))
    assert set(await suggested(house, ada, 3)) <= set(beyond[25:])
    assert len(await suggested(house, ada, 3)) == 3
    assert set(await suggested(house, ada, 50)) == set(beyond[25:])


async def test_who_follows_nobody_is_offered_nobody(house: GraphHouse) -> None:
    assert await suggestions(house, uuid7()) == []
