"""A Neo4j of a test's own that fails in the way it is told: real servers do so only once their disks are full."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from tests.listening import listening

_HELLO, _RUN, _PULL, _RESET, _LOGON = 0x01, 0x10, 0x3F, 0x0F, 0x6A
_SUCCESS, _RECORD, _IGNORED, _FAILURE = 0x70, 0x71, 0x7E, 0x7F
_LONGEST_TINY = 0x0F


class PlayedNeo4j:
    """Speaks Bolt 5.4, and answers every statement with the one row `[true, true]`.

    While `refusal` is a code of Neo4j's it fails with that instead. While it `hangs` it lets people in and answers
    nothing that they ask.
    """

    def __init__(self, *, agent: str = "Neo4j/5.26.0") -> None:
        self.agent = agent
        self.refusal = ""
        self.hangs = False
        self.callers = 0
        self.url = ""

    @asynccontextmanager
    async def open(self) -> AsyncIterator["PlayedNeo4j"]:
        """Listen on a free port of the loopback inside the block."""
        async with listening(self._serve) as port:
            self.url = f"bolt://127.0.0.1:{port}"
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.callers += 1
        try:
            await reader.readexactly(20)
            writer.write(b"\0\0\4\5")
            failed = False
            while True:
                asked = (await _message(reader))[1]
                if self.hangs and asked not in {_HELLO, _LOGON}:
                    continue
                failed = asked != _RESET and (failed or (asked == _RUN and bool(self.refusal)))
                writer.write(b"".join(map(_framed, self._answers(asked, failed=failed))))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # whoever has asked enough just goes
        finally:
            writer.close()
            self.callers -= 1

    def _answers(self, asked: int, *, failed: bool) -> list[bytes]:
        if failed:
            refusal = _map({"code": _text(self.refusal), "message": _text("as it was told")})
            return [_struct(_FAILURE, refusal) if asked == _RUN else _struct(_IGNORED)]
        if asked == _HELLO:
            return [_struct(_SUCCESS, _map({"server": _text(self.agent), "connection_id": _text("x")}))]
        if asked == _RUN:
            return [_struct(_SUCCESS, _map({"fields": b"\x92" + _text("one") + _text("other")}))]
        row = [_struct(_RECORD, b"\x92\xc3\xc3")] if asked == _PULL else []
        return [*row, _struct(_SUCCESS, _map({}))]


async def _message(reader: asyncio.StreamReader) -> bytes:
    whole = b""
    while size := int.from_bytes(await reader.readexactly(2), "big"):
        whole += await reader.readexactly(size)
    return whole


def _framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message + b"\0\0"


def _struct(tag: int, *fields: bytes) -> bytes:
    return bytes([0xB0 + len(fields), tag]) + b"".join(fields)


def _map(entries: Mapping[str, bytes]) -> bytes:
    return bytes([0xA0 + len(entries)]) + b"".join(_text(name) + value for name, value in entries.items())


def _text(text: str) -> bytes:
    size = len(text)
    return (bytes([0x80 + size]) if size <= _LONGEST_TINY else bytes([0xD0, size])) + text.encode()
