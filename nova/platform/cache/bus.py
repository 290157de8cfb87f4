"""The invalidation bus of a process: hears what changed elsewhere, and finds what Pub/Sub lost.

Messages carry numbers without holes. Whoever misses one sees the hole at the next message, or at the next poll,
and reads it from the stream. A bus that could not ask for `_LEASE_S` lapses: its caches forget what they hold
and keep values for moments only, until it has begun anew.
"""

import asyncio
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Protocol

import structlog

from nova.platform.cache import message
from nova.platform.cache.metrics import DEGRADED, POLLS_FAILED, REPAIRED
from nova.platform.cache.speaker import Marks, Speaker
from nova.platform.cache.trust import Trust
from nova.platform.clock import Clock
from nova.platform.errors import NovaError, Unavailable
from nova.platform.redis.client import Redis
from nova.platform.redis.subscriber import Message, Subscriber
from nova.platform.tasks import Tasks

_log = structlog.get_logger(__name__)

# A stale value lives at most this long beside a Redis that answers nothing; the promise is a second.
_LEASE_S = 0.9
_TICK_S = 0.1
_PAGE = 1_000


class Listener(Protocol):
    """A cache, as the bus sees it."""

    name: bytes
    trust: Trust

    def forget(self, keys: Iterable[bytes]) -> None:
        """Drop these keys from the process, and the loads in progress for them."""
        ...

    def forget_matching(self, pattern: re.Pattern[bytes]) -> None:
        """Drop the keys that match wholly."""
        ...

    def forget_all(self) -> None:
        """Drop everything."""
        ...

    def tick(self, now: float) -> None:
        """Take the time, in seconds of the monotonic clock."""
        ...


class InvalidationBus:
    """One a process. `generation` grows at each lapse; while it is not `healthy`, Redis is not believed."""

    def __init__(self, redis: Redis, url: str, *, clock: Clock, poll_s: float, tasks: Tasks) -> None:
        self._redis = redis
        self._clock = clock
        self._tasks = tasks
        self._poll_s = poll_s
        self._subscriber = Subscriber(
            url, channels=[message.CHANNEL], on_messages=self._hear, on_ready=self._look_soon
        )
        self._listeners: dict[bytes, list[Listener]] = {}
        self._number = 0
        self._ahead: set[int] = set()
        self._lease_until = 0.0
        self._soon = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None
        self._ticker: asyncio.TimerHandle | None = None
        self.speaker = Speaker(redis, on_kept=lambda: self._lapse("not heard"))
        self.healthy = False
        self.generation = 0

    def add(self, listener: Listener) -> None:
        """Tell `listener` from now on; before `start`, so that it learns the patterns of the last minutes."""
        self._listeners.setdefault(listener.name, []).append(listener)

    async def start(self) -> None:
        """Listen, and begin: at once, or as soon as Redis answers."""
        self._redis.on_change(self._redis_changed)
        await self._subscriber.start()
        DEGRADED.set(1)
        with suppress(Unavailable):  # the watcher tries again
            await self._begin()
        self._watcher = self._tasks.spawn("cache-watcher", self._watch(), critical=True)
        self._tick()

    async def aclose(self) -> None:
        """Stop, after what was said has been answered. The caches go on as if Redis were lost."""
        if self._ticker is not None:
            self._ticker.cancel()
        if self._watcher is not None:
            await self._tasks.cancel(self._watcher)
        await self.speaker.aclose()
        await self._subscriber.aclose()
        self._disbelieve()

    def tell_keys(self, name: bytes, marks: Marks) -> "asyncio.Future[None]":
        """Forget these keys of the caches `name` here at once, and tell every other process (`Speaker.tell`)."""
        for listener in self._listeners.get(name, ()):
            listener.forget(marks)
        return self.speaker.tell(name, marks=marks)

    def tell_pattern(self, name: bytes, pattern: bytes) -> "asyncio.Future[None]":
        """Forget here at once what matches, and tell every other process (`Speaker.tell`)."""
        matching, now = message.glob(pattern), self.now()
        for listener in self._listeners.get(name, ()):
            listener.forget_matching(matching)
            listener.trust.hold(matching, now=now)
        return self.speaker.tell(name, marks={}, pattern=pattern)

    def now(self) -> float:
        """Return the monotonic time in seconds; lapses first when the lease has run out."""
        now = self._clock.monotonic()
        if self.healthy and now > self._lease_until:
            self._lapse("no answer")
        return now

    def _hear(self, messages: Sequence[Message]) -> None:
        said = [payload for _, payload in messages]
        first, last = message.number_of(said[0]), message.number_of(said[-1])
        # Numbers only grow on one connection, so the ends tell that nothing is missing in between.
        if first == self._number + 1 and last - first == len(said) - 1:
            self._number = last
        else:
            said = self._unheard(said)
            self._soon.set()
        self._obey(said, last)

    def _unheard(self, said: Sequence[bytes]) -> list[bytes]:
        """Return the messages that the poll has not read already, and remember those beyond a hole."""
        unheard = [one for one in said if message.number_of(one) > self._number]
        for one in unheard:
            number = message.number_of(one)
            if number == self._number + 1:
                self._number = number
            else:
                self._ahead.add(number)
        return unheard

    def _obey(self, said: Sequence[bytes], last: int) -> None:
        """Forget what the messages say changed; `last` is a number not below any of theirs."""
        for about, rests in message.sorted_by_subject(said):
            listeners = self._listeners.get(about.name, ())
            if about.letter == message.PATTERN:
                for pattern in rests:
                    self._distrust(last, pattern, listeners)
            # What this process said of keys it had forgotten before; what it holds now was loaded since.
            elif about.letter != message.NOTHING[:1] and about.sender != self.speaker.sender:
                many = about.letter == message.MANY
                keys = [key for rest in rests for key in message.keys_in(rest)] if many else rests
                for listener in listeners:
                    listener.forget(keys)

    def _distrust(self, number: int, pattern: bytes, listeners: Iterable[Listener]) -> None:
        until = self._clock.monotonic() + message.PATTERN_MS / 1000
        matching = message.glob(pattern)
        for listener in listeners:
            listener.forget_matching(matching)
            listener.trust.distrust_matching(number, matching, until=until)

    async def _watch(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_LEASE_S):
                    await self._look()
            except (NovaError, TimeoutError):
                POLLS_FAILED.inc()
            try:
                async with asyncio.timeout(self._poll_s):
                    await self._soon.wait()
            except TimeoutError:
                continue
            self._soon.clear()

    async def _look(self) -> None:
        """Read what was missed, and renew the lease; begin anew where that cannot be done."""
        if self.speaker.behind:
            await self.speaker.tell_again()
            if self.speaker.behind:
                return
        if not self.healthy:
            await self._begin()
            return
        asked_at, known, generation = self._clock.monotonic(), self._number, self.generation
        number = await self._redis.execute("GET", message.SEQUENCE)
        if number is None or int(number) < known or not await self._catch_up(int(number)):
            self._lapse("numbers lost")
            await self._begin()
        elif self.generation == generation:
            self._lease_until = asked_at + _LEASE_S

    async def _catch_up(self, number: int) -> bool:
        """Obey the stream up to `number`; False when it no longer holds what is missing."""
        while self._number < number:
            first = self._number + 1
            page = await self._redis.execute(
                "XRANGE", message.STREAM, f"{first}-0", f"{number}-0", "COUNT", _PAGE
            )
            if not page or message.number_of(page[0][1][1]) != first:
                # Unless Pub/Sub brought it while the stream was asked.
                if self._number >= first:
                    continue
                return False
            self._repair([said for _, (_, said) in page])
        self._ahead.clear()
        return True

    def _repair(self, page: Sequence[bytes]) -> None:
        """Obey a page of the stream, save what Pub/Sub brought."""
        missing = [said for said in self._unheard(page) if message.number_of(said) not in self._ahead]
        REPAIRED.inc(len(missing))
        self._obey(missing, self._number)

    async def _begin(self) -> None:
        """Start from the present number, knowing nothing; a Redis that was restarted is not believed."""
        asked_at = self._clock.monotonic()
        # Loaded now, so that no invalidation ever needs a second round trip, which a read could overtake.
        await self._redis.load(message.PUBLISH)
        info = await self._redis.execute("INFO", "server")
        run = info.partition(b"run_id:")[2].partition(b"\r\n")[0]
        known, number, floor = await self._redis.execute("MGET", message.RUN, message.SEQUENCE, message.FLOOR)
        if known != run or number is None:
            # A restart may have lost its last tombstones: values from before it are too old to believe.
            number = floor = await self.speaker.take_number()
            await self._redis.execute("MSET", message.FLOOR, floor, message.RUN, run)
        patterns = await self._redis.execute("ZRANGE", message.PATTERNS, 0, -1)
        self._number = int(number)
        self._ahead.clear()
        for listener in (one for several in self._listeners.values() for one in several):
            listener.forget_all()
            listener.trust.distrust_before(int(floor or 0))
        for entry in patterns:
            name, _, pattern = entry[message.DIGITS :].partition(b"\0")
            self._distrust(int(entry[: message.DIGITS]), pattern, self._listeners.get(name, ()))
        self._lease_until = asked_at + _LEASE_S
        self.healthy = True
        DEGRADED.set(0)

    def _lapse(self, why: str) -> None:
        if self.healthy:
            DEGRADED.set(1)
            _log.warning("cache_degraded", why=why)
            self._disbelieve()

    def _disbelieve(self) -> None:
        """Forget all, and believe nothing in Redis until the bus has begun anew."""
        self.healthy = False
        self.generation += 1
        for listener in (one for several in self._listeners.values() for one in several):
            listener.forget_all()

    def _redis_changed(self, connected: bool) -> None:
        if connected:
            self._look_soon()
        else:
            self._lapse("connection lost")

    def _look_soon(self) -> None:
        self._soon.set()

    def _tick(self) -> None:
        now = self.now()
        for listener in (one for several in self._listeners.values() for one in several):
            listener.tick(now)
        self._ticker = asyncio.get_running_loop().call_later(_TICK_S, self._tick)
