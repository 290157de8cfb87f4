"""Two processes' worth of caches on one server, and a source that counts."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack

import pytest

from nova.platform.cache.caches import Caches
from nova.platform.cache.two_layer import Cache
from nova.platform.clock import Clock, SystemClock
from nova.platform.config import CacheKnobs
from nova.platform.redis.client import Redis, connect
from nova.platform.tasks import Tasks
from tests.own_valkey import own_valkey


class BytesCodec:
    """Values that are bytes already."""

    def encode(self, value: bytes) -> bytes:
        return value

    def decode(self, data: bytes) -> bytes:
        return data


class Process:
    """What one process has of a cache named `test`."""

    def __init__(self, redis: Redis, caches: Caches, cache: Cache[bytes]) -> None:
        self.redis = redis
        self.caches = caches
        self.cache = cache


class Source:
    """The truth, with a count of how often each key was asked for."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self.asked: list[bytes] = []

    async def load(self, key: bytes) -> bytes | None:
        self.asked.append(key)
        return self.values.get(key)

    async def load_missing(self, keys: list[bytes]) -> Mapping[bytes, bytes]:
        self.asked += keys
        return {key: self.values[key] for key in keys if key in self.values}


StartProcess = Callable[..., Awaitable[Process]]


@pytest.fixture
async def start_process(redis_url: str) -> AsyncIterator[StartProcess]:
    """Start a process on the session's server, or on that of `url`, hearing that of `bus_url`."""
    async with AsyncExitStack() as stack:

        async def start(
            url: str = redis_url,
            *,
            bus_url: str | None = None,
            clock: Clock | None = None,
            tasks: Tasks | None = None,
        ) -> Process:
            redis = await connect(url, timeout_s=0.5)
            stack.push_async_callback(redis.aclose)
            knobs = CacheKnobs(poll_s=0.1)
            caches = Caches(redis, bus_url or url, clock=clock or SystemClock(), knobs=knobs, tasks=tasks)
            cache = caches.open("test", BytesCodec())
            await caches.start()
            stack.push_async_callback(caches.aclose)
            return Process(redis, caches, cache)

        cleaner = await connect(redis_url)
        await cleaner.execute("FLUSHALL")
        await cleaner.aclose()
        yield start


@pytest.fixture
async def silent() -> AsyncIterator[str]:
    """Where a server is on which nobody speaks: a process that listens there is deaf."""
    async with own_valkey() as server:
        yield server.url


@pytest.fixture
def source() -> Source:
    return Source()
