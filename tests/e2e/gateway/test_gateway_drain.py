"""A gateway that ends answers what it has begun, on either door, and sends whoever comes next elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nova.platform.config import Config, Limits, Server
from tests.e2e.gateway.door import Door, opened
from tests.e2e.gateway.sockets import INIT, socket, subscribe
from tests.unit.gateway.edge import edge
from tests.unit.gateway.town import Town
from tests.waiting import until

FEED = "{ homeFeed { edges { node { caption } } } }"


@pytest.fixture
async def patient(town: Town, redis_url: str, tmp_path: Path) -> AsyncIterator[Door]:
    """A door that gives what has begun all the time that it wants."""
    config = Config(limits=Limits(enabled=False), server=Server(port=0, data=tmp_path, drain_s=30))
    async with edge(town, redis_url, config=config) as made, opened(made) as door:
        yield door


async def test_an_operation_on_a_socket_is_answered_before_the_socket_ends(patient: Door, town: Town) -> None:
    town.post(town.person("bob"))
    town.gate = asyncio.Event()
    async with socket(patient) as ws:
        await ws.say({**INIT, "payload": {"Authorization": f"Bearer {town.token(town.person('ada'))}"}})
        await ws.hear()
        await ws.say(subscribe(FEED, "begun"))
        await town.entered.wait()
        ending = asyncio.create_task(patient.edge.gateway.server.stop())
        await until(patient.is_closed)
        await ws.say(subscribe(FEED, "late"))
        refused = await ws.hear()
        assert (refused["id"], refused["type"]) == ("late", "error")
        assert refused["payload"][0]["extensions"]["code"] == "UNAVAILABLE"
        town.gate.set()
        answer = await ws.hear()
        assert answer["payload"]["data"] == {"homeFeed": {"edges": [{"node": {"caption": "Hello"}}]}}
        assert await ws.hear() == {"id": "begun", "type": "complete"}
        assert (await ws.closed())[0] == 1012
    await ending


async def test_a_request_is_answered_before_the_door_closes(patient: Door, town: Town) -> None:
    town.post(town.person("bob"))
    town.gate = asyncio.Event()
    token = town.token(town.person("ada"))
    body = b'{"query":"%s"}' % FEED.encode()
    head = (
        "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    asked = asyncio.create_task(patient.raw(head.encode() + body))
    await town.entered.wait()
    ending = asyncio.create_task(patient.edge.gateway.server.stop())
    await until(patient.is_closed)
    town.gate.set()
    reply = await asked
    assert (reply.status, b"Hello" in reply.body) == (200, True)
    await ending


async def test_while_a_process_ends_its_callers_are_sent_elsewhere(door: Door) -> None:
    asking = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert "connection" not in (await door.raw(asking)).headers
    door.edge.platform.health.drain()
    reply = await door.raw(asking)
    assert (reply.status, reply.closed) == (200, True)
    assert (await door.raw(asking.replace(b"livez", b"readyz"))).status == 503
