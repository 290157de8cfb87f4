"""GET from 32 tasks at once beside redis.asyncio and valkey-glide."""

import asyncio
import importlib
import importlib.util
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import redis.asyncio

from bench.micro.harness import Case, Contender, main
from bench.micro.server import valkey
from nova.platform.redis.client import Redis, connect

# valkey-glide is in the extra `bench`.
glide: Any = importlib.import_module("glide") if importlib.util.find_spec("glide") else None

MODULE = "bench.micro.bench_redis"
TASKS, TURNS, KEYS = 32, 10, 1_000
VALUE = b"v" * 200
Get = Callable[[str], Awaitable[bytes | None]]


async def reads(get: Get, turn: int) -> int:
    """Read `TURNS` keys one after the other in each of `TASKS` tasks."""

    async def reader(number: int) -> int:
        size = 0
        for step in range(TURNS):
            size += len(await get(f"k{(turn + number * 31 + step * 7) % KEYS}") or b"")
        return size

    return sum(await asyncio.gather(*[reader(number) for number in range(TASKS)]))


async def filled(port: int) -> Redis:
    """Return our client, with the keys in place."""
    ours = await connect(f"redis://127.0.0.1:{port}")
    await asyncio.gather(*[ours.execute("SET", f"k{number}", VALUE) for number in range(KEYS)])
    return ours


def cases() -> Iterator[Case]:
    """Read values of 200 bytes over TCP; a call is 320 reads by 32 tasks."""
    with valkey() as (loop, port):
        ours = loop.run_until_complete(filled(port))
        theirs = redis.asyncio.Redis(port=port)

        def by(get: Get) -> Callable[[int], int]:
            return lambda turn: loop.run_until_complete(reads(get, turn))

        contenders: dict[str, Any] = {"redis.asyncio": theirs.get}
        if glide is not None:
            configuration = glide.GlideClientConfiguration([glide.NodeAddress("127.0.0.1", port)])
            other = loop.run_until_complete(glide.GlideClient.create(configuration))
            contenders["valkey-glide"] = other.get
        peers = [
            Contender(name, by(get), 0.1 if name == "redis.asyncio" else None)
            for name, get in contenders.items()
        ]
        nova = by(lambda key: ours.execute("GET", key))

        def check(turn: int) -> None:
            for contender in (nova, *[peer.call for peer in peers]):
                assert contender(turn) == TASKS * TURNS * len(VALUE)

        missing = [] if glide is not None else ["valkey-glide"]
        yield Case(f"GET {len(VALUE)} B, {TASKS} tasks", Contender("nova", nova), peers, 2, check, missing)
        if glide is not None:
            loop.run_until_complete(other.close())
        loop.run_until_complete(theirs.aclose())
        loop.run_until_complete(ours.aclose())


if __name__ == "__main__":
    main(MODULE, cases)
