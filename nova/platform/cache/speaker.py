"""The mouth of the invalidation bus: what is said is queued at once, and said again when Redis was away."""

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from nova.platform.cache import message
from nova.platform.cache.metrics import INVALIDATIONS
from nova.platform.cache.unsent import Unsent
from nova.platform.errors import NovaError
from nova.platform.redis.client import Redis

_KEYS_A_MESSAGE = 500

Marks = Mapping[bytes, bytes]
"""Keys of a cache, each with the name under which Redis marks it."""


class Speaker:
    """Says invalidations under the name of one process, `sender`; `on_kept` is called when Redis took one not."""

    def __init__(self, redis: Redis, *, on_kept: Callable[[], None]) -> None:
        self._redis = redis
        self._on_kept = on_kept
        self._unsent = Unsent()
        self._telling: set[asyncio.Task[None]] = set()
        self.sender = secrets.token_hex(message.SENDER_BYTES // 2).encode()

    @property
    def behind(self) -> bool:
        """Whether there is something that Redis has not taken yet."""
        return bool(self._unsent)

    async def aclose(self) -> None:
        """Return once everything that was said has been answered."""
        if self._telling:
            await asyncio.wait(self._telling)

    def tell(self, name: bytes, *, marks: Marks, pattern: bytes = b"") -> "asyncio.Future[None]":
        """Say that the keys of `marks`, or else what matches `pattern`, changed in the cache `name`.

        What is said is queued before this returns. The future is done once Redis has it, or once it is kept
        for when Redis is back; it never fails.
        """
        task = asyncio.get_running_loop().create_task(self._told(name, self._say_all(name, marks, pattern)))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)
        return task

    async def tell_again(self) -> None:
        """Say what Redis did not take; what it does not take now either is kept on."""
        for name, marks, patterns in self._unsent.take():
            if marks:
                await self._told(name, self._say_all(name, marks, b""))
            for pattern in patterns:
                await self._told(name, self._say_all(name, {}, pattern))

    async def take_number(self) -> int:
        """Take the next number of the sequence, telling nothing; raises `Unavailable`."""
        return int(await self._say(message.NOTHING, marks=[], field=b""))

    def _say_all(
        self, name: bytes, marks: Marks, pattern: bytes
    ) -> list["tuple[Marks, bytes, asyncio.Future[int]]"]:
        if pattern:
            body = message.pattern_body(name, pattern)
            return [({}, pattern, self._say(body, marks=[], field=name + b"\0" + pattern))]
        return [
            (part, b"", self._say(message.keys_body(name, list(part)), marks=list(part.values()), field=b""))
            for part in _parts(marks)
        ]

    async def _told(self, name: bytes, said: Sequence["tuple[Marks, bytes, asyncio.Future[int]]"]) -> None:
        for marks, pattern, reply in said:
            try:
                await reply
            except NovaError:
                INVALIDATIONS.labels("kept").inc()
                if pattern:
                    self._unsent.add_pattern(name, pattern)
                else:
                    self._unsent.add_keys(name, marks)
                self._on_kept()
            else:
                INVALIDATIONS.labels("sent").inc()

    def _say(self, body: bytes, *, marks: Sequence[bytes], field: bytes) -> "asyncio.Future[int]":
        """Queue one message; returns its number to come."""
        keys = (message.SEQUENCE, message.STREAM, message.PATTERNS, message.FLOOR, *marks)
        args = (message.CHANNEL, self.sender, body, field)
        try:
            return asyncio.ensure_future(self._redis.run(message.PUBLISH, keys=keys, args=args))
        except NovaError as error:
            refused: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            refused.set_exception(error)
            return refused


def _parts(marks: Marks) -> Iterator[dict[bytes, bytes]]:
    rest = iter(marks.items())
    while part := dict(islice(rest, _KEYS_A_MESSAGE)):
        yield part
