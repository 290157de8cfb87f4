"""What walks along follows promises, whichever engine keeps them; and that the verbs answer alike on both."""

import math
from collections.abc import AsyncIterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from typing import TypeAlias
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nova.native.graph import Adjacency, Candidates, Edge
from nova.native.ids import pack, split, unpack
from nova.platform.auth.actor import Actor
from nova.platform.clock import FixedClock
from nova.platform.db.database import Database
from nova.platform.engine_knobs import Neo4jUrl
from nova.platform.ids import uuid7
from nova.platform.neo4j import Neo4j
from nova.policy.permissions import MEMBER_PERMISSIONS
from nova.services.graph.model import EdgeBatch, FlagBatch, UserId
from nova.services.graph.network import Network, People
from nova.services.graph.service.reading import Reading
from nova.services.graph.service.suggesting import Suggesting
from nova.services.graph.store.ledger import Ledger
from nova.services.graph.store.neo4j import FollowsInNeo4j, Neo4jLost, NotClaimed, NotOurs
from nova.services.graph.walks import SteadyWalks, Walks, WalksInMemory
from tests.native.reference_graph import PlainAdjacency
from tests.one_room import room_database
from tests.real import emptied_neo4j, on_neo4j
from tests.scratch import Scratch

PEOPLE = [UserId(UUID(int=(at << 64) | (9 - at))) for at in range(7)]
CLOCK = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))

Pair: TypeAlias = tuple[int, int]
one_of_them = st.integers(0, len(PEOPLE) - 1)
pairs = st.tuples(one_of_them, one_of_them).filter(lambda pair: pair[0] != pair[1])
graphs = st.lists(pairs, unique=True, max_size=20)
few = st.lists(pairs, unique=True, max_size=3)
some = st.sets(one_of_them, max_size=3)
slow_fixture = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def batch(edges: Sequence[Pair], *, ended: bool = False, version: int = 1) -> EdgeBatch:
    """Return edges, each newer than the one before."""
    return EdgeBatch(
        sources=pack(PEOPLE[one] for one, _ in edges),
        targets=pack(PEOPLE[other] for _, other in edges),
        at_ms=list(range(len(edges))),
        versions=[version] * len(edges),
        ended=[ended] * len(edges),
    )


def flags(people: AbstractSet[int]) -> FlagBatch:
    return FlagBatch(users=pack(PEOPLE[one] for one in people), versions=[1] * len(people))


class Engine:
    """An engine under test. The network beside it is what the verbs judge by."""

    def __init__(self, neo4j: FollowsInNeo4j | None) -> None:
        self.network = Network()
        self.memory = WalksInMemory(self.network, CLOCK)
        self.neo4j = neo4j

    @property
    def walks(self) -> Walks:
        return self.neo4j or self.memory

    async def hold(self, follows: Sequence[Pair], ended: Sequence[Pair] = ()) -> People:
        """Hold these follows and no others; those that ended were there."""
        with self.network.loading() as people:
            people.put(Edge.FOLLOW, batch(follows))
            people.drop(Edge.FOLLOW, batch(ended, ended=True, version=2))
        if self.neo4j is not None:
            await self.neo4j.empty()
            await self.neo4j.put(batch(follows))
            await self.neo4j.put(batch(ended, ended=True, version=2))
            await self.neo4j.set_whole(whole=True)
        return people


@pytest.fixture
async def neo4j() -> AsyncIterator[FollowsInNeo4j]:
    async with emptied_neo4j() as server:
        follows = FollowsInNeo4j(server)
        await follows.claim(uuid7())
        yield follows


@pytest.fixture(params=["memory", pytest.param("neo4j", marks=on_neo4j)])
def engine(request: pytest.FixtureRequest) -> Engine:
    return Engine(request.getfixturevalue("neo4j") if request.param == "neo4j" else None)


async def path(walks: Walks, source: int, target: int, *, max_depth: int = 4, without: set[int]) -> list[int]:
    exclude = pack(PEOPLE[one] for one in without)
    found = await walks.path(PEOPLE[source], PEOPLE[target], max_depth=max_depth, exclude=exclude)
    return [PEOPLE.index(UserId(one)) for one in unpack(found)]


def plain(follows: Sequence[Pair]) -> PlainAdjacency:
    reference = PlainAdjacency()
    for at_ms, (one, other) in enumerate(follows):
        reference.put(Edge.FOLLOW, PEOPLE[one].bytes, PEOPLE[other].bytes, at_ms, 1)
    return reference


async def test_a_path_is_found_within_its_depth(engine: Engine) -> None:
    await engine.hold([(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6)])
    assert await path(engine.walks, 0, 4, without=set()) == [0, 1, 2, 3, 4]
    assert await path(engine.walks, 0, 5, without=set()) == []
    assert await path(engine.walks, 0, 6, max_depth=6, without=set()) == [0, 1, 2, 3, 4, 5, 6]
    assert await path(engine.walks, 4, 0, max_depth=6, without=set()) == []
    assert await path(engine.walks, 3, 3, without=set()) == [3]


async def test_a_path_passes_nobody_excluded_at_its_ends_neither(engine: Engine) -> None:
    await engine.hold([(0, 1), (1, 2), (0, 3), (3, 4), (4, 2)])
    assert await path(engine.walks, 0, 2, without=set()) == [0, 1, 2]
    assert await path(engine.walks, 0, 2, without={1}) == [0, 3, 4, 2]
    for nobody in ({0}, {2}, {1, 3}):
        assert await path(engine.walks, 0, 2, without=nobody) == []
    assert await path(engine.walks, 3, 3, without={3}) == []


async def test_what_has_ended_is_not_walked(engine: Engine) -> None:
    await engine.hold([(0, 1), (1, 2), (1, 3)], ended=[(1, 2)])
    assert await path(engine.walks, 0, 2, without=set()) == []
    found = await engine.walks.candidates(PEOPLE[0], k=10, exclude=b"")
    assert unpack(found.ids) == [PEOPLE[3]]
    assert math.isclose(found.scores[0], 1 / math.log(2))  # the ended follow is in no degree


async def test_people_without_follows_are_answered_with_nothing(engine: Engine) -> None:
    await engine.hold([])
    assert await path(engine.walks, 0, 1, without=set()) == []
    found = await engine.walks.candidates(PEOPLE[0], k=10, exclude=b"")
    assert (found.ids, len(found.scores), len(found.mutuals)) == (b"", 0, 0)


@slow_fixture
@given(follows=graphs, ends=st.tuples(one_of_them, one_of_them), depth=st.integers(1, 6), without=some)
async def test_a_path_is_a_shortest_one(
    engine: Engine, follows: list[Pair], ends: Pair, depth: int, without: set[int]
) -> None:
    await engine.hold(follows)
    found = await path(engine.walks, *ends, max_depth=depth, without=without)
    distances = plain(follows).distances(PEOPLE[ends[0]].bytes, [PEOPLE[one].bytes for one in without])
    distance = distances.get(PEOPLE[ends[1]].bytes, depth + 1)
    assert len(found) == (distance + 1 if distance <= depth else 0)
    if found:
        assert (found[0], found[-1]) == ends
        assert set(pairwise(found)) <= set(follows)
        assert not without & set(found)


@slow_fixture
@given(follows=graphs, viewer=st.integers(0, 6), without=some, k=st.integers(1, 6))
async def test_candidates_are_the_best_at_two_steps(
    engine: Engine, follows: list[Pair], viewer: int, without: set[int], k: int
) -> None:
    await engine.hold(follows)
    exclude = [PEOPLE[one].bytes for one in without]
    found = await engine.walks.candidates(PEOPLE[viewer], k=k, exclude=b"".join(exclude))
    wanted = plain(follows).candidates(PEOPLE[viewer].bytes, 0, exclude)
    assert_best(found, wanted, k)


def assert_best(found: Candidates, wanted: list[tuple[float, int, bytes]], k: int) -> None:
    """Compare; people whose scores are equal but for the last bits may have changed places."""
    known = {user: (score, mutuals) for score, mutuals, user in wanted}
    assert len(found.scores) == min(k, len(wanted))
    for place, user in enumerate(split(found.ids)):
        score, mutuals = known[user]
        assert math.isclose(found.scores[place], score)
        assert math.isclose(found.scores[place], wanted[place][0])
        assert found.mutuals[place] == mutuals


@dataclass
class Asked:
    """The verbs, on one engine."""

    reading: Reading
    suggesting: Suggesting

    async def all_of(self, viewer: int) -> tuple[list[int], list[tuple[UserId, float, int]]]:
        """Return the lengths of paths to everybody, and who is suggested."""
        who = actor(PEOPLE[viewer])
        lengths = [
            len(await self.reading.path(who, PEOPLE[viewer], target, max_depth=4)) for target in PEOPLE
        ]
        suggested = await self.suggesting.suggest(who, limit=10)
        return lengths, sorted((one.user_id, round(one.score, 9), one.mutual_count) for one in suggested)


def actor(user_id: UserId) -> Actor:
    return Actor(
        user_id=user_id, session_id=uuid7(), roles=frozenset({"member"}), permissions=MEMBER_PERMISSIONS,
        token="",
    )  # fmt: skip


@pytest.fixture
async def database(scratch: Scratch) -> AsyncIterator[Database]:
    async with room_database(scratch, "graph") as database:
        yield database


def asked(engine: Engine, walks: Walks, database: Database) -> Asked:
    return Asked(
        reading=Reading(network=engine.network, walks=walks, ledger=Ledger(database), clock=CLOCK),
        suggesting=Suggesting(network=engine.network, walks=walks, clock=CLOCK),
    )


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What decides who may see whom."""

    blocks: Sequence[Pair] = ()
    mutes: Sequence[Pair] = ()
    requests: Sequence[Pair] = ()
    private: AbstractSet[int] = frozenset()
    unsuggested: AbstractSet[int] = frozenset()

    def tell(self, people: People) -> None:
        """Have memory know them."""
        people.put(Edge.BLOCK, batch(self.blocks))
        people.put(Edge.MUTE, replace(batch(self.mutes), at_ms=[0] * len(self.mutes)))
        people.put(Edge.REQUEST, batch(self.requests))
        people.set_private(flags(self.private), [True] * len(self.private))
        people.set_suggestible(flags(self.unsuggested), [False] * len(self.unsuggested))


async def test_a4_hidden_people_are_on_no_path_and_in_no_suggestion(
    engine: Engine, database: Database
) -> None:
    people = await engine.hold([(0, 1), (1, 2), (1, 3), (1, 4), (1, 5), (1, 6), (2, 5), (3, 5)])
    Terms(blocks=[(2, 0), (0, 3)], mutes=[(0, 4)], requests=[(0, 6)], private={6}, unsuggested={5}).tell(
        people
    )
    verbs = asked(engine, engine.walks, database)
    lengths, suggested = await verbs.all_of(0)
    assert lengths == [1, 2, 0, 0, 3, 3, 3]
    assert suggested == []
    Terms(private={1}).tell(people)
    assert (await verbs.all_of(3))[0] == [0, 0, 0, 1, 0, 2, 0]
    assert (await verbs.all_of(2))[0] == [0, 0, 1, 0, 0, 2, 0]
    assert (await verbs.all_of(0))[0] == [1, 2, 0, 0, 3, 3, 3]  # who follows a private account walks his list


@on_neo4j
@slow_fixture
@given(
    follows=graphs,
    terms=st.builds(Terms, blocks=few, mutes=few, requests=few, private=some, unsuggested=some),
)
async def test_a4_the_verbs_answer_alike_on_neo4j_and_in_memory(
    neo4j: FollowsInNeo4j, database: Database, follows: list[Pair], terms: Terms
) -> None:
    engine = Engine(neo4j)
    terms.tell(await engine.hold(follows))
    outside, memory = (asked(engine, walks, database) for walks in (neo4j, engine.memory))
    for viewer in range(3):
        assert await outside.all_of(viewer) == await memory.all_of(viewer)


news = st.lists(st.tuples(pairs, st.integers(1, 5), st.booleans()), max_size=20)


@on_neo4j
@slow_fixture
@given(told=news, shuffled=st.randoms(use_true_random=False))
async def test_x2_neo4j_takes_news_in_any_order_and_twice(
    neo4j: FollowsInNeo4j, told: list[tuple[Pair, int, bool]], shuffled: Random
) -> None:
    await neo4j.empty()
    wanted = Adjacency()
    for (one, other), version, ended in told:
        if ended:
            wanted.drop(Edge.FOLLOW, PEOPLE[one].bytes, PEOPLE[other].bytes, versions=version)
        else:
            wanted.put(Edge.FOLLOW, PEOPLE[one].bytes, PEOPLE[other].bytes, at_ms=version, versions=version)
    again = shuffled.sample(told, len(told)) + told[: len(told) // 2]
    for part in (again[: len(again) // 2], again[len(again) // 2 :]):
        await neo4j.put(
            EdgeBatch(
                sources=pack(PEOPLE[one] for (one, _), _, _ in part),
                targets=pack(PEOPLE[other] for (_, other), _, _ in part),
                at_ms=[version for _, version, _ in part],
                versions=[version for _, version, _ in part],
                ended=[ended for *_, ended in part],
            )
        )
    assert await content_hash(neo4j) == wanted.content_hash()


async def content_hash(neo4j: FollowsInNeo4j) -> bytes:
    found = Adjacency()
    async for page in neo4j.follows():
        found.put(Edge.FOLLOW, page.sources, page.targets, at_ms=page.at_ms, versions=page.versions)
    return found.content_hash()


@on_neo4j
async def test_neo4j_answers_nothing_before_it_is_whole_and_memory_does(neo4j: FollowsInNeo4j) -> None:
    engine = Engine(neo4j)
    await engine.hold([(0, 1), (1, 2)])
    steady = SteadyWalks(neo4j, engine.memory)
    await neo4j.set_whole(whole=False)
    assert await path(neo4j, 0, 2, without=set()) == []
    assert (await neo4j.candidates(PEOPLE[0], k=3, exclude=b"")).ids == b""
    assert await path(steady, 0, 2, without=set()) == [0, 1, 2]
    assert (await steady.candidates(PEOPLE[0], k=3, exclude=b"")).ids == PEOPLE[2].bytes


@on_neo4j
async def test_a_chain_of_which_a_part_has_ended_is_not_shown(neo4j: FollowsInNeo4j) -> None:
    engine = Engine(neo4j)
    people = await engine.hold([(0, 1), (1, 2), (0, 3), (3, 4), (4, 2)])
    people.drop(Edge.FOLLOW, batch([(1, 2)], version=2))  # Neo4j has not heard of it
    assert await path(neo4j, 0, 2, without=set()) == [0, 1, 2]
    assert await path(SteadyWalks(neo4j, engine.memory), 0, 2, without=set()) == [0, 3, 4, 2]


@on_neo4j
async def test_fault_a_lost_neo4j_is_asked_nothing_until_it_is_warm_again(neo4j: FollowsInNeo4j) -> None:
    engine = Engine(neo4j)
    await engine.hold([(0, 1), (1, 2)])
    steady = SteadyWalks(neo4j, engine.memory)
    server = neo4j._neo4j
    neo4j._neo4j = Neo4j(Neo4jUrl("bolt://127.0.0.1:9"), clock=CLOCK, ask_s=60.0)
    assert await path(steady, 0, 2, without=set()) == [0, 1, 2]
    await neo4j._neo4j.aclose()
    neo4j._neo4j = server
    await neo4j.lost()
    with pytest.raises(Neo4jLost):
        await path(neo4j, 0, 2, without=set())
    assert await path(steady, 0, 2, without=set()) == [0, 1, 2]
    await neo4j.warm()
    assert await path(neo4j, 0, 2, without=set()) == [0, 1, 2]


@on_neo4j
async def test_a_neo4j_of_another_ledger_is_neither_read_nor_written(neo4j: FollowsInNeo4j) -> None:
    await neo4j.put(batch([(0, 1)]))
    stranger = FollowsInNeo4j(neo4j._neo4j)
    with pytest.raises(NotOurs):
        await stranger.claim(uuid7())
    for refused in (stranger.put(batch([(1, 2)])), stranger.empty(), path(stranger, 0, 1, without=set())):
        with pytest.raises(NotClaimed):
            await refused
    assert [page.sources async for page in neo4j.follows()] == [PEOPLE[0].bytes]
