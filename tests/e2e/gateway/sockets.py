"""A client of the socket that speaks raw messages."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError
from websockets.typing import Subprotocol

from tests.e2e.gateway.door import Door

INIT = {"type": "connection_init"}
LONGEST_S = 10


class Socket:
    """A client that speaks raw messages."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def say(self, *messages: dict[str, Any] | str | bytes) -> None:
        for message in messages:
            await self._connection.send(json.dumps(message) if isinstance(message, dict) else message)

    async def hear(self) -> Any:
        return json.loads(await asyncio.wait_for(self._connection.recv(), LONGEST_S))

    async def closed(self) -> tuple[int, str]:
        """Return code and reason of the end, whatever is said before it."""
        with suppress(ConnectionClosedError):
            async for _ in self._connection:
                continue
        await asyncio.wait_for(self._connection.wait_closed(), LONGEST_S)
        assert self._connection.close_code is not None
        return self._connection.close_code, self._connection.close_reason or ""


@asynccontextmanager
async def socket(
    door: Door, *, protocol: str = "graphql-transport-ws", **headers: str
) -> AsyncIterator[Socket]:
    url = f"ws://127.0.0.1:{door.port}/graphql"
    async with connect(
        url, subprotocols=[Subprotocol(protocol)], additional_headers=headers, compression=None
    ) as connection:
        yield Socket(connection)


def subscribe(text: str, operation: str = "1") -> dict[str, Any]:
    return {"id": operation, "type": "subscribe", "payload": {"query": text}}
