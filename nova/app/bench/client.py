"""A client that costs little beside what it measures: one connection, kept alive, one request at a time."""

import asyncio
import json
from collections.abc import Mapping
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

    async def _body(self) -> bytes:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        for line in head.splitlines():
            if line.startswith("content-length:"):
                return await self._reader.readexactly(int(line.partition(":")[2]))
        raise Unavailable("The gateway sent an answer of no given length.")
