"""The doors at which a token is shown: HTTP, WebSocket, sign-out and, where rooms listen, gRPC."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc
from grpc.aio import AioRpcError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from nova.api.graph.v1.graph_pb2 import GetFollowCountsRequest
from nova.api.graph.v1.graph_pb2_grpc import GraphServiceStub
from tests.e2e.nova import Nova

LONGEST_S = 10.0
PROMISED_S = 1.0
"""Within this time what is revoked is refused at every door."""
REFUSED_CLOSE = 4403
REFUSED_STATUS = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.RESOURCE_EXHAUSTED}
ME = "{ viewer { email } }"

Door = Callable[[Nova, str], Awaitable[bool]]


async def http(nova: Nova, token: str) -> bool:
    """Return whether a token is taken by GraphQL over HTTP; one that is not is refused by its code alone.

    The gateway refuses it, or else the room that it asks, which may have heard of an end a moment before.
    """
    response = await nova.post(ME, by=token, accept="application/graphql-response+json")
    answer = response.json()
    if "errors" not in answer:
        return True
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"], answer
    if "data" not in answer:
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Bearer")
    return False


async def websocket(nova: Nova, token: str) -> bool:
    """Return whether a token opens a socket; where it does not, the socket is closed with the code for that."""
    try:
        async with socket(nova, token):
            return True
    except ConnectionClosed as closed:
        if closed.rcvd is None or closed.rcvd.code != REFUSED_CLOSE:
            raise
        return False


async def rpc(nova: Nova, token: str) -> bool:
    """Return whether a room takes a token. One of more than 8 kB does not even reach it."""
    async with nova.room("graph") as channel:
        stub: Any = GraphServiceStub(channel)
        try:
            await stub.GetFollowCounts(GetFollowCountsRequest(), timeout=LONGEST_S, metadata=bearer(token))
        except AioRpcError as error:
            if error.code() not in REFUSED_STATUS:
                raise
            return False
    return True


async def closed(door: Door, nova: Nova, token: str) -> bool:
    """Return whether a door does not take a token."""
    return not await door(nova, token)


def all_of(nova: Nova) -> Mapping[str, Door]:
    """Return the doors of this platform."""
    return {"http": http, "websocket": websocket} | ({"grpc": rpc} if nova.processes else {})


def bearer(token: str, **more: str) -> tuple[tuple[str, str], ...]:
    """Return a token as gRPC metadata."""
    return ("authorization", f"Bearer {token}"), *(
        (name.replace("_", "-"), one) for name, one in more.items()
    )


@asynccontextmanager
async def socket(nova: Nova, token: str) -> AsyncIterator[ClientConnection]:
    """Yield a socket that was opened with a token and acknowledged. Raises `ConnectionClosed` when it is refused."""
    url = f"{nova.url.replace('http', 'ws', 1)}/graphql"
    protocol = Subprotocol("graphql-transport-ws")
    async with connect(url, subprotocols=[protocol], compression=None) as connection:
        payload = {"Authorization": f"Bearer {token}"}
        await connection.send(json.dumps({"type": "connection_init", "payload": payload}))
        heard = json.loads(await asyncio.wait_for(connection.recv(), LONGEST_S))
        assert heard == {"type": "connection_ack"}
        yield connection
