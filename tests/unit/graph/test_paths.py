"""Chains of follows that the caller could walk himself, held against a plain search."""

from itertools import pairwise
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nova.api.graph.v1 import graph_pb2 as pb
from tests.unit.graph.conftest import GraphHouse


async def path(house: GraphHouse, viewer: UUID, source: UUID, target: UUID, max_depth: int = 0) -> list[UUID]:
    with house.neighbourhood.as_user(viewer):
        answer = await house.stub.FindPath(
            pb.FindPathRequest(from_user_id=source.bytes, to_user_id=target.bytes, max_depth=max_depth)
        )
    return [UUID(bytes=user_id) for user_id in answer.user_ids]


async def chain(house: GraphHouse, *people: UUID) -> None:
    for one, other in pairwise(people):
        await house.follow(one, other)


async def test_a_shortest_chain_is_found_within_its_depth(house: GraphHouse) -> None:
    ada, b, c, d, e, f = house.users.people(6)
    await chain(house, ada, b, c, d, e, f)
    assert await path(house, ada, ada, e) == [ada, b, c, d, e]
    assert await path(house, ada, ada, f) == []  # five follows away; the default is four
    assert await path(house, ada, ada, f, max_depth=5) == [ada, b, c, d, e, f]
    await chain(house, b, f)
    assert await path(house, ada, ada, f) == [ada, b, f]
    assert await path(house, ada, ada, ada) == [ada]
    assert await path(house, ada, f, ada) == []


async def test_a_chain_passes_nobody_hidden(house: GraphHouse) -> None:
    ada, b, c, d, e = house.users.people(5)
    await chain(house, ada, b, c)
    await chain(house, ada, d, e, c)
    await house.tell(house.users.block(b, ada))
    assert await path(house, ada, ada, c) == [ada, d, e, c]
    assert await path(house, ada, ada, b) == []
    assert await path(house, ada, b, c) == []


async def test_a4_a_chain_passes_no_list_that_is_closed(house: GraphHouse) -> None:
    ada, b, c, d, e, f = house.users.people(6)
    await chain(house, ada, d, b, c)
    await chain(house, ada, e, f, b)
    await house.tell(house.users.change(b, private=True))
    assert await path(house, ada, ada, b) == [ada, d, b]  # that d follows b is on d's open list
    assert await path(house, ada, ada, c) == []  # that b follows c is not for ada to see
    assert await path(house, b, ada, c) == [ada, d, b, c]
    await house.tell(house.users.change(ada, private=True))
    assert await path(house, ada, ada, b) == [ada, d, b]
    assert await path(house, e, ada, b) == []


PEOPLE = 7
follows = st.sets(st.tuples(st.integers(0, PEOPLE - 1), st.integers(0, PEOPLE - 1)), min_size=6, max_size=20)


def walked(
    edges: set[tuple[int, int]], closed: set[int], source: int, target: int, max_depth: int
) -> int | None:
    """Return how many people are on a shortest chain whose lists are open, by a plain search."""
    reached, frontier = {source}, {source}
    for depth in range(1, max_depth + 2):
        if target in frontier:
            return depth
        frontier = {b for a, b in edges if a in frontier and a not in closed} - reached
        reached |= frontier
    return None


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edges=follows, private=st.sets(st.integers(0, PEOPLE - 1)), max_depth=st.integers(1, 6))
async def test_a_chain_is_as_short_as_a_plain_search_finds_it(
    house: GraphHouse, edges: set[tuple[int, int]], private: set[int], max_depth: int
) -> None:
    people = house.users.people(PEOPLE)
    viewer, source = PEOPLE - 1, 0
    edges = {(a, b) for a, b in edges if a != b} | {(0, 1), (1, 2), (2, 3)}
    for a, b in sorted(edges):
        await house.follow(people[a], people[b])
    if private:
        await house.tell(*(house.users.change(people[one], private=True) for one in private))
    closed = {one for one in private if (viewer, one) not in edges and one != viewer}
    for target in range(PEOPLE):
        found = await path(house, people[viewer], people[source], people[target], max_depth)
        assert (len(found) or None) == walked(edges, closed, source, target, max_depth)
        numbers = [people.index(user_id) for user_id in found]
        assert set(pairwise(numbers)) <= edges
