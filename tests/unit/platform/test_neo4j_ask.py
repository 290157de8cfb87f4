"""Neo4j that is not there, or is named wrongly: told apart, quickly, by the house's own errors."""

import asyncio
from datetime import UTC, datetime

import pytest

from nova.platform.clock import FixedClock, SystemClock
from nova.platform.engine_knobs import Neo4jUrl
from nova.platform.errors import Timeout, Unavailable
from nova.platform.neo4j import Neo4j, _parts
from nova.platform.resilience import CircuitOpen
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


class Hanging:
    """A server that lets people in by Bolt 5.4, and answers nothing that they ask."""

    def __init__(self) -> None:
        self.callers = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.callers += 1
        await reader.readexactly(20)
        writer.write(b"\0\0\4\5")
        hello = b"\xb1\x70\xa2\x86server\x8cNeo4j/5.26.0\x8dconnection_id\x81x"
        for success in (hello, b"\xb1\x70\xa0"):  # and the logon's
            writer.write(len(success).to_bytes(2, "big") + success + b"\0\0")
        await reader.read()
        writer.close()
        self.callers -= 1


async def test_fault_pages_of_a_server_that_hangs_end_in_time() -> None:
    hanging = Hanging()
    async with await asyncio.start_server(hanging.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        neo4j = Neo4j(Neo4jUrl(f"bolt://127.0.0.1:{port}"), clock=SystemClock(), run_s=0.2)
        async with asyncio.timeout(10):
            with pytest.raises(Timeout, match="No answer within"):
                await anext(aiter(neo4j.pages("RETURN 1", {})))
            await neo4j.aclose()
            await until(lambda: hanging.callers == 0)
