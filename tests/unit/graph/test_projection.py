"""The adjacency against its truth: loaded, followed, verified; unknown rather than wrong."""

import random
from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nova.api.graph.v1 import graph_pb2 as pb
from nova.native.graph import Edge
from nova.platform.clock import unix_ms
from nova.platform.errors import Unavailable
from nova.platform.events import Event, Received
from nova.policy.relations import Relation
from nova.services.graph import events
from nova.services.graph.model import Follow, UserId
from nova.services.graph.network import People
from nova.services.graph.projection import LATE
from nova.services.graph.store.ledger import Ledger
from nova.services.graph.store.tx import GraphWriter
from tests.unit.graph.conftest import GraphHouse, OpenHouse
from tests.unit.graph.known_users import START
from tests.waiting import until


async def lived(house: GraphHouse) -> list[UUID]:
    """Let some people do everything that there is to do."""
    people = house.users.people(6)
    ada, kofi, mei, noor, omar, pia = people
    for me, user_id in ((ada, kofi), (kofi, ada), (mei, ada), (noor, ada), (omar, pia)):
        await house.follow(me, user_id)
    await house.tell(house.users.change(pia, private=True), house.users.change(mei, suggestible=False))
    await house.follow(ada, pia)
    await house.unfollow(noor, ada)
    await house.tell(
        house.users.block(kofi, mei),
        house.users.block(mei, noor),
        house.users.mute(ada, omar),
        house.users.mute(ada, kofi, house.clock.now()),
        house.users.change(pia, private=True),
    )
    await house.tell(house.users.unblock(mei, noor))
    return people


async def seen(house: GraphHouse, people: list[UUID]) -> list[list[Relation]]:
    return [await house.relations(viewer, *people) for viewer in people]


async def test_what_follows_events_equals_what_is_loaded(house: GraphHouse, open_house: OpenHouse) -> None:
    people = await lived(house)
    another = await open_house(users=house.users)
    assert await seen(another, people) == await seen(house, people)
    assert (await house.projection.verify()).equal
    assert (await another.projection.verify()).equal


async def test_other_processes_follow(house: GraphHouse, open_house: OpenHouse) -> None:
    another = await open_house(users=house.users)
    people = await lived(house)
    await another.projection.caught_up()
    assert await seen(another, people) == await seen(house, people)
    verification = await another.projection.verify()
    assert verification.equal
    assert verification.in_use == verification.from_truth


async def test_verify_sees_what_is_not_in_the_ledger(house: GraphHouse) -> None:
    ada, kofi = house.users.people(2)
    await house.follow(ada, kofi)
    await house.settle()
    assert (await house.projection.verify()).equal
    await house.database.primary.fetch("DELETE FROM follows")
    verification = await house.projection.verify()
    assert not verification.equal
    assert verification.in_use != verification.from_truth


async def test_verify_sees_who_is_not_to_be_suggested(house: GraphHouse) -> None:
    (ada,) = house.users.people(1)
    house.users.change(ada, suggestible=False)  # graph was not told
    assert not (await house.projection.verify()).equal


async def test_fault_user_is_away_at_the_start_nothing_is_answered_until_it_is_back(
    open_house: OpenHouse,
) -> None:
    house = await open_house(start=False)
    ada, kofi, mei = house.users.people(3)
    await house.follow(ada, kofi)
    house.users.block(kofi, mei)
    house.users.down = True
    await house.projection.start()
    assert not await house.health.is_ready()
    with house.neighbourhood.as_user(mei):
        for call in (
            house.stub.GetRelations(pb.GetRelationsRequest(subject_ids=[kofi.bytes])),
            house.stub.GetHidden(pb.GetHiddenRequest()),
            house.stub.ListFollowers(pb.ListFollowersRequest(user_id=kofi.bytes)),
            house.stub.GetFollowCounts(pb.GetFollowCountsRequest(user_ids=[kofi.bytes])),
            house.stub.FindPath(pb.FindPathRequest(from_user_id=mei.bytes, to_user_id=kofi.bytes)),
            house.stub.SuggestUsers(pb.SuggestUsersRequest()),
        ):
            with pytest.raises(Unavailable) as refusal:
                await call
            assert refusal.value.reason == "GRAPH_LOADING"
    asked = house.users.asked
    await until(lambda: house.users.asked > asked)  # it tries again by itself
    house.users.down = False
    await until(house.health.is_ready)
    assert await house.relation(mei, kofi) == Relation.BLOCKED_BY
    assert await house.relation(ada, kofi) == Relation.FOLLOWS


async def test_fault_feeds_go_on_by_the_ledger_while_the_graph_is_loading(open_house: OpenHouse) -> None:
    house = await open_house(start=False)
    ada, kofi, mei, noor = house.users.people(4)
    for user_id in (kofi, mei, noor):
        house.clock.advance(1)
        assert await house.follow(ada, user_id) == pb.FOLLOW_STATE_FOLLOWING
    await house.unfollow(ada, mei)
    with house.neighbourhood.as_user(ada):
        packed = (await house.stub.GetFollowing(pb.GetFollowingRequest())).user_ids
    assert packed == noor.bytes + kofi.bytes
    async with GraphWriter(house.database).transaction() as tx:
        await tx.execute("INSERT INTO blocks VALUES ($1, $2, false, 1)", kofi, ada)
    with house.neighbourhood.as_user(ada):
        assert (await house.stub.GetFollowing(pb.GetFollowingRequest())).user_ids == noor.bytes


async def test_writes_without_an_adjacency_are_found_by_the_load(open_house: OpenHouse) -> None:
    house = await open_house(start=False)
    ada, kofi = house.users.people(2)
    await house.follow(ada, kofi)
    await house.projection.start()
    assert await house.relation(ada, kofi) == Relation.FOLLOWS
    assert (await house.projection.verify()).equal


async def test_a_ledger_of_several_pages_is_loaded_whole(house: GraphHouse) -> None:
    people = [UserId(user_id) for user_id in house.users.people(8)]
    now = house.clock.now()
    pairs = [(one, other) for one in people for other in people if one != other]
    follows = [
        Follow(follower_id=one, followee_id=other, since=now, version=unix_ms(now)) for one, other in pairs
    ]
    async with GraphWriter(house.database).transaction() as tx:
        assert len(await tx.add_follows(follows)) == len(pairs)
        ended = await tx.end_follows(pairs[:5], now)
        assert all(follow.version == unix_ms(now) + 1 for follow in ended)
    for rows_a_page in (1, 7, 56, 1000):
        loaded = People()
        async for page in Ledger(house.database, rows_a_page=rows_a_page).follows(ended_since=0):
            loaded.load(Edge.FOLLOW, page)
        sizes = loaded.adjacency.sizes()
        assert (sizes["follows"], sizes["tombstones"]) == (len(pairs) - 5, 5)
    recent = unix_ms(now + LATE)
    loaded = People()
    async for page in Ledger(house.database).follows(ended_since=recent):
        loaded.load(Edge.FOLLOW, page)
    assert loaded.adjacency.sizes()["tombstones"] == 0


async def test_x2_a_follow_that_ended_is_not_raised_by_a_late_event(
    house: GraphHouse, open_house: OpenHouse
) -> None:
    ada, kofi = house.users.people(2)
    await house.follow(ada, kofi)
    await house.unfollow(ada, kofi)
    another = await open_house(users=house.users)  # loaded before the events are published
    await another.settle()
    assert await another.relation(ada, kofi) == Relation.NONE


PEOPLE = 4
acts = st.lists(
    st.tuples(
        st.sampled_from(["follow", "end", "block", "lift", "mute", "unmute", "private", "unsuggested"]),
        st.integers(0, PEOPLE - 1),
        st.integers(0, PEOPLE - 1),
    ),
    max_size=20,
)


def happened(house: GraphHouse, people: list[UUID], what: str, one: int, other: int) -> Event | None:
    """Return the event of something that happens, or None where it cannot."""
    users, me, user_id = house.users, people[one], people[other]
    pair = (me, user_id)
    if what == "private":
        return users.change(me, private=not users.private[me])
    if what == "unsuggested":
        return users.change(me, suggestible=not users.suggestible[me])
    if one == other or (what == "lift" and pair not in users.blocks):
        return None
    if what == "unmute" and pair not in users.mutes:
        return None
    follow = Follow(
        follower_id=UserId(me), followee_id=UserId(user_id), since=START, version=next(users.clock)
    )
    happening: dict[str, Callable[[], Event]] = {
        "follow": lambda: events.follow_created(follow),
        "end": lambda: events.follow_deleted(follow, START),
        "block": lambda: users.block(*pair),
        "lift": lambda: users.unblock(*pair),
        "mute": lambda: users.mute(*pair),
        "unmute": lambda: users.unmute(*pair),
    }
    return happening[what]()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=acts, seed=st.integers(0, 2**32))
async def test_x2_events_in_any_order_and_twice_end_in_the_same_state(
    house: GraphHouse, acts: list[tuple[str, int, int]], seed: int
) -> None:
    people = house.users.people(PEOPLE)
    told = [event for what, one, other in acts if (event := happened(house, people, what, one, other))]
    prints = []
    for shuffled in (told, random.Random(seed).sample(told, len(told)) + told[: len(told) // 2]):
        with house.projection._network.loading():
            pass  # from nothing
        for event in shuffled:
            topic = house.projection._projection._topics[event.topic]
            received = Received(
                id=event.id,
                topic=event.topic,
                key=event.key,
                value=topic.message.FromString(event.payload),
                emitted_at=event.emitted_at,
                headers={},
            )
            await house.projection._projection._handlers[event.topic]([received])
        prints.append(house.projection._network.people().adjacency.content_hash())
    assert prints[0] == prints[1]
