"""What is Neo4j's own: what it is asked to keep in order, many writers at once, and a server that restarts."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from random import Random
from typing import Final
from uuid import UUID

import pytest

from nova.native.graph import Adjacency, Edge
from nova.platform.clock import SystemClock
from nova.platform.engine_knobs import Neo4jUrl
from nova.platform.errors import Timeout, Unavailable
from nova.platform.ids import uuid7
from nova.platform.neo4j import Neo4j
from nova.services.graph.model import EdgeBatch, UserId
from nova.services.graph.store.neo4j import FollowsInNeo4j
from tests.contract.test_graph_network import PEOPLE, content_hash
from tests.own_engine import OwnEngine
from tests.real import on_neo4j
from tests.waiting import running, until

# A server takes seconds to start, and this one does so twice.
pytestmark = [on_neo4j, pytest.mark.timeout(400)]
LEDGER = uuid7()
FOLLOWS = 20
FOR_MINUTES: Final = (
    "UNWIND range(1, 1000000) AS one UNWIND range(1, 1000000) AS other RETURN sum(one * other)"
)


@pytest.fixture(scope="module")
async def engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OwnEngine]:
    engine = OwnEngine("neo4j", tmp_path_factory.mktemp("neo4j"), port=87)
    await engine.start()
    yield engine
    engine.kill()


@pytest.fixture
async def server(engine: OwnEngine) -> AsyncIterator[Neo4j]:
    """A client with all the time that it needs to be planned for, and little for a server that is away."""
    neo4j = Neo4j(Neo4jUrl(f"bolt://{engine.address}"), clock=SystemClock(), ask_s=60.0, run_s=60.0)
    yield neo4j
    await neo4j.aclose()


@pytest.fixture
async def follows(server: Neo4j) -> FollowsInNeo4j:
    follows = FollowsInNeo4j(server)
    await follows.claim(LEDGER)
    await follows.empty()
    return follows


def news(source: UserId, target: UserId, version: int, *, ended: bool = False) -> EdgeBatch:
    return EdgeBatch(
        sources=source.bytes, targets=target.bytes, at_ms=[version], versions=[version], ended=[ended]
    )


@pytest.mark.usefixtures("follows")
async def test_people_and_ledgers_are_unique_and_found_by_an_index(server: Neo4j) -> None:
    """On a server that was empty: a constraint that is not there would let two writers make one person twice."""
    wanted = [[["Ledger"], ["name"]], [["User"], ["id"]]]
    constraints = "SHOW CONSTRAINTS YIELD type, labelsOrTypes, properties WHERE type ENDS WITH 'UNIQUENESS'"
    found = await server.run(f"{constraints} RETURN labelsOrTypes, properties ORDER BY labelsOrTypes", {})
    assert found == wanted
    indexes = (
        "SHOW INDEXES YIELD labelsOrTypes, properties, state, type WHERE state = 'ONLINE' AND type = 'RANGE'"
    )
    found = await server.run(f"{indexes} RETURN labelsOrTypes, properties ORDER BY labelsOrTypes", {})
    assert found == wanted


async def test_x2_of_many_who_write_one_pair_at_once_the_newest_wins(
    server: Neo4j, follows: FollowsInNeo4j
) -> None:
    one, other = PEOPLE[:2]
    told = [news(one, other, version, ended=version % 3 == 0) for version in range(1, 11)] * 2
    Random(7).shuffle(told)
    await asyncio.gather(*map(follows.put, told[:10]))
    await asyncio.gather(*map(follows.put, told[10:]))
    assert await server.run("MATCH ()-[edge]->() RETURN type(edge), edge.version", {}) == [["FOLLOWS", 10]]
    assert await server.run("MATCH (user:User) RETURN count(*)", {}) == [[2]]


async def test_fault_a_server_that_is_killed_and_comes_back_has_all_that_it_took(
    engine: OwnEngine, server: Neo4j, follows: FollowsInNeo4j
) -> None:
    people = [UserId(UUID(int=number)) for number in range(1, FOLLOWS + 2)]
    halfway, done = asyncio.Event(), asyncio.Event()
    wanted = Adjacency()

    async def write() -> None:
        """Tell a chain of follows, as the consumer does: what is not taken is told again."""
        for place in range(FOLLOWS):
            batch = news(people[place], people[place + 1], 1)
            wanted.put(Edge.FOLLOW, batch.sources, batch.targets, at_ms=batch.at_ms, versions=batch.versions)
            await until(partial(taken, follows, batch), within_s=200, every_s=0.1)
            if place == FOLLOWS // 2:
                halfway.set()
        done.set()

    async with running(write()):
        await asyncio.wait_for(halfway.wait(), 60)
        engine.kill()
        with pytest.raises((Unavailable, Timeout)):
            await follows.path(people[0], people[1], max_depth=1, exclude=b"")
        await engine.start()
        await until(done.is_set, within_s=200)
    assert await content_hash(follows) == wanted.content_hash()
    assert await follows.claim(LEDGER) is False
    await follows.set_whole(whole=True)
    await follows.warm()
    found = await follows.path(people[0], people[4], max_depth=4, exclude=b"")
    assert found == b"".join(one.bytes for one in people[:5])


async def test_fault_a_transaction_that_the_server_ends_is_no_error_of_its_statement(
    server: Neo4j, follows: FollowsInNeo4j
) -> None:
    """Its driver would not try again."""
    asked = asyncio.ensure_future(server.ask(FOR_MINUTES, {}))
    await until(partial(busy, server, 1), within_s=60, every_s=0.1)
    await server.run(
        "SHOW TRANSACTIONS YIELD transactionId AS id, currentQuery WHERE currentQuery = $query "
        "TERMINATE TRANSACTIONS id YIELD message RETURN message",
        {"query": FOR_MINUTES},
    )
    with pytest.raises(Unavailable, match=r"Neo\.ClientError\.Transaction\.Terminated"):
        await asked
    await follows.warm()


async def test_fault_a_server_that_is_stopped_in_good_order_is_away_for_all_that_it_is_doing(
    engine: OwnEngine, server: Neo4j, follows: FollowsInNeo4j
) -> None:
    one, other = PEOPLE[:2]
    await follows.put(news(one, other, 1))
    await follows.set_whole(whole=True)

    async def read() -> None:
        while True:
            await follows.path(one, other, max_depth=1, exclude=b"")

    async def write() -> None:
        while True:
            await follows.put(news(other, one, 1))

    doing = [server.ask(FOR_MINUTES, {}), server.run(FOR_MINUTES, {}), read(), write(), write()]
    tasks = [asyncio.ensure_future(one) for one in doing]
    await until(partial(busy, server, 2), within_s=60, every_s=0.1)
    await engine.stop()
    refused = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(error, (Unavailable, Timeout)) for error in refused), refused
    await engine.start()
    await follows.warm()
    assert await follows.path(one, other, max_depth=1, exclude=b"") == one.bytes + other.bytes


async def busy(server: Neo4j, count: int) -> bool:
    """Return whether so many that take minutes have begun."""
    asked = "SHOW TRANSACTIONS YIELD currentQuery WHERE currentQuery = $query RETURN currentQuery"
    return len(await server.run(asked, {"query": FOR_MINUTES})) == count


async def taken(follows: FollowsInNeo4j, batch: EdgeBatch) -> bool:
    try:
        await follows.put(batch)
    except (Unavailable, Timeout):
        return False
    return True
