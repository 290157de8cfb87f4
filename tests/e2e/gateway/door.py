"""The gateway behind a real port, before a town that is played, and a client that writes raw bytes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.unit.gateway.edge import Edge

# Far beyond what anything takes: when it passes, something hangs.
LONGEST_S = 10.0


@dataclass(frozen=True)
class RawReply:
    """A response as it came over the wire; `closed` says whether the server ended the connection after it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    closed: bool


@dataclass
class Door:
    """A listening gateway."""

    edge: Edge
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def is_closed(self) -> bool:
        """Return whether nobody is let in any more."""
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except ConnectionRefusedError:
            return True
        writer.close()
        return False

    async def raw(self, *parts: bytes) -> RawReply:
        """Write bytes and read one response, and whether the connection is closed after it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            return await asyncio.wait_for(_read(reader), LONGEST_S)
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> RawReply:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    closed = False
    if headers.get("connection") == "close":
        closed = not await reader.read(1)
    return RawReply(int(first.split()[1]), headers, body, closed)


@asynccontextmanager
async def opened(edge: Edge) -> AsyncIterator[Door]:
    """Open the door of a gateway."""
    await edge.gateway.server.start()
    try:
        yield Door(edge, edge.gateway.server.port)
    finally:
        await edge.gateway.server.stop()
