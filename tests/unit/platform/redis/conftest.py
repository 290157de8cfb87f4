"""A client that is connected over a Unix socket, and over TCP with a password."""

from collections.abc import AsyncIterator

import pytest

from nova.app.engines.embedded import Engines
from nova.platform.redis.client import Redis, connect
from tests.own_valkey import own_valkey


@pytest.fixture(scope="session", params=["unix", "tcp"])
async def redis_url(request: pytest.FixtureRequest, engines: Engines) -> AsyncIterator[str]:
    """Where a server is that nobody kills: the session's, and one by TCP."""
    if request.param == "unix":
        yield engines.redis_url
    else:
        async with own_valkey("tcp") as server:
            yield server.url


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    redis = await connect(redis_url)
    await redis.execute("FLUSHALL")
    yield redis
    await redis.aclose()
