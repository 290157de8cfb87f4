"""What a part says of its health at its port; and a port at which somebody else answers, or nobody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from nova.app.ports import free_range
from nova.app.processes import RELAY, gateway_serves, metrics_port_of, metrics_ports, part_lives, relay_serves
from nova.platform.config import Config
from nova.platform.configure import load
from tests.listening import listening


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[Config]:
    """Yield the configuration of a platform whose relay's port answers everything with these bytes."""
    base = free_range(metrics_ports())

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with listening(serve, port=metrics_port_of(base, RELAY)):
        yield load({"NOVA_METRICS_PORT": str(base)})


@pytest.mark.parametrize(
    ("answer", "serves", "lives"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", True, True),
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}", False, False),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", False, True),
        (b"", False, True),
        (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", False, True),
        (b"SSH-2.0-OpenSSH_9.9\r\n", False, True),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 1000 + b"\r\n", False, True),
    ],
    ids=["yes", "no", "another program", "hangs up", "HTTP/2", "no HTTP", "too many headers"],
)
async def test_only_a_no_is_a_no(answer: bytes, serves: bool, lives: bool) -> None:
    async with answering(answer) as config:
        port = metrics_port_of(config.telemetry.metrics_port or 0, RELAY)
        assert await relay_serves(config, False) is serves
        assert await gateway_serves(f"http://127.0.0.1:{port}", False) is serves
        assert await part_lives(config, RELAY, False) is lives


async def test_where_nobody_answers_nobody_knows() -> None:
    config = load({"NOVA_METRICS_PORT": str(free_range(metrics_ports()))})
    assert not await relay_serves(config, False)
    assert await part_lives(config, RELAY, False)
