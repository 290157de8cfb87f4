"""The way to PostgreSQL over TCP, by a proxy that can close it, or swallow whatever is sent on it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.listening import listening

_SOCKET = ".s.PGSQL.5432"


class State(Enum):
    """What becomes of what is sent."""

    OPEN = "it arrives"
    CLOSED = "whoever connects is cut off at once"
    SILENT = "it vanishes, and nobody is told: a partition, a node that is lost"


class Way:
    """A way to the server at a Unix socket. What a silent way has swallowed never comes; `tries` counts connections."""

    def __init__(self, dsn: str) -> None:
        self._socket = Path(parse_qs(urlsplit(dsn).query)["host"][0]) / _SOCKET
        self._port = 0
        self._state = State.OPEN
        self._links: set[_Link] = set()
        self.tries = 0

    def to(self, dsn: str) -> str:
        """Return the DSN of a role by this way."""
        parts = urlsplit(dsn)
        user = parse_qs(parts.query).get("user", [parts.username or ""])[0]
        return f"postgresql://{user}@127.0.0.1:{self._port}/{parts.path.lstrip('/')}?sslmode=disable"

    def become(self, state: State) -> None:
        """Change the way. One that was silent has lost its connections: the server has noticed when it opens."""
        self._state = state
        for link in list(self._links):
            if state is State.SILENT:
                link.lost = True
            elif state is State.CLOSED:
                link.cut()
            elif link.lost:
                link.let_server_go()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["Way"]:
        """Listen within the block."""
        async with listening(self._serve) as self._port:
            try:
                yield self
            finally:
                self.become(State.CLOSED)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tries += 1
        if self._state is State.CLOSED:
            writer.transport.abort()
            return
        link = _Link(writer, lost=self._state is State.SILENT)
        self._links.add(link)
        try:
            await link.carry(reader, self._socket)
        finally:
            link.cut()
            self._links.discard(link)


class _Link:
    def __init__(self, client: asyncio.StreamWriter, *, lost: bool) -> None:
        self._client = client
        self._server: asyncio.StreamWriter | None = None
        self.lost = lost

    async def carry(self, reader: asyncio.StreamReader, socket: Path) -> None:
        """Carry bytes both ways until one of them leaves."""
        server_reader, self._server = await asyncio.open_unix_connection(socket)
        both = [
            asyncio.create_task(self._pump(reader, self._server)),
            asyncio.create_task(self._pump(server_reader, self._client)),
        ]
        _, others = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for other in others:
            other.cancel()
        await asyncio.gather(*both, return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                if not self.lost:
                    writer.write(data)
        if self.lost and writer is self._client:
            await asyncio.Event().wait()  # the client does not learn that the server has gone

    def let_server_go(self) -> None:
        """End what the server has of a lost connection."""
        if self._server is not None:
            self._server.transport.abort()

    def cut(self) -> None:
        """End it on both sides."""
        self._client.transport.abort()
        self.let_server_go()
