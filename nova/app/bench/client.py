"""A client that costs little beside what it measures: one connection, kept alive, one request at a time; or some."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Self
from urllib.parse import urlsplit

from nova.platform.errors import Unavailable

_ANSWER_S: Final = 30.0
_IDLE_S: Final = 5.0
"""The gateway lets an idle connection go after twice that."""


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

    def drop(self) -> None:
        """Close the connection at once, whatever is on its way."""
        self._writer.transport.abort()

    async def ask(
        self, document: str, variables: Mapping[str, object] | None = None, *, token: str = ""
    ) -> Any:  # noqa: ANN401 - whatever was asked for
        """Return `data`. Raises `Unavailable` for an answer with errors."""
        answer = await self.exchange(document, variables, token=token)
        if "errors" in answer:
            raise Unavailable(f"The benchmark was answered with errors: {answer['errors']}")
        return answer["data"]

    async def exchange(
        self, document: str, variables: Mapping[str, object] | None = None, *, token: str = ""
    ) -> dict[str, Any]:
        """Return the whole answer, errors and all. Raises OSError, EOFError or TimeoutError where none comes."""
        body = json.dumps({"query": document, "variables": variables or {}}).encode()
        authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        self._writer.write(
            f"POST {self._path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n"
            f"{authorization}Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        async with asyncio.timeout(_ANSWER_S):
            answer: dict[str, Any] = json.loads(await self._body())
        return answer

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
    """As many connections to `url` as are needed at once, `most` at most; each is taken by one request at a time."""

    def __init__(self, url: str, *, most: int) -> None:
        self._url = url
        self._places = asyncio.Semaphore(most)
        self._idle: list[tuple[Client, float]] = []

    async def aclose(self) -> None:
        """Close all connections; none may be taken."""
        for client, _ in self._idle:
            await client.aclose()

    async def ask(
        self, document: str, variables: Mapping[str, object] | None = None, *, token: str = ""
    ) -> Any:  # noqa: ANN401 - whatever was asked for
        """Return `data`. Raises as `Client.ask` does."""
        async with self._taken() as client:
            return await client.ask(document, variables, token=token)

    async def exchange(
        self, document: str, variables: Mapping[str, object] | None = None, *, token: str = ""
    ) -> dict[str, Any]:
        """Return the whole answer. Raises as `Client.exchange` does."""
        async with self._taken() as client:
            return await client.exchange(document, variables, token=token)

    async def read(self, path: str) -> str:
        """Return what the gateway says at `path`."""
        async with self._taken() as client:
            return await client.read(path)

    @asynccontextmanager
    async def _taken(self) -> AsyncIterator[Client]:
        async with self._places:
            client, since = (
                self._idle.pop() if self._idle else (await Client.connect(self._url), time.monotonic())
            )
            if time.monotonic() - since > _IDLE_S:
                await client.aclose()
                client = await Client.connect(self._url)
            try:
                yield client
            except BaseException:
                client.drop()  # what it holds may be half an answer
                raise
            self._idle.append((client, time.monotonic()))
