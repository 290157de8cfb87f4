"""The invalidation bus beside `listen()` of redis.asyncio."""

import asyncio
import re
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator

import redis.asyncio

from bench.micro.harness import Case, Contender, main
from bench.micro.server import valkey
from nova.app.bench.figures import Figure
from nova.platform.cache.bus import InvalidationBus
from nova.platform.cache.message import CHANNEL, SEQUENCE, keys_body
from nova.platform.cache.trust import Trust
from nova.platform.clock import SystemClock
from nova.platform.redis.client import Redis, Script, connect
from nova.platform.redis.subscriber import Subscriber
from nova.platform.tasks import Tasks

MODULE = "bench.micro.bench_invalidation"
MESSAGES = 1_000
# With the number, the sender and the name in front of it, a message has 66 bytes.
KEY = 28
PACED, BURST, ROUNDS = 5_000, 50, 9
NAME = b"user.profile"

# The server makes the messages, so that the time of this process is the time of listening.
FLOOD = Script("""
local number = 0
for i = 1, tonumber(ARGV[2]) do
  number = redis.call('INCR', KEYS[1])
  redis.call('PUBLISH', ARGV[1], string.format('%016.0f', number) .. ARGV[3])
end
return number
""")


class Counter:
    """Counts what it hears, and wakes whoever waits for a number of messages."""

    name = NAME

    def __init__(self) -> None:
        self.trust = Trust()
        self.heard = 0
        self.delays_s: list[float] = []
        self._wanted = 0
        self._reached = asyncio.Event()

    def want(self, more: int) -> Awaitable[bool]:
        self._wanted = self.heard + more
        self._reached.clear()
        return self._reached.wait()

    def count(self, messages: int) -> None:
        self.heard += messages
        if self.heard >= self._wanted:
            self._reached.set()

    def forget(self, keys: Iterable[bytes]) -> None:
        for key in keys:
            if key[:1] == b"t":
                self.delays_s.append(time.perf_counter() - float(key[1:]))
            self.count(1)

    def forget_matching(self, pattern: re.Pattern[bytes]) -> None:  # noqa: ARG002 - one message, whatever it covers
        self.count(1)

    def forget_all(self) -> None:
        """Nothing is kept."""

    def tick(self, now: float) -> None:
        """Nothing expires."""


class Listening:
    """The three listeners of one server: our bus, our subscriber alone, and redis-py."""

    def __init__(self, ours: Redis, port: int) -> None:
        url = f"redis://127.0.0.1:{port}"
        self.ours = ours
        self.bus, self.plain, self.peer = Counter(), Counter(), Counter()
        self._invalidations = InvalidationBus(ours, url, clock=SystemClock(), poll_s=0.5, tasks=Tasks())
        self._invalidations.add(self.bus)
        self._subscriber = Subscriber(
            url,
            channels=[b"plain"],
            on_messages=lambda batch: self.plain.count(len(batch)),
            on_ready=lambda: None,
        )
        self._pubsub = redis.asyncio.Redis(port=port).pubsub()

    async def start(self) -> None:
        await self._invalidations.start()
        await self._subscriber.start()
        await self._pubsub.subscribe("peer")
        self._reading = asyncio.create_task(self._read())

    async def aclose(self) -> None:
        self._reading.cancel()
        await asyncio.wait([self._reading])
        await self._pubsub.aclose()  # type: ignore[no-untyped-call] # redis-py leaves it so
        await self._subscriber.aclose()
        await self._invalidations.aclose()

    async def _read(self) -> None:
        async for message in self._pubsub.listen():
            if message["type"] == "message":
                data: bytes = message["data"]
                self.peer.forget([data[-KEY:]])

    async def flood(self, counter: Counter, channel: bytes, sequence: bytes) -> int:
        reached = counter.want(MESSAGES)
        await self.ours.run(FLOOD, keys=[sequence], args=[channel, MESSAGES, body(b"k" * KEY)])
        await reached
        return counter.heard

    async def p99_ms(self, counter: Counter, channel: bytes, sequence: bytes) -> float:
        """Return the 99th percentile from saying to hearing, of bursts that leave in one command each ms."""
        counter.delays_s.clear()
        for _ in range(PACED // BURST):
            reached = counter.want(BURST)
            key = b"t%027.9f" % time.perf_counter()
            said = self.ours.run(FLOOD, keys=[sequence], args=[channel, BURST, body(key)])
            await asyncio.gather(reached, said, asyncio.sleep(0.001))
        return sorted(counter.delays_s)[int(len(counter.delays_s) * 0.99)] * 1000


def body(key: bytes) -> bytes:
    """Return what follows the number, said by another process."""
    return b"elsewher" + keys_body(NAME, [key])


async def started(port: int) -> Listening:
    listening = Listening(await connect(f"redis://127.0.0.1:{port}"), port)
    await listening.start()
    return listening


def cases() -> Iterator[Case]:
    """Hear a thousand messages, made by the server in one go; a call is all of them."""
    with valkey() as (loop, port):
        listening = loop.run_until_complete(started(port))

        def flood(counter: Counter, channel: bytes, sequence: bytes) -> Callable[[int], int]:
            return lambda _: loop.run_until_complete(listening.flood(counter, channel, sequence))

        by_bus = flood(listening.bus, CHANNEL, SEQUENCE)
        by_subscriber = flood(listening.plain, b"plain", b"n1")
        by_peer = flood(listening.peer, b"peer", b"n2")

        def check(turn: int) -> None:
            assert by_bus(turn) == by_subscriber(turn) == by_peer(turn) == (turn + 1) * MESSAGES

        # Round about, and the median of the rounds: one pause of the machine is a whole percentile.
        rounds = [
            (
                loop.run_until_complete(listening.p99_ms(listening.bus, CHANNEL, SEQUENCE)),
                loop.run_until_complete(listening.p99_ms(listening.peer, b"peer", b"n2")),
            )
            for _ in range(ROUNDS)
        ]
        p99s = [statistics.median(of_one) for of_one in zip(*rounds, strict=True)]
        listening.bus.heard = listening.peer.heard = 0
        yield Case(
            f"{MESSAGES} messages",
            Contender("nova, bus: keys forgotten", by_bus),
            [
                Contender("redis.asyncio listen()", by_peer, cpu_goal=0.15),
                Contender("nova, subscriber alone", by_subscriber),
            ],
            2,
            check,
            figures=[
                Figure(name=f"p99 in bursts of {BURST}, bus", value=p99s[0], unit="ms"),
                Figure(name=f"p99 in bursts of {BURST}, redis.asyncio", value=p99s[1], unit="ms"),
                Figure(name="ratio of the p99s", value=p99s[0] / p99s[1], unit="", goal=0.6),
            ],
        )
        loop.run_until_complete(listening.aclose())
        loop.run_until_complete(listening.ours.aclose())


if __name__ == "__main__":
    main(MODULE, cases)
