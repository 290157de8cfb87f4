"""The caches of a process: one bus, and a two-layer cache for each name."""

from typing import TypeVar

from nova.platform.cache.bus import InvalidationBus
from nova.platform.cache.codec import Codec
from nova.platform.cache.shared import SharedLayer
from nova.platform.cache.trust import Trust
from nova.platform.cache.two_layer import Cache
from nova.platform.clock import Clock
from nova.platform.config import CacheKnobs
from nova.platform.redis.client import Redis
from nova.platform.tasks import Tasks

V = TypeVar("V")


class Caches:
    """Opens caches before `start`; before it, and after `aclose`, they work for moments, without Redis."""

    def __init__(
        self, redis: Redis, url: str, *, clock: Clock, knobs: CacheKnobs, tasks: Tasks | None = None
    ) -> None:
        self._redis = redis
        self._knobs = knobs
        # Not `or`: without a task so far, tasks are as empty as no tasks.
        tasks = Tasks() if tasks is None else tasks
        self._bus = InvalidationBus(redis, url, clock=clock, poll_s=knobs.poll_s, tasks=tasks)

    def open(
        self, name: str, codec: Codec[V], *, entries: int | None = None, ttl_s: float | None = None
    ) -> Cache[V]:
        """Return the cache `name`, such as `user.profile`; another meaning of its bytes needs another name.

        `entries` bounds the values in the process; `ttl_s` is the life of a value there, at most what is configured.
        With 0 the process keeps nothing, and Redis is asked each time: a reader in another process then sees a change
        as soon as whoever made it has awaited `invalidate`, and not some milliseconds later.
        """
        knobs = self._knobs
        shared = SharedLayer(
            self._redis, name=name.encode(), codec=codec, trust=Trust(), ttl_s=knobs.redis_ttl_s
        )
        local_ttl_s = knobs.local_ttl_s if ttl_s is None else min(ttl_s, knobs.local_ttl_s)
        return Cache(shared, bus=self._bus, entries=entries or knobs.local_entries, ttl_s=local_ttl_s)

    async def start(self) -> None:
        """Connect to the bus, at once or as soon as Redis answers."""
        await self._bus.start()

    async def aclose(self) -> None:
        """Leave the bus."""
        await self._bus.aclose()
