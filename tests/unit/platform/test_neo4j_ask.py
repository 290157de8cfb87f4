"""Neo4j that is not there, fails, or is named wrongly: told apart, quickly, by the house's own errors."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from neo4j.exceptions import ConstraintError, CypherSyntaxError, CypherTypeError

from nova.platform.clock import FixedClock, SystemClock
from nova.platform.engine_knobs import Neo4jUrl
from nova.platform.errors import Timeout, Unavailable
from nova.platform.neo4j import Neo4j, Neo4jRefuses, _parts
from nova.platform.resilience import CircuitOpen
from tests.bolt import PlayedNeo4j
from tests.waiting import until

CLOCK = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("url", "address", "user"),
    [
        ("bolt://127.0.0.1:7687", "bolt://127.0.0.1:7687", None),
        ("neo4j+s://nova:a%2Fb%40c@graph.example/follows", "neo4j+s://graph.example", ("nova", "a/b@c")),
    ],
)
def test_the_user_of_a_url_is_taken_out_of_its_address(
    url: str, address: str, user: tuple[str, str] | None
) -> None:
    assert _parts(Neo4jUrl(url)) == (address, user)


async def test_fault_neo4j_is_away_every_question_says_so_and_then_the_breaker_does() -> None:
    neo4j = Neo4j(Neo4jUrl("bolt://127.0.0.1:9"), clock=CLOCK, ask_s=30.0)
    for _ in range(10):
        with pytest.raises(Unavailable) as refusal:
            await neo4j.ask("RETURN $one", {"one": 1})
        assert refusal.value.reason == "UNAVAILABLE"
    with pytest.raises(CircuitOpen):
        await neo4j.ask("RETURN $one", {"one": 1})
    with pytest.raises(Unavailable):
        await anext(aiter(neo4j.pages("RETURN $one", {"one": 1})))
    await neo4j.aclose()


async def test_fault_pages_of_a_server_that_hangs_end_in_time() -> None:
    async with PlayedNeo4j().open() as server:
        server.hangs = True
        neo4j = Neo4j(Neo4jUrl(server.url), clock=SystemClock(), run_s=0.2)
        async with asyncio.timeout(10):
            with pytest.raises(Timeout, match="No answer within"):
                await anext(aiter(neo4j.pages("RETURN 1", {})))
            await neo4j.aclose()
            await until(lambda: server.callers == 0)


@asynccontextmanager
async def refused_with(code: str) -> AsyncIterator[Neo4j]:
    """Yield a client of a server that lives, and fails in all that it is asked."""
    async with PlayedNeo4j().open() as server:
        neo4j = Neo4j(Neo4jUrl(server.url), clock=CLOCK, ask_s=30.0, run_s=30.0)
        server.refusal = code
        try:
            yield neo4j
        finally:
            await neo4j.aclose()


async def refusals(neo4j: Neo4j) -> list[Exception]:
    """Return what each way to ask raises."""
    found: list[Exception] = []
    for asked in (
        neo4j.ask("RETURN 1", {}),
        neo4j.run("RETURN 1", {}),
        anext(aiter(neo4j.pages("RETURN 1", {}))),
    ):
        with pytest.raises(Exception) as refusal:  # noqa: PT011 - each test says which
            await asked
        found.append(refusal.value)
    return found


@pytest.mark.parametrize(
    "code",
    [
        "Neo.DatabaseError.General.UnknownError",
        "Neo.DatabaseError.Statement.ExecutionFailed",
        "Neo.DatabaseError.Transaction.TransactionCommitFailed",
        "Neo.ClientError.Transaction.Terminated",
        "Neo.ClientError.Transaction.LockClientStopped",
        "Neo.ClientError.Database.DatabaseNotFound",
        "Neo.TransientError.General.DatabaseUnavailable",
        "Neo.TransientError.General.MemoryPoolOutOfMemoryError",
    ],
)
async def test_fault_whatever_befalls_the_server_it_is_away_and_the_code_is_told(code: str) -> None:
    async with refused_with(code) as neo4j:
        for refusal in await refusals(neo4j):
            assert isinstance(refusal, Unavailable)
            assert code in refusal.message


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("Neo.ClientError.Security.Unauthorized", Neo4jRefuses),
        ("Neo.ClientError.Security.Forbidden", Neo4jRefuses),
        ("Neo.ClientError.Transaction.TransactionTimedOut", Timeout),
        ("Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration", Timeout),
        ("Neo.ClientError.Statement.SyntaxError", CypherSyntaxError),
        ("Neo.ClientError.Statement.TypeError", CypherTypeError),
        ("Neo.ClientError.Schema.ConstraintValidationFailed", ConstraintError),
    ],
)
async def test_who_is_refused_what_took_too_long_and_a_bug_of_ours_are_told_apart(
    code: str, kind: type[Exception]
) -> None:
    async with refused_with(code) as neo4j:
        assert {type(refusal) for refusal in await refusals(neo4j)} == {kind}


@pytest.mark.parametrize(("agent", "version"), [("Neo4j/5.26.0", (5, 26)), ("Neo4j/2025.06.2", (2025, 6))])
async def test_a_server_says_which_version_it_is(agent: str, version: tuple[int, int]) -> None:
    async with PlayedNeo4j(agent=agent).open() as server:
        neo4j = Neo4j(Neo4jUrl(server.url), clock=CLOCK, run_s=30.0)
        assert await neo4j.version() == version
        await neo4j.aclose()


async def test_a_server_that_does_not_say_its_version_is_none_of_ours() -> None:
    async with PlayedNeo4j(agent="Neo4j/dev").open() as server:
        neo4j = Neo4j(Neo4jUrl(server.url), clock=CLOCK, run_s=30.0)
        with pytest.raises(Unavailable, match="which version"):
            await neo4j.version()
        await neo4j.aclose()
