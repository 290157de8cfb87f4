"""W2, W3 and Q3 over the socket: graphql-transport-ws to the letter."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from websockets.exceptions import InvalidStatus

from nova.gateway.http.graphql_socket import SocketRoute
from nova.platform.auth.epochs import Revocation
from nova.platform.config import Config, Limits, Server
from tests.e2e.gateway.door import Door, opened
from tests.e2e.gateway.sockets import INIT, LONGEST_S, socket, subscribe
from tests.unit.gateway.edge import edge
from tests.unit.gateway.town import Town

TOO_MUCH = "{ homeFeed(first: 100) { edges { node { comments(first: 100) { edges { node { id } } } } } } }"


async def test_operations_run_and_complete(door: Door, town: Town) -> None:
    ada = town.person("ada")
    async with socket(door) as ws:
        await ws.say({**INIT, "payload": {"Authorization": f"Bearer {town.token(ada)}"}})
        assert await ws.hear() == {"type": "connection_ack"}
        await ws.say(subscribe("{ viewer { email } }", "a"))
        answer = await ws.hear()
        assert (answer["id"], answer["type"]) == ("a", "next")
        assert answer["payload"]["data"] == {"viewer": {"email": "ada@example.com"}}
        assert await ws.hear() == {"id": "a", "type": "complete"}
        await ws.say(subscribe("{ viewer { email } }", "a"))
        assert (await ws.hear())["type"] == "next"


async def test_refused_operations_are_errors_and_the_socket_lives(door: Door) -> None:
    async with socket(door) as ws:
        await ws.say(INIT)
        await ws.hear()
        for text, code in (
            ("{ nope }", "BAD_USER_INPUT"),
            ("{ viewer { email } }", "UNAUTHENTICATED"),
            (TOO_MUCH, "QUERY_TOO_COMPLEX"),
        ):
            await ws.say(subscribe(text))
            answer = await ws.hear()
            assert answer["type"] == "error"
            assert answer["payload"][0]["extensions"]["code"] == code
        await ws.say(subscribe("{ __typename }"))
        assert (await ws.hear())["type"] == "next"


async def test_pings_are_answered(door: Door) -> None:
    async with socket(door) as ws:
        await ws.say({"type": "ping"}, {"type": "ping", "payload": {"a": 1}}, {"type": "pong"})
        assert await ws.hear() == {"type": "pong"}
        assert await ws.hear() == {"type": "pong", "payload": {"a": 1}}


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([subscribe("{ __typename }")], 4401),
        ([INIT, INIT], 4429),
        (["junk"], 4400),
        (["[]"], 4400),
        (['{"type": "ping", "type": "pong"}'], 4400),
        ([b"{}"], 4400),
        ([{"type": "start"}], 4400),
        ([{}], 4400),
        ([{**INIT, "payload": []}], 4400),
        ([{**INIT, "payload": {"authorization": 1}}], 4400),
        ([INIT, {"type": "subscribe", "payload": {"query": "{a}"}}], 4400),
        ([INIT, {"type": "subscribe", "id": "", "payload": {"query": "{a}"}}], 4400),
        ([INIT, {"type": "subscribe", "id": "1"}], 4400),
        ([INIT, {"type": "complete"}], 4400),
        ([{**INIT, "payload": {"Authorization": "Bearer junk"}}], 4403),
        ([{**INIT, "payload": {"Authorization": "Basic YTpi"}}], 4403),
    ],
)
async def test_w2_breaches_close_with_their_code(door: Door, messages: list[Any], code: int) -> None:
    async with socket(door) as ws:
        await ws.say(*messages)
        assert (await ws.closed())[0] == code


async def test_w2_two_operations_of_one_id_close_with_4409(door: Door, town: Town) -> None:
    ada, bob = town.person("ada"), town.person("bob")
    town.post(bob)
    town.gate = asyncio.Event()
    async with socket(door) as ws:
        await ws.say({**INIT, "payload": {"Authorization": f"Bearer {town.token(ada)}"}})
        await ws.say(subscribe("{ homeFeed { edges { node { id } } } }", "same"))
        await asyncio.wait_for(town.entered.wait(), LONGEST_S)
        await ws.say(subscribe("{ __typename }", "same"))
        assert await ws.closed() == (4409, "Subscriber for same already exists")
    await asyncio.wait_for(town.left.wait(), LONGEST_S)


async def test_complete_ends_an_operation(door: Door, town: Town) -> None:
    ada, bob = town.person("ada"), town.person("bob")
    town.post(bob)
    town.gate = asyncio.Event()
    async with socket(door) as ws:
        await ws.say({**INIT, "payload": {"Authorization": f"Bearer {town.token(ada)}"}})
        await ws.hear()
        await ws.say(subscribe("{ homeFeed { edges { node { id } } } }", "a"))
        await asyncio.wait_for(town.entered.wait(), LONGEST_S)
        await ws.say({"id": "a", "type": "complete"})
        await asyncio.wait_for(town.left.wait(), LONGEST_S)
        await ws.say(subscribe("{ __typename }", "b"))
        assert (await ws.hear())["id"] == "b"


async def test_w2_a_late_init_closes_with_4408(
    town: Town, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SocketRoute.__init__, "__kwdefaults__", {"init_timeout_s": 0.1})
    config = Config(limits=Limits(enabled=False), server=Server(port=0, data=tmp_path, drain_s=1))
    async with edge(town, redis_url, config=config) as made, opened(made) as door, socket(door) as ws:
        assert (await ws.closed())[0] == 4408


async def test_w2_another_subprotocol_is_not_spoken(door: Door) -> None:
    async with socket(door, protocol="graphql-ws") as ws:
        assert (await ws.closed())[0] == 4406


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_h8_foreign_pages_get_no_socket(door: Door, origin: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with socket(door, Origin=origin):
            pass
    assert caught.value.response.status_code == 403


async def test_w3_a_revoked_session_is_closed(door: Door, town: Town) -> None:
    ada, bob = town.person("ada"), town.person("bob")
    claims = town.issuer.claims(UUID(bytes=ada))
    async with socket(door) as ws, socket(door) as other:
        await ws.say({**INIT, "payload": {"Authorization": f"Bearer {town.issuer.token(claims)}"}})
        await other.say({**INIT, "payload": {"Authorization": f"Bearer {town.token(bob)}"}})
        await ws.hear()
        await other.hear()
        door.edge.revocations.apply(
            Revocation(seq=1, user_id=claims.user_id, session_id=claims.session_id, at=datetime.now(UTC))
        )
        assert await ws.closed() == (4403, "The session has ended")
        await other.say(subscribe("{ __typename }"))
        assert (await other.hear())["type"] == "next"


async def test_w3_a_socket_ends_with_its_token(town: Town, redis_url: str, tmp_path: Path) -> None:
    ada = town.person("ada")
    # Issued so long ago that a second is left.
    town.issuer.now = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=3599)
    config = Config(limits=Limits(enabled=False), server=Server(port=0, data=tmp_path, drain_s=1))
    async with edge(town, redis_url, config=config) as made, opened(made) as door, socket(door) as ws:
        await ws.say({**INIT, "payload": {"Authorization": f"Bearer {town.token(ada)}"}})
        assert await ws.closed() == (4403, "The access token has expired")


async def test_q3_operations_over_the_socket_obey_the_limits(
    town: Town, redis_url: str, tmp_path: Path
) -> None:
    ada = town.person("ada")
    limits = Limits(ip_rate=0.1, ip_burst=4, queries_per_min=2)
    config = Config(limits=limits, server=Server(port=0, data=tmp_path, drain_s=1))
    async with edge(town, redis_url, config=config) as made, opened(made) as door, socket(door) as ws:
        await ws.say({**INIT, "payload": {"Authorization": f"Bearer {town.token(ada)}"}})
        await ws.hear()
        for expected in ("next", "next", "error", "error"):
            await ws.say(subscribe("{ viewer { email } }"))
            answer = await ws.hear()
            assert answer["type"] == expected
            if expected == "next":
                await ws.hear()
        assert answer["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
