"""X2, X3: what graph hears in any order, and what it does while the clock is set, end in the truth."""

import random
from dataclasses import replace
from itertools import cycle, permutations
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nova.api.graph.v1.events_pb2 import FollowEvent
from nova.platform.events import Event, Received
from nova.platform.ids import uuid7
from nova.policy.relations import Relation
from tests.unit.graph.conftest import GraphHouse, record_of

FIVE_MINUTES_S = 300
PEOPLE = 3
acts = st.lists(
    st.tuples(
        st.sampled_from(["block", "lift", "private"]), st.integers(0, PEOPLE - 1), st.integers(0, PEOPLE - 1)
    ),
    max_size=12,
)


def happened(house: GraphHouse, people: list[UUID], what: str, one: int, other: int) -> Event | None:
    """Return the event of something that happens, or None where it cannot."""
    users, pair = house.users, (people[one], people[other])
    if what == "private":
        return users.change(people[one], private=not users.private[people[one]])
    if one == other or (what == "lift" and pair not in users.blocks):
        return None
    return users.block(*pair) if what == "block" else users.unblock(*pair)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=acts, seed=st.integers(0, 2**32))
async def test_x2_news_of_users_in_any_order_and_twice_end_in_the_truth(
    house: GraphHouse, acts: list[tuple[str, int, int]], seed: int
) -> None:
    chance, people = random.Random(seed), house.users.people(PEOPLE)
    for one, other in permutations(people, 2):
        await house.follow(one, other)
    opened = [house.users.opened(user_id) for user_id in people]
    told = opened + [
        event for what, one, other in acts if (event := happened(house, people, what, one, other))
    ]
    # Under another id it is not filtered as a duplicate: the version alone has to tell.
    again = [replace(event, id=uuid7()) for event in chance.sample(told, len(told) // 2)]
    for event in chance.sample(told + again, len(told) + len(again)):
        await house.consumer.deliver([record_of(event)])
    rows = await house.database.primary.fetch(
        "SELECT user_id, is_private, version FROM people WHERE user_id = any($1)", people
    )
    known = {row["user_id"]: (row["is_private"], row["version"]) for row in rows}
    for user_id in people:
        # Who opened a public account and changed nothing may be known by that alone, with version 0.
        assert known[user_id] in {(house.users.private[user_id], house.users.versions[user_id]), (False, 0)}
        assert known[user_id][0] is house.users.private[user_id]
    rows = await house.database.primary.fetch("SELECT * FROM blocks WHERE user_id = any($1)", people)
    blocks = {(row["user_id"], row["blocked_id"]): (row["lifted"], row["version"]) for row in rows}
    truth = {pair: (tie.lifted, tie.version) for pair, tie in house.users.blocks.items() if pair[0] in people}
    assert blocks == truth
    rows = await house.database.primary.fetch(
        "SELECT follower_id, followee_id FROM follows WHERE ended_at IS NULL AND follower_id = any($1)",
        people,
    )
    parted = {frozenset(pair) for pair in truth}
    assert {tuple(row) for row in rows} == {
        pair for pair in permutations(people, 2) if frozenset(pair) not in parted
    }


@pytest.mark.parametrize("acts", [5, 6])
async def test_x3_order_by_sequence_never_by_clock(house: GraphHouse, acts: int) -> None:
    ada, kofi = house.users.people(2)
    for act, step_s in zip(
        range(acts), cycle([-FIVE_MINUTES_S, FIVE_MINUTES_S, -FIVE_MINUTES_S]), strict=False
    ):
        await (house.unfollow if act % 2 else house.follow)(ada, kofi)
        house.clock.step(step_s)
    rows = await house.database.primary.fetch("SELECT topic, payload FROM outbox ORDER BY seq")
    versions = [FollowEvent.FromString(row["payload"]).version for row in rows]
    assert versions == sorted(set(versions))
    stands = Relation.FOLLOWS if acts % 2 else Relation.NONE
    projection = house.projection._projection
    for order in (rows, rows[::-1]):
        with house.projection._network.loading():
            pass  # from nothing
        for row in order:
            value = projection._topics[row["topic"]].message.FromString(row["payload"])
            event = Received(
                id=uuid7(),
                topic=row["topic"],
                key=ada.bytes,
                value=value,
                emitted_at=house.clock.now(),
                headers={},
            )
            await projection._handlers[row["topic"]]([event])
        assert await house.relation(ada, kofi) == stands
    await house.settle()
    assert (await house.projection.verify()).equal
