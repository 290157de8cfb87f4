"""A way to a server that carries so many bytes and then no more: whoever sends is held in the middle."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from tests.listening import listening


class HalfWay:
    """Passes on the first `carried` bytes of all that is sent together; `stuck` is set when there is more.

    What the server answers comes back. `cut` ends all connections, at both ends, and lets nobody in from then on.
    """

    def __init__(self, url: str, carried: int) -> None:
        self._server = urlsplit(url)
        self._left = carried
        self._open: set[asyncio.StreamWriter] = set()
        self._port = 0
        self._is_cut = False
        self.stuck = asyncio.Event()

    @property
    def url(self) -> str:
        """The URL of the server by this way."""
        return self._server._replace(netloc=f"127.0.0.1:{self._port}").geturl()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["HalfWay"]:
        """Listen within the block."""
        async with listening(self._serve) as self._port:
            try:
                yield self
            finally:
                self.cut()

    def cut(self) -> None:
        """End all connections, for good."""
        self._is_cut = True
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        host, port = self._server.hostname, self._server.port
        server_reader, server_writer = await asyncio.open_connection(host, port)
        both = {writer, server_writer}
        self._open |= both
        back = asyncio.create_task(_pass(server_reader, writer))
        with suppress(OSError):
            await self._carry(reader, server_writer)
        for one in both:
            one.transport.abort()
        await back
        self._open -= both

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            carried, self._left = data[: self._left], max(self._left - len(data), 0)
            writer.write(carried)
            await writer.drain()
            if len(carried) < len(data):
                self.stuck.set()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
