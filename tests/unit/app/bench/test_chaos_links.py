"""Links between a platform and its engines: where they lead, and that they are slow, or cut."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nova.app.bench.chaos_links import Link, postgres_link, redis_link
from nova.platform.errors import Unavailable


def test_a_link_leads_to_where_a_url_does(tmp_path: Path) -> None:
    _, dsn = postgres_link("postgresql://nova@/nova?host=/run/x&port=5432", tmp_path)
    assert dsn == f"postgresql://nova@/nova?host={tmp_path}&port=5432"
    _, dsn = postgres_link("postgresql://a:b@db.example:6000/nova", tmp_path)
    assert dsn == f"postgresql://a:b@/nova?host={tmp_path}&port=6000"
    assert (
        redis_link("redis://:pw@cache:6380/2", tmp_path)[1] == f"unix://default:pw@{tmp_path}/redis.sock?db=2"
    )
    assert redis_link("unix:///run/v.sock", tmp_path)[1] == f"unix://{tmp_path}/redis.sock?db=0"


@pytest.fixture
async def echo(tmp_path: Path) -> AsyncIterator[Link]:
    """A link to a server that sends back what it is sent."""

    async def serve(incoming: asyncio.StreamReader, outgoing: asyncio.StreamWriter) -> None:
        while data := await incoming.read(100):
            outgoing.write(data)
        outgoing.close()

    server = await asyncio.start_unix_server(serve, tmp_path / "server")
    link = Link(str(tmp_path / "link"), str(tmp_path / "server"))
    async with link.standing():
        yield link
    server.close()


async def sent(reader_: asyncio.StreamReader, writer: asyncio.StreamWriter, word: bytes) -> bytes:
    """Send a word; return what comes back, nothing where the connection ends."""
    writer.write(word)
    try:
        return await reader_.read(100)
    except ConnectionResetError:
        return b""


async def test_a_link_passes_slows_and_cuts(echo: Link, tmp_path: Path) -> None:
    ends = await asyncio.open_unix_connection(tmp_path / "link")
    assert await sent(*ends, b"word") == b"word"
    async with echo.slow(0.01):
        assert await sent(*ends, b"slow") == b"slow"
    async with echo.resetting():
        assert await sent(*ends, b"lost") == b""
    ends[1].close()
    ends = await asyncio.open_unix_connection(tmp_path / "link")
    assert await sent(*ends, b"again") == b"again"
    ends[1].close()


async def test_a_link_that_nobody_uses_cannot_be_broken(echo: Link) -> None:
    for broken in (echo.slow(0.01), echo.resetting()):
        with pytest.raises(Unavailable, match="nothing was broken"):
            async with broken:
                await asyncio.sleep(0)


async def test_a_link_to_nobody_cuts_at_once(tmp_path: Path) -> None:
    async with Link(str(tmp_path / "link"), str(tmp_path / "nobody")).standing():
        incoming, outgoing = await asyncio.open_unix_connection(tmp_path / "link")
        assert await incoming.read() == b""
        outgoing.close()
