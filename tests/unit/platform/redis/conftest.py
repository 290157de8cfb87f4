"""A connected client, and a server that may be killed."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nova.platform.redis.client import Redis, connect
from tests.own_valkey import OwnValkey


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    redis = await connect(redis_url)
    await redis.execute("FLUSHALL")
    yield redis
    await redis.aclose()


@pytest.fixture
async def valkey() -> AsyncIterator[OwnValkey]:
    with tempfile.TemporaryDirectory(prefix="nv-") as folder:
        server = OwnValkey(Path(folder))
        await server.start()
        yield server
        server.kill()
