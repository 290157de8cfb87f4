"""H1 to H5: requests that two servers could read differently, endless ones, and slow ones."""

import asyncio
from ipaddress import ip_address
from pathlib import Path

import pytest

from nova.gateway.http.protocol import HardenedHttp
from nova.gateway.server import GatewayServer
from nova.platform.config import Config, Limits, Server
from tests.e2e.gateway.door import Door
from tests.unit.gateway.edge import edge
from tests.unit.gateway.town import Town

POST = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"
BODY = b'{"query":"{ __typename }"}'
SMUGGLING = {
    "length and chunks": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "two equal lengths": POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "a list of lengths": POST + b"Content-Length: 1, 1\r\n\r\na",
    "a signed length": POST + b"Content-Length: +18\r\n\r\n" + b"a" * 18,
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "a hexadecimal length": POST + b"Content-Length: 0x1\r\n\r\na",
    "a space before the colon": POST + b"Content-Length : 1\r\n\r\na",
    "a bare LF": b"GET /livez HTTP/1.1\nHost: localhost\n\n",
    "a bare LF among headers": GET + b"X: a\nY: b\r\n\r\n",
    "a bare CR": GET + b"X: a\rY: b\r\n\r\n",
    "a folded line": GET + b"X: a\r\n b\r\n\r\n",
    "a folded first line": b"GET /livez HTTP/1.1\r\n Host: localhost\r\n\r\n",
    "a bad chunk": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    "a chunk that is too long": POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    "a chunk with a bare LF": POST + b"Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
    "another coding": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a coding in disguise": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks over HTTP/1.0": POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a header without a name": GET + b": x\r\n\r\n",
    "NUL in a header": GET + b"X: a\0b\r\n\r\n",
    "a target that is a URL": b"GET http://other/livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a target that is a star": b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "another upgrade": GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0",
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}


@pytest.mark.parametrize("name", SMUGGLING)
async def test_h1_it_is_refused_and_the_connection_closed(door: Door, name: str) -> None:
    reply = await door.raw(SMUGGLING[name])
    assert reply.status == 400
    assert reply.closed


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        (b"", 400),
        (b"Host: localhost\r\nHost: localhost\r\n", 400),
        (b"Host: \r\n", 400),
        (b"Host: local host\r\n", 400),
        (b"Host: localhost:99999999\r\n", 400),
        (b"Host: user@localhost\r\n", 400),
        (b"Host: evil.example\r\n", 421),
        (b"Host: localhost.evil.example\r\n", 421),
        (b"Host: LOCALHOST:8080\r\n", 200),
        (b"Host: 127.0.0.1\r\n", 200),
        (b"Host: [::1]:8080\r\n", 200),
    ],
)
async def test_h2_one_host_and_ours(door: Door, hosts: bytes, status: int) -> None:
    reply = await door.raw(b"GET /playground HTTP/1.1\r\n" + hosts + b"\r\n")
    assert reply.status == status


@pytest.mark.parametrize(
    "headers",
    [
        b"X: " + b"a" * 100_000 + b"\r\n",
        b"".join(b"X-%d: a\r\n" % number for number in range(2_000)),
        b"X" * 100_000 + b": a\r\n",
    ],
    ids=["100 kB", "2,000 headers", "a name of 100 kB"],
)
async def test_h3_large_and_many_headers_are_refused(door: Door, headers: bytes) -> None:
    reply = await door.raw(GET + headers + b"\r\n")
    assert reply.status == 431
    assert reply.closed


async def test_h3_headers_that_never_end_are_refused(door: Door) -> None:
    reply = await door.raw(GET + b"X: ", *[b"a" * 10_000] * 10)
    assert reply.status == 431


async def test_h3_a_long_target_is_refused(door: Door) -> None:
    reply = await door.raw(b"GET /graphql?query=" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert reply.status == 414


class _Hasty(HardenedHttp):
    """The same protocol with no patience."""

    header_timeout_s = 0.2
    body_timeout_s = 0.2


@pytest.mark.parametrize(
    "sent", [b"", GET, POST + b"Content-Length: 10\r\n\r\n123"], ids=["none", "head", "body"]
)
async def test_h4_slow_requests_are_cut(town: Town, redis_url: str, tmp_path: Path, sent: bytes) -> None:
    assert HardenedHttp.header_timeout_s <= 10
    assert HardenedHttp.body_timeout_s <= 30
    config = Config(limits=Limits(enabled=False), server=Server(port=0, data=tmp_path, drain_s=1))
    async with edge(town, redis_url, config=config) as made:
        server = GatewayServer(
            made.gateway.app, made.gateway.sockets, host="127.0.0.1", port=0, drain_s=1, protocol=_Hasty
        )
        await server.start()
        try:
            reply = await Door(made, server.port).raw(sent)
        finally:
            await server.stop()
    assert reply.status == 408
    assert reply.closed


async def test_h4_a_body_that_drips_is_cut(town: Town, redis_url: str, tmp_path: Path) -> None:
    config = Config(limits=Limits(enabled=False), server=Server(port=0, data=tmp_path, drain_s=1))
    async with edge(town, redis_url, config=config) as made:
        server = GatewayServer(
            made.gateway.app, made.gateway.sockets, host="127.0.0.1", port=0, drain_s=1, protocol=_Hasty
        )
        await server.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(POST + b"Content-Length: 100000\r\n\r\n")
        answer = asyncio.ensure_future(reader.readline())
        while not answer.done():
            writer.write(b" ")
            await asyncio.wait([answer], timeout=0.02)
        writer.close()
        await server.stop()
    assert answer.result().split()[1] == b"408"


def test_r6_what_speaks_http2_listens_inside() -> None:
    """gRPC's library stops neither rapid resets nor floods of headers: the rooms' ports are not for outside."""
    assert ip_address(Server().grpc_host).is_loopback


async def test_r6_the_door_offers_no_http2(door: Door) -> None:
    reply = await door.raw(
        GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
    )
    assert reply.status == 400
    assert reply.closed


async def test_h5_a_large_body_is_refused_before_it_is_read(door: Door) -> None:
    reply = await door.raw(POST + b"Content-Length: 1048577\r\n\r\n")
    assert reply.status == 413
    assert reply.closed


async def test_h5_an_endless_body_is_refused_once_it_is_too_large(door: Door) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    reply = await door.raw(POST + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 17)
    assert reply.status == 413


async def test_h5_a_compressed_body_is_refused(door: Door) -> None:
    reply = await door.raw(POST + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b")
    assert reply.status == 415


async def test_good_requests_pass_in_chunks_and_in_a_row(door: Door) -> None:
    chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    assert (await door.raw(chunked)).body.startswith(b'{"data":{"__typename":"Query"}')
    plain = POST + b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(plain * 3)
    for _ in range(3):
        assert (await reader.readline()).split()[1] == b"200"
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(int(length.split(b":")[1]))
    writer.close()


async def test_a_caller_who_leaves_ends_his_work(door: Door, town: Town) -> None:
    ada, bob = town.person("ada"), town.person("bob")
    town.post(bob)
    town.gate = asyncio.Event()
    body = b'{"query":"{ homeFeed { edges { node { id } } } }"}'
    authorization = f"Authorization: Bearer {town.token(ada)}\r\n".encode()
    _, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(POST + authorization + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    await asyncio.wait_for(town.entered.wait(), 5)
    writer.close()
    await asyncio.wait_for(town.left.wait(), 5)
    assert not town.gate.is_set()
