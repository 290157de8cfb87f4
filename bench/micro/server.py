"""A Valkey and an event loop for benchmarks that talk to Redis, started once and stopped at the end."""

import asyncio
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop

from tests.own_valkey import OwnValkey


@contextmanager
def valkey() -> Iterator[tuple[asyncio.AbstractEventLoop, int]]:
    """Yield a loop of uvloop and the TCP port of a server that writes nothing to disk."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    with tempfile.TemporaryDirectory(prefix="nv-") as folder:
        server = OwnValkey(Path(folder))
        loop.run_until_complete(
            server.start("--port", str(port), "--bind", "127.0.0.1", "--appendonly", "no")
        )
        try:
            yield loop, port
        finally:
            server.kill()
            loop.close()
