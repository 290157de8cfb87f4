"""One cache: in the process first, then in Redis, then the source."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Generic, Literal, TypeVar

from nova.platform.cache import message
from nova.platform.cache.bus import InvalidationBus
from nova.platform.cache.flights import Flight, Flights
from nova.platform.cache.local import MISS, LocalLayer, Miss
from nova.platform.cache.metrics import Stats
from nova.platform.cache.shared import NEGATIVE_SHARE, SharedLayer

V = TypeVar("V")

_DEGRADED_TTL_S = 0.5
_LONGEST_LOAD_S = message.TOMBSTONE_MS / 1000 / 2

LoadOne = Callable[[bytes], Awaitable[V | None]]
LoadMany = Callable[[list[bytes]], Awaitable[Mapping[bytes, V]]]


class Cache(Generic[V]):
    """Values by key; None is a value too: "known to be absent". Values are shared between readers.

    A load runs in the context of the first who asked for it, so what it returns must not depend on who asks.
    """

    def __init__(self, shared: SharedLayer[V], *, bus: InvalidationBus, entries: int, ttl_s: float) -> None:
        self.name = shared.name
        self.trust = shared.trust
        self._shared = shared
        self._bus = bus
        self._ttl_s = ttl_s
        self._local: LocalLayer[V | None] = LocalLayer(most=entries)
        self._flights: Flights[V] = Flights()
        self._stats = Stats(self.name.decode())
        bus.add(self)

    def peek(self, key: bytes) -> V | Literal[Miss.MISS] | None:
        """Return what the process holds, or MISS. Time is told to a tenth of a second; nothing is counted."""
        return self._local.get(key)

    async def get(self, key: bytes, load: LoadOne[V]) -> V | None:
        """Return the value of `key`; `load(key)` is asked when no layer has it."""
        self._local.now = self._bus.now()
        value = self._local.get(key)
        if value is not MISS:
            self._stats.local_hits += 1
            return value

        async def load_missing(_: list[bytes]) -> Mapping[bytes, V]:
            loaded = await load(key)
            return {} if loaded is None else {key: loaded}

        return (await self._load([key], load_missing))[key]

    async def get_many(self, keys: Iterable[bytes], load_missing: LoadMany[V]) -> dict[bytes, V | None]:
        """Return the value of every key; `load_missing(keys)` is asked once for those that no layer has.

        A key that it leaves out is known to be absent from then on.
        """
        self._local.now = self._bus.now()
        found: dict[bytes, V | None] = {}
        missing: list[bytes] = []
        for key in dict.fromkeys(keys):
            value = self._local.get(key)
            if value is MISS:
                missing.append(key)
            else:
                found[key] = value
        self._stats.local_hits += len(found)
        return found | await self._load(missing, load_missing) if missing else found

    def invalidate(self, *keys: bytes) -> "asyncio.Future[None]":
        """Forget keys here at once, and everywhere else within milliseconds. Call it after COMMIT.

        A read here that starts after this call sees the change. The future is done when Redis knows, or when
        it is noted for when Redis is back; it never fails, and need not be awaited.
        """
        return self._bus.tell_keys(self.name, dict(zip(keys, self._shared.names(keys), strict=True)))

    def invalidate_matching(self, pattern: bytes) -> "asyncio.Future[None]":
        """Forget every key that matches a glob (`*`, `?`, `[...]`; `glob.escape` makes a text literal).

        Meant for rare, broad changes: a pattern is held against every value from Redis for minutes.
        """
        return self._bus.tell_pattern(self.name, pattern)

    def forget(self, keys: Iterable[bytes]) -> None:
        """Drop keys from this process only; what is being loaded for them is not kept."""
        for key in keys:
            self._local.drop(key)
        self._flights.forget(keys)

    def forget_matching(self, pattern: re.Pattern[bytes]) -> None:
        """Drop keys that match wholly from this process only."""
        self._local.drop_matching(pattern)
        self._flights.forget_matching(pattern)

    def forget_all(self) -> None:
        """Drop everything from this process only."""
        self._local.clear()
        self._flights.clear()

    def tick(self, now: float) -> None:
        """Take the time, in seconds of the monotonic clock."""
        self._local.now = now
        self._stats.entries = len(self._local)
        self.trust.tick(now)

    async def _load(self, keys: list[bytes], load_missing: LoadMany[V]) -> dict[bytes, V | None]:
        self._stats.local_misses += len(keys)

        async def load(flight: Flight[V]) -> dict[bytes, V | None]:
            return await self._fly(flight, load_missing)

        return await self._flights.gather(keys, load)

    async def _fly(self, flight: Flight[V], load_missing: LoadMany[V]) -> dict[bytes, V | None]:
        bus = self._bus
        started_at, generation, believed = bus.now(), bus.generation, bus.healthy
        values: dict[bytes, V | None] = {}
        began: int | None = None
        if believed:
            # Redis must hear of what changed here before it is asked.
            bus.speaker.say_now()
            values, began = await self._shared.fetch(flight.keys)
            self._stats.shared_hits += len(values)
            self._stats.shared_misses += len(flight.keys) - len(values)
        absent = [key for key in flight.keys if key not in values]
        loaded = await load_missing(absent) if absent else {}
        values |= {key: loaded.get(key) for key in absent}
        # What a lapse or an invalidation overtook is for those who wait, and not to be kept.
        if bus.now() - started_at <= _LONGEST_LOAD_S and bus.generation == generation:
            current = self._flights.current(flight)
            self._keep(current, values, started_at=started_at, believed=believed)
            fresh = {key: values[key] for key in current if key in set(absent)}
            if began is not None and fresh:
                self._shared.store(fresh, began=began)
        return values

    def _keep(
        self, keys: list[bytes], values: Mapping[bytes, V | None], *, started_at: float, believed: bool
    ) -> None:
        """Keep values in the process, for moments only while there is no bus to take them back."""
        ttl_s = self._ttl_s if believed else min(self._ttl_s, _DEGRADED_TTL_S)
        if ttl_s == 0:
            return
        for key in keys:
            value = values[key]
            # What is loaded together should not expire together.
            life_s = ttl_s * random.uniform(0.9, 1.0)  # noqa: S311 - spreads load, hides nothing
            share = NEGATIVE_SHARE if value is None else 1.0
            self._local.put(key, value, expires_at=started_at + life_s * share)
