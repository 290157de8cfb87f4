"""Neo4j that is not there, or is named wrongly: told apart, quickly, by the house's own errors."""

from datetime import UTC, datetime

import pytest

from nova.platform.clock import FixedClock
from nova.platform.engine_knobs import Neo4jUrl
from nova.platform.errors import Unavailable
from nova.platform.neo4j import Neo4j, _parts
from nova.platform.resilience import CircuitOpen

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
