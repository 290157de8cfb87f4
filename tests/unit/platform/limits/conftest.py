"""A connected client on the session's server."""

from collections.abc import AsyncIterator

import pytest

from nova.platform.redis.client import Redis, connect


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = await connect(redis_url)
    await client.execute("FLUSHALL")
    yield client
    await client.aclose()
