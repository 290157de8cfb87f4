"""The room with a Neo4j beside it: fed by the ledger's events, loaded from the ledger, and done without."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import pytest

from nova.platform.config import Config
from nova.platform.consumer import Consumer
from nova.platform.engine_knobs import Engines, Neo4jUrl
from nova.platform.errors import Unavailable
from nova.platform.ids import uuid7
from nova.platform.neo4j import Neo4j
from nova.platform.projection import Behind
from nova.services.graph.model import UserId
from nova.services.graph.projection_neo4j import Neo4jProjection
from nova.services.graph.store.neo4j import LEAST_VERSION, FollowsInNeo4j, NotOurs
from nova.services.graph.walks import FROM_MEMORY
from tests.bolt import PlayedNeo4j
from tests.real import ENGINES, emptied_neo4j, on_neo4j
from tests.unit.graph.conftest import CONFIG, GraphHouse, OpenHouse
from tests.unit.graph.test_paths import path
from tests.unit.graph.test_suggest import suggested
from tests.waiting import running, until

NOBODY_THERE: Final = "bolt://127.0.0.1:9"


def beside(url: str) -> Config:
    return replace(CONFIG, engines=Engines(neo4j_url=Neo4jUrl(url)))


@pytest.fixture
async def neo4j() -> AsyncIterator[Neo4j]:
    async with emptied_neo4j() as server:
        yield server


def projection_of(house: GraphHouse) -> Neo4jProjection:
    projection = house.room.projections["graph.neo4j"]
    assert isinstance(projection, Neo4jProjection)
    return projection


@asynccontextmanager
async def fed(house: GraphHouse) -> AsyncIterator[Neo4jProjection]:
    """Run the consumer of Neo4j beside the block, whose start has all follows that there are now."""
    projection = projection_of(house)
    async with running(house.room.consumers[1].run()):
        await house.settle()
        await projection.caught_up(60.0)
        yield projection


def from_memory(walk: str, why: str) -> float:
    counted: float = FROM_MEMORY.labels(walk, why)._value.get()
    return counted


async def test_fault_neo4j_is_away_memory_answers_and_follows_go_on(open_house: OpenHouse) -> None:
    house = await open_house(config=beside(NOBODY_THERE))
    ada, b, c, d = house.users.people(4)
    before = from_memory("path", "away"), from_memory("candidates", "away")
    for one, other in ((ada, b), (b, c), (c, d)):
        await house.follow(one, other)
    assert await path(house, ada, ada, d) == [ada, b, c, d]
    assert await suggested(house, ada) == [c]
    assert from_memory("path", "away") > before[0]
    assert from_memory("candidates", "away") > before[1]
    assert await house.health.is_ready()
    assert (await house.projection.verify()).equal


@pytest.mark.parametrize(
    "code", ["Neo.DatabaseError.General.UnknownError", "Neo.ClientError.Transaction.Terminated"]
)
async def test_fault_neo4j_lives_and_fails_memory_answers_and_news_wait(
    code: str, open_house: OpenHouse
) -> None:
    async with PlayedNeo4j().open() as server:
        house = await open_house(config=beside(server.url))
        ada, b, c = house.users.people(3)
        projection = projection_of(house)
        await until(projection._ready.is_set)
        server.refusal = code
        await house.follow(ada, b)
        await house.follow(b, c)
        before = from_memory("path", "away")
        assert await path(house, ada, ada, c) == [ada, b, c]
        assert await suggested(house, ada) == [c]
        assert from_memory("path", "away") > before
        await until(lambda: not projection._ready.is_set())
        feeding = house.room.consumers[1]
        assert isinstance(feeding, Consumer)
        await house.settle()
        told = await house.log.read("graph.follow.created", limit=10)
        with pytest.raises(Unavailable):  # so it comes again, and is no dead letter
            await feeding.deliver(told)
        server.refusal = ""
        await feeding.deliver(told)
        await until(projection._ready.is_set)  # found again, by the projection's own task


@pytest.mark.parametrize(
    "code", ["Neo.ClientError.Statement.SyntaxError", "Neo.DatabaseError.General.UnknownError"]
)
async def test_fault_neo4j_fails_when_it_is_loaded_it_is_tried_until_it_does_not(
    code: str, open_house: OpenHouse
) -> None:
    async with PlayedNeo4j().open() as server:
        server.refusal = code
        house = await open_house(config=beside(server.url))
        projection = projection_of(house)
        await until(lambda: projection._failed is not None)
        ada, b, c = house.users.people(3)
        await house.follow(ada, b)
        await house.follow(b, c)
        assert await path(house, ada, ada, c) == [ada, b, c]
        server.refusal = ""
        await until(projection._ready.is_set)


async def test_a_neo4j_too_old_for_our_statements_is_named_and_not_asked(open_house: OpenHouse) -> None:
    async with PlayedNeo4j(agent="Neo4j/5.22.0").open() as server:
        house = await open_house(config=beside(server.url))
        projection = projection_of(house)
        await until(lambda: projection._failed is not None)
        ada, b = house.users.people(2)
        await house.follow(ada, b)
        assert await path(house, ada, ada, b) == [ada, b]
        with pytest.raises(Behind, match=r"Neo4j is 5\.22: run 5\.23 or newer"):
            await projection.caught_up(0.1)


@on_neo4j
async def test_follows_reach_neo4j_by_events_and_equal_the_ledger(
    neo4j: Neo4j, open_house: OpenHouse
) -> None:
    house = await open_house(config=beside(ENGINES["NOVA_NEO4J_URL"]))
    ada, b, c, d = house.users.people(4)
    async with fed(house) as projection:
        for one, other in ((ada, b), (b, c), (c, d), (ada, d)):
            await house.follow(one, other)
        await house.unfollow(ada, d)
        await house.tell(house.users.block(c, d))
        await house.settle()
        await projection.caught_up(60.0)
        verification = await projection.verify()
        assert verification.equal
        assert verification.entries == 2
        assert await rows(neo4j) == {(ada, b), (b, c)}
        assert (await house.projection.verify()).equal


@on_neo4j
async def test_x2_events_that_come_again_change_nothing(neo4j: Neo4j, open_house: OpenHouse) -> None:
    house = await open_house(config=beside(ENGINES["NOVA_NEO4J_URL"]))
    ada, b = house.users.people(2)
    async with fed(house) as projection:
        await house.follow(ada, b)
        await house.unfollow(ada, b)
        await house.settle()
        await projection.caught_up(60.0)
        told = [record for topic in ("graph.follow.created", "graph.follow.deleted")
                for record in await house.log.read(topic, limit=10)]  # fmt: skip
        await house.log.append([replace(record, id=uuid7()) for record in told])
        await projection.caught_up(60.0)
        assert await rows(neo4j) == set()
        assert (await projection.verify()).equal


@on_neo4j
async def test_a_neo4j_of_another_ledger_is_left_as_it_is_and_named(
    neo4j: Neo4j, open_house: OpenHouse
) -> None:
    await FollowsInNeo4j(neo4j).claim(uuid7())
    house = await open_house(config=beside(ENGINES["NOVA_NEO4J_URL"]))
    ada, b = house.users.people(2)
    await house.follow(ada, b)
    assert await path(house, ada, ada, b) == [ada, b]
    await until(lambda: projection_of(house)._failed is not None, within_s=60.0)
    with pytest.raises(Behind, match="another ledger"):
        await projection_of(house).caught_up(0.1)
    with pytest.raises(NotOurs):
        await projection_of(house).rebuild()
    assert await rows(neo4j) == set()


@on_neo4j
async def test_what_was_there_before_is_loaded_and_a_load_broken_off_is_done_again(
    neo4j: Neo4j, open_house: OpenHouse
) -> None:
    first = await open_house()
    people = first.users.people(5)
    pairs = [(one, other) for one in people for other in people if one != other]
    for one, other in pairs:
        await first.follow(one, other)
    await first.unfollow(*pairs[0])
    house = await open_house(config=beside(ENGINES["NOVA_NEO4J_URL"]), users=first.users)
    async with fed(house) as projection:
        assert await rows(neo4j) == set(pairs[1:])
        await neo4j.run("MATCH (:User {id: $id})-[follow:FOLLOWS]->() DELETE follow", {"id": str(people[1])})
        verification = await projection.verify()
        assert not verification.equal
        assert verification.entries == len(pairs) - 1
        await neo4j.run("MATCH (ledger:Ledger) SET ledger.whole = false", {})
        await projection.load()
        assert (await projection.verify()).equal


@on_neo4j
async def test_fault_a_neo4j_that_was_emptied_is_filled_again(neo4j: Neo4j, open_house: OpenHouse) -> None:
    house = await open_house(config=beside(ENGINES["NOVA_NEO4J_URL"]))
    ada, b, c = house.users.people(3)
    async with fed(house) as projection:
        await house.follow(ada, b)
        await house.settle()
        await projection.caught_up(60.0)
        await neo4j.run("MATCH (node) DETACH DELETE node", {})
        await house.follow(b, c)
        await house.settle()

        async def is_whole() -> bool:
            return await rows(neo4j) == {(ada, b), (b, c)}

        await until(is_whole, within_s=60.0)
        assert (await projection.verify()).equal


@on_neo4j
async def test_rebuilt_from_the_ledger_what_never_was_is_gone(neo4j: Neo4j, open_house: OpenHouse) -> None:
    house = await open_house(config=beside(ENGINES["NOVA_NEO4J_URL"]))
    ada, b = house.users.people(2)
    async with fed(house) as projection:
        await house.follow(ada, b)
        await house.settle()
        await projection.caught_up(60.0)
        await neo4j.run(
            "MATCH (one:User {id: $one}) CREATE (one)<-[:FOLLOWS {since_ms: 1, version: 9e15}]-(:User {id: $two})",
            {"one": str(ada), "two": str(uuid7())},
        )
        assert not (await projection.verify()).equal
        await projection.rebuild()
        assert (await projection.verify()).equal
        assert await rows(neo4j) == {(ada, b)}


async def rows(neo4j: Neo4j) -> set[tuple[UUID, UUID]]:
    found = await neo4j.run("MATCH (one:User)-[:FOLLOWS]->(other:User) RETURN one.id, other.id", {})
    return {(UUID(one), UUID(other)) for one, other in found}


class Overheard(Neo4j):
    """Answers nothing, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def ask(self, statement: str, parameters: Any) -> list[list[Any]]:
        self.asked.append((statement, dict(parameters)))
        return []

    async def run(self, statement: str, parameters: Any) -> list[list[Any]]:
        return [[True, True]]

    async def version(self) -> tuple[int, int]:
        return LEAST_VERSION


async def test_e1_what_is_asked_for_is_a_parameter_and_never_part_of_a_statement() -> None:
    overheard = Overheard()
    follows = FollowsInNeo4j(overheard)
    await follows.claim(uuid7())
    people = [UserId(uuid7()) for _ in range(4)]
    for source, target in ((people[0], people[1]), (people[2], people[3])):
        await follows.path(source, target, max_depth=3, exclude=uuid7().bytes)
        await follows.candidates(source, k=len(overheard.asked) + 1, exclude=target.bytes)
    assert len({statement for statement, _ in overheard.asked}) == 2
    assert not any(str(one) in statement for one in people for statement, _ in overheard.asked)
    assert [asked["source"] for _, asked in overheard.asked[::2]] == [str(people[0]), str(people[2])]
