"""A process that is told to end says so first: who balances goes elsewhere while what it has begun is answered."""

import asyncio
import json
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Final

import asyncpg
import httpx
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from nova.api.social.v1.social_pb2 import LikePostRequest
from nova.api.social.v1.social_pb2_grpc import SocialServiceStub
from nova.app.authority import SUPERVISOR
from nova.app.bench.strangers import Ports
from nova.app.callers import GATEWAY
from nova.app.engines.embedded import Engines
from nova.app.engines.roles import DATABASE
from nova.app.ports import free_port
from nova.app.processes import gateway_serves
from nova.app.supervisor import Part
from nova.gateway.global_ids import decode
from nova.platform.config import ROOMS
from tests.e2e.doors import ME, bearer
from tests.e2e.nova import Nova
from tests.waiting import until

LONGEST_S: Final = 60.0
BALANCERS: Final = 50
"""More than could ask while a server looks up from its work once more, and closes."""
# With a notice that no busy machine sleeps through.
PATIENT: Final = "import nova.app.house as h; h.NOTICE_S = 10.0; from nova.app.cli import main; main()"
# Made once: it reads all authorities of this machine, and there are many to ask.
TRUSTED: Final = ssl.create_default_context()


@asynccontextmanager
async def beside(nova: Nova, part: Part) -> AsyncIterator[Part]:
    """Have one more part run for the length of the block, whose test ends it."""
    assert nova.processes is not None
    patient = replace(part, command=(sys.executable, "-c", PATIENT, *part.command[-2:]))
    await nova.processes.begin(patient)
    try:
        await nova.processes.ready(part.name, within_s=LONGEST_S)
        yield patient
    finally:
        if part.name in nova.processes.pids:
            await nova.processes.end(part.name)
        del nova.processes.parts[part.name]


async def says_no(base: str) -> bool:
    """Return whether a port says that its process takes no more. Raises `httpx.ConnectError` once it is closed."""
    async with httpx.AsyncClient(verify=TRUSTED) as client:
        status = (await client.get(f"{base}/readyz", timeout=LONGEST_S)).status_code
    assert status in {200, 503}
    return status == 503


async def is_closed(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return True
    writer.close()
    return False


def spares_of(nova: Nova) -> Ports:
    """Return the ports of those that run beside a room."""
    return Ports(base=nova.grpc_base + len(ROOMS), certificates=nova.certificates)


def operations_of(part: Part) -> str:
    return f"http://127.0.0.1:{part.environment['NOVA_METRICS_PORT']}"


async def test_a_gateway_is_not_ready_before_its_door_closes_and_answers_what_it_has_begun(
    apart: Nova,
) -> None:
    assert apart.processes is not None
    person, port = await apart.newcomer("patient"), free_port()
    url, first = f"http://127.0.0.1:{port}", apart.processes.parts[GATEWAY]
    own = {"NOVA_PORT": str(port), "NOVA_METRICS_PORT": str(free_port())}
    second = replace(
        first,
        name="gateway-2",
        environment={**first.environment, **own},
        serves=partial(gateway_serves, url),
    )
    async with beside(apart, second):
        body = json.dumps({"query": ME}).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {person.token}\r\nContent-Length: {len(body)}\r\n"
            "Expect: 100-continue\r\n\r\n".encode()
        )
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")  # it has begun
        ending = asyncio.create_task(apart.processes.end(second.name))
        await until(partial(says_no, url), within_s=LONGEST_S)
        assert all([await says_no(url) for _ in range(BALANCERS)])
        assert await says_no(operations_of(second))
        await until(partial(is_closed, port), within_s=LONGEST_S)
        writer.write(body)
        head, _, answer = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        assert head.startswith(b"HTTP/1.1 200 "), head
        assert json.loads(answer)["data"]["viewer"]["email"]
        assert await ending == 0


async def test_a_room_is_not_ready_before_its_port_closes_and_answers_what_it_has_begun(apart: Nova) -> None:
    assert apart.processes is not None
    assert apart.engines is not None
    person = await apart.newcomer("patient")
    post_id = await apart.publish(person)
    post = decode(post_id)
    assert post is not None
    first = apart.processes.parts["social"]
    assert first.moved is not None
    second = replace(
        first,
        name="social-2",
        environment={**first.environment, **first.moved},
        serves=lambda _: first.serves(True),
    )
    async with (
        beside(apart, second),
        spares_of(apart).as_part("social", GATEWAY) as channel,
        administering(apart.engines) as database,
    ):
        stub: Any = SocialServiceStub(channel)
        async with database.transaction():
            await database.execute("LOCK TABLE social.likes")
            asked = asyncio.ensure_future(
                stub.LikePost(
                    LikePostRequest(post_id=post.uuid.bytes),
                    timeout=LONGEST_S,
                    metadata=bearer(person.token),
                )
            )
            waiting = (
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'social.likes'::regclass"
            )
            await until(partial(holds, database, waiting), within_s=LONGEST_S)
            ending = asyncio.create_task(apart.processes.end(second.name))
            await until(partial(serves_no_more, apart), within_s=LONGEST_S)
            assert await says_no(operations_of(second))
            assert not asked.done()
        answer = await asked
        assert answer.state.like_count == 1
        assert await ending == 0


@asynccontextmanager
async def administering(engines: Engines) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    connection = await asyncpg.connect(engines.postgres_dsn(database=DATABASE))
    try:
        yield connection
    finally:
        await connection.close()


async def holds(database: "asyncpg.Connection[asyncpg.Record]", question: str) -> bool:
    return bool(await database.fetchval(question))


async def serves_no_more(nova: Nova) -> bool:
    """Return what health says, to somebody new. Raises `grpc.aio.AioRpcError` once the port is closed."""
    async with spares_of(nova).as_part("social", SUPERVISOR) as channel:
        answer = await HealthStub(channel).Check(HealthCheckRequest(), timeout=LONGEST_S)
    return bool(answer.status == HealthCheckResponse.NOT_SERVING)
