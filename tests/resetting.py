"""A port at which a server has died and something goes on taking connections: it counts who comes, and resets each."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.listening import listening


class Resetting:
    """`came` is how many connections it took so far."""

    def __init__(self) -> None:
        self.came = 0
        self.port = 0

    def serve(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a connection and reset it."""
        self.came += 1
        writer.transport.abort()


@asynccontextmanager
async def resetting(port: int = 0) -> AsyncIterator[Resetting]:
    """Yield such a port of the loopback, or one that is free."""
    door = Resetting()
    async with listening(door.serve, port=port) as door.port:
        yield door
