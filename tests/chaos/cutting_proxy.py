"""A proxy before PostgreSQL that cuts a connection at its COMMIT: the caller never hears what became of it.

It reads the frontend's messages (PostgreSQL documentation, 55.7): a start-up message without a type, then a byte of
type and a length each. COMMIT is a simple Query, sent when nothing else is under way, so what comes back next is its
reply.
"""

import asyncio
import struct
from contextlib import suppress
from enum import Enum
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

_SOCKET = ".s.PGSQL.5432"
_COMMIT = b"COMMIT\0"
_QUERY = b"Q"


class Cut(Enum):
    """When a connection is cut."""

    HELD = "before PostgreSQL has it: it rolls back"
    SENT = "as soon as it is on its way"
    ANSWERED = "when PostgreSQL has answered: it is committed"


class CuttingProxy:
    """Stands between a room and its PostgreSQL on a Unix socket in `folder`. `cut` is how the next COMMIT ends."""

    def __init__(self, folder: Path, dsn: str) -> None:
        self._folder = folder
        self._upstream = dsn
        self.cut: Cut | None = None
        self.cuts = 0
        self._server: asyncio.Server | None = None

    @property
    def dsn(self) -> str:
        """The DSN of the room by way of this proxy."""
        parts = urlsplit(self._upstream)
        user = parse_qs(parts.query).get("user", [parts.username or ""])[0]
        return f"postgresql:///{parts.path.lstrip('/')}?host={quote(str(self._folder), safe='/')}&user={user}"

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_unix_server(self._serve, self._folder / _SOCKET)

    async def aclose(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = parse_qs(urlsplit(self._upstream).query)["host"][0]
        server_reader, server_writer = await asyncio.open_unix_connection(f"{host}/{_SOCKET}")
        silent = asyncio.Event()
        back = asyncio.create_task(_pass_back(server_reader, writer, silent))
        with suppress(asyncio.IncompleteReadError, OSError):
            await self._pass_on(reader, server_writer, back, silent)
        back.cancel()
        await asyncio.gather(back, return_exceptions=True)
        for one in (writer, server_writer):
            one.transport.abort()

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        server: asyncio.StreamWriter,
        back: "asyncio.Task[None]",
        silent: asyncio.Event,
    ) -> None:
        """Pass messages on, until the client has gone or a COMMIT is cut."""
        server.write(await _message(reader, kind=b""))
        while True:
            kind = await reader.readexactly(1)
            message = await _message(reader, kind=kind)
            if self.cut is not None and kind == _QUERY and message[5:] == _COMMIT:
                cut, self.cut = self.cut, None
                self.cuts += 1
                silent.set()
                if cut is not Cut.HELD:
                    server.write(message)
                    await server.drain()
                if cut is Cut.ANSWERED:
                    await back
                return
            server.write(message)


async def _message(reader: asyncio.StreamReader, *, kind: bytes) -> bytes:
    head = await reader.readexactly(4)
    return kind + head + await reader.readexactly(struct.unpack(">I", head)[0] - len(head))


async def _pass_back(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, silent: asyncio.Event
) -> None:
    """Pass bytes back, and the end; the first after `silent` is set ends it too, and is not passed."""
    while data := await reader.read(1 << 16):
        if silent.is_set():
            return
        writer.write(data)
    writer.close()
