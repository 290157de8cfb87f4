"""A client that costs little beside what it measures: one connection, kept alive, one request at a time; or some."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self
from urllib.parse import urlsplit

from nova.platform.errors import Unavailable

_ANSWER_S: Final = 30.0


class Client:
    """GraphQL over HTTP/1.1 at `url`."""

    def __init__(self, url: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parts = urlsplit(url)
        self._path, self._host = parts.path, parts.netloc
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, url: str) -> Self:
        """Return a client that is connected."""
        parts = urlsplit(url)
        return cls(url, *await asyncio.open_connection(parts.hostname, parts.port))

    async def aclose(self) -> None:
        """Close the connection."""
        self._writer.close()
        await self._writer.wait_closed()

    async def ask(
        self, document: str, variables: Mapping[str, object] | None = None, *, token: str = ""
    ) -> Any:  # noqa: ANN401 - whatever was asked for
        """Return `data`. Raises `Unavailable` for an answer with errors."""
        body = json.dumps({"query": document, "variables": variables or {}}).encode()
        authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        self._writer.write(
            f"POST {self._path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n"
            f"{authorization}Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        async with asyncio.timeout(_ANSWER_S):
            answer = json.loads(await self._body())
        if "errors" in answer:
            raise Unavailable(f"The benchmark was answered with errors: {answer['errors']}")
        return answer["data"]

    async def read(self, path: str) -> str:
        """Return what the gateway says at `path`, such as its metrics."""
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
        async with asyncio.timeout(_ANSWER_S):
            return (await self._body()).decode()

    async def _body(self) -> bytes:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        for line in head.splitlines():
            if line.startswith("content-length:"):
                return await self._reader.readexactly(int(line.partition(":")[2]))
        raise Unavailable("The gateway sent an answer of no given length.")


class Clients:
    """Some connections, each taken by one request at a time."""

    def __init__(self, clients: Sequence[Client]) -> None:
        self._clients = clients
        self._idle: asyncio.LifoQueue[Client] = asyncio.LifoQueue()
        for client in clients:
            self._idle.put_nowait(client)

    @classmethod
    async def connect(cls, url: str, *, connections: int) -> Self:
        """Return connected ones."""
        return cls([await Client.connect(url) for _ in range(connections)])

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self._clients:
            await client.aclose()

    async def ask(
        self, document: str, variables: Mapping[str, object] | None = None, *, token: str = ""
    ) -> Any:  # noqa: ANN401 - whatever was asked for
        """Return `data`, over the connection that is free first. Raises as `Client.ask` does."""
        client = await self._idle.get()
        try:
            return await client.ask(document, variables, token=token)
        finally:
            self._idle.put_nowait(client)
