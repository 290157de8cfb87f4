"""The layer in Redis: values with the sequence number at which their load began.

A value is 16 digits, one letter and the payload: V a value, N known to be absent, T a tombstone.
"""

import asyncio
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from nova.platform.cache.codec import Codec, Undecodable
from nova.platform.cache.message import DIGITS, SEQUENCE
from nova.platform.cache.metrics import STORES_FAILED
from nova.platform.cache.trust import Trust
from nova.platform.errors import NovaError
from nova.platform.redis.client import Redis, Script
from nova.platform.redis.connection import Argument

V = TypeVar("V")

_PATIENCE_S = 0.1
_PAYLOAD = DIGITS + 1
NEGATIVE_SHARE = 1 / 6
"""The life of "known to be absent", as a part of the life of a value, in both layers."""

STORE = Script("""
-- KEYS: the keys. ARGV: the number at which the load began, then for each key its life in ms and its value.
local began, stored = tonumber(ARGV[1]), 0
for i = 1, #KEYS do
  local there = redis.call('GETRANGE', KEYS[i], 0, 15)
  if there == '' or tonumber(there) <= began then
    redis.call('SET', KEYS[i], ARGV[2 * i + 1], 'PX', ARGV[2 * i])
    stored = stored + 1
  end
end
return stored
""")


class Fetched(NamedTuple, Generic[V]):
    """What Redis had, and the number at which it was asked: None when it did not answer."""

    values: dict[bytes, V | None]
    began: int | None


class SharedLayer(Generic[V]):
    """The values of one cache in Redis. Nothing here fails: what Redis does not give is a miss."""

    def __init__(self, redis: Redis, *, name: bytes, codec: Codec[V], trust: Trust, ttl_s: float) -> None:
        self._redis = redis
        self._prefix = b"cache:" + name + b":"
        self._codec = codec
        self._storing: set[asyncio.Task[None]] = set()
        self.name = name
        self.trust = trust
        self._ttl_ms = ttl_s * 1000

    def names(self, keys: Iterable[bytes]) -> list[bytes]:
        """Return the keys as Redis knows them."""
        return [self._prefix + key for key in keys]

    async def fetch(self, keys: Sequence[bytes]) -> Fetched[V]:
        """Return the believed values of `keys`, in one command with the sequence number."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                number, *found = await self._redis.execute("MGET", SEQUENCE, *self.names(keys))
        except (NovaError, TimeoutError):
            return Fetched({}, None)
        values: dict[bytes, V | None] = {}
        for key, data in zip(keys, found, strict=True):
            if data is not None and self.trust.believes(key, int(data[:DIGITS])):
                self._take(values, key, data)
        return Fetched(values, None if number is None else int(number))

    def store(self, values: Mapping[bytes, V | None], *, began: int) -> None:
        """Keep values whose load began at `began`, where nothing newer is. Nobody waits for it."""
        args: list[Argument] = [began]
        for value in values.values():
            # Spread over a fifth of their life, so that what was stored together does not expire together.
            life_ms = self._ttl_ms * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load, hides nothing
            if value is None:
                args += [int(life_ms * NEGATIVE_SHARE), b"%0*dN" % (DIGITS, began)]
            else:
                args += [int(life_ms), b"%0*dV" % (DIGITS, began) + self._codec.encode(value)]
        task = asyncio.get_running_loop().create_task(self._stored(self.names(values), args))
        self._storing.add(task)
        task.add_done_callback(self._storing.discard)

    async def _stored(self, names: list[bytes], args: list[Argument]) -> None:
        try:
            await self._redis.run(STORE, keys=names, args=args)
        except NovaError:
            STORES_FAILED.inc()

    def _take(self, values: dict[bytes, V | None], key: bytes, data: bytes) -> None:
        letter = data[DIGITS:_PAYLOAD]
        if letter == b"N":
            values[key] = None
        elif letter == b"V":
            try:
                values[key] = self._codec.decode(data[_PAYLOAD:])
            except Undecodable:
                return
