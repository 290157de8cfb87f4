"""Links: what stands between the platform and its engines, so that it can be made slow, or cut."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from nova.app.bench.real_engines import KAFKA_LINK
from nova.app.ports import free_port
from nova.platform.errors import Unavailable
from nova.platform.redis import address

_CHUNK: Final = 1 << 16
_CUT_EVERY_S: Final = 0.2
_POSTGRES_PORT: Final = 5432
_BOLT_PORT: Final = 7687


Place: TypeAlias = str | tuple[str, int]
"""The path of a Unix socket, or a host and port."""


class Link:
    """Passes bytes from whoever comes to `here` to a server at `upstream`."""

    def __init__(self, here: Place, upstream: Place) -> None:
        self._here = here
        self._upstream = upstream
        self._delay_s = 0.0
        self._open: set[asyncio.StreamWriter] = set()
        self._touched = 0

    @asynccontextmanager
    async def standing(self) -> AsyncIterator[None]:
        """Listen for the length of the block."""
        if isinstance(self._here, str):
            server = await asyncio.start_unix_server(self._serve, self._here)
        else:
            server = await asyncio.start_server(self._serve, *self._here)
        try:
            yield
        finally:
            server.close()
            self.cut()

    @asynccontextmanager
    async def slow(self, delay_s: float) -> AsyncIterator[None]:
        """Hold back whatever is passed, in both directions, for the length of the block.

        Raises `Unavailable` where nothing came by.
        """
        self._delay_s = delay_s
        try:
            with self._in_use():
                yield
        finally:
            self._delay_s = 0.0

    @asynccontextmanager
    async def resetting(self) -> AsyncIterator[None]:
        """Cut all connections again and again for the length of the block; new ones are made in between.

        Raises `Unavailable` where there were none.
        """

        async def cut() -> None:
            while True:
                self.cut()
                await asyncio.sleep(_CUT_EVERY_S)

        cutting = asyncio.create_task(cut())
        try:
            with self._in_use():
                yield
        finally:
            cutting.cancel()

    def cut(self) -> None:
        """Cut all connections, whatever is on its way."""
        for writer in self._open:
            writer.transport.abort()
        self._touched += len(self._open)

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """Raise `Unavailable` where the block touched nobody: a link that nobody uses can be broken for ever."""
        before = self._touched
        yield
        if self._touched == before:
            raise Unavailable(f"Nothing passed the link to {self._upstream}: nothing was broken.")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await self._connected()
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, server_writer}
        try:
            async with asyncio.TaskGroup() as passing:
                passing.create_task(self._pass(reader, server_writer))
                passing.create_task(self._pass(server_reader, writer))
        finally:
            self._open -= {writer, server_writer}
            writer.transport.abort()
            server_writer.transport.abort()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._upstream, str):
            return await asyncio.open_unix_connection(self._upstream)
        return await asyncio.open_connection(*self._upstream)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                if self._delay_s:
                    self._touched += 1
                    await asyncio.sleep(self._delay_s)
                writer.write(data)
                await writer.drain()
        # The end of one direction is the end of both: none of these uses half a connection.
        writer.close()


def postgres_link(dsn: str, folder: Path) -> tuple[Link, str]:
    """Return a link in `folder` to the server of a DSN, and the DSN by way of it."""
    parts = urlsplit(dsn)
    options = dict(parse_qsl(parts.query))
    host, port = options.get("host") or parts.hostname or "localhost", options.get("port") or parts.port
    name = f".s.PGSQL.{port or _POSTGRES_PORT}"
    upstream = f"{host}/{name}" if host.startswith("/") else (unquote(host), int(port or _POSTGRES_PORT))
    who, at, _ = parts.netloc.rpartition("@")
    options |= {"host": str(folder), "port": str(port or _POSTGRES_PORT)}
    there = urlunsplit(
        (parts.scheme, f"{who}{at}", parts.path, urlencode(options, quote_via=quote, safe="/"), "")
    )
    return Link(str(folder / name), upstream), there


def redis_link(url: str, folder: Path) -> tuple[Link, str]:
    """Return a link in `folder` to the server of a URL, and the URL by way of it."""
    known, path = address.parse(url), folder / "redis.sock"
    upstream = known.path or (known.host, known.port)
    secret = "" if known.password is None else f"{quote(known.username)}:{quote(known.password)}@"
    return Link(str(path), upstream), f"unix://{secret}{path}?db={known.database}"


def kafka_link(bootstrap: str, _folder: Path) -> tuple[Link, str]:
    """Return a link to a broker that sends its clients there, and the address of the link."""
    host, _, port = bootstrap.rpartition(":")
    here = (host, int(port) + KAFKA_LINK)
    return Link(here, (host, int(port))), f"{host}:{here[1]}"


def neo4j_link(url: str, _folder: Path) -> tuple[Link, str]:
    """Return a link to the server of a bolt URL, and the URL by way of it."""
    parts, port = urlsplit(url), free_port()
    host = parts.hostname or "localhost"
    who, at, _ = parts.netloc.rpartition("@")
    there = parts._replace(netloc=f"{who}{at}{host}:{port}").geturl()
    return Link((host, port), (host, parts.port or _BOLT_PORT)), there
