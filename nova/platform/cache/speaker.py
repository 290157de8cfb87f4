"""The mouth of the invalidation bus: what is said leaves in this loop turn, and again when Redis was away."""

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from nova.platform.cache import message
from nova.platform.cache.metrics import INVALIDATIONS
from nova.platform.cache.unsent import Unsent
from nova.platform.errors import NovaError
from nova.platform.redis.client import Redis

_KEYS_A_MESSAGE = 500
_MOST_UNSENT = 10_000

Marks = Mapping[bytes, bytes]
"""Keys of a cache, each with the name under which Redis marks it."""


class _Said(NamedTuple):
    """One message on its way: what it says, and its number to come."""

    name: bytes
    marks: Marks
    pattern: bytes
    number: "asyncio.Future[int]"


class Speaker:
    """Says invalidations under the name of one process, `sender`: those of one loop turn in one message a cache.

    `on_kept` is called when Redis did not take something; it is kept, and said when `tell_again` is called.
    """

    def __init__(self, redis: Redis, *, on_kept: Callable[[], None]) -> None:
        self._redis = redis
        self._on_kept = on_kept
        self._turn = Unsent()
        self._said: list[_Said] = []
        self._unsent = Unsent(most_keys=_MOST_UNSENT)
        self._telling: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.sender = secrets.token_hex(message.SENDER_BYTES // 2).encode()

    @property
    def behind(self) -> bool:
        """Whether there is something that Redis did not take."""
        return bool(self._unsent)

    async def aclose(self) -> None:
        """Return once everything that was said has been answered."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def tell(self, name: bytes, *, marks: Marks, pattern: bytes = b"") -> "asyncio.Future[None]":
        """Say at the end of this loop turn that the keys of `marks`, or what matches `pattern`, changed in `name`.

        The future is done once Redis has it, or once it is kept. It never fails.
        """
        self._turn.add_keys(name, marks)
        if pattern:
            self._turn.add_pattern(name, pattern)
        return self._tell_soon()

    def tell_again(self) -> "asyncio.Future[None]":
        """Say what Redis did not take before."""
        for name, marks, patterns in self._unsent.take():
            self._turn.add_keys(name, marks)
            for pattern in patterns:
                self._turn.add_pattern(name, pattern)
        return self._tell_soon()

    def say_now(self) -> None:
        """Queue what this turn has to say: whatever is asked of Redis after this comes after it."""
        for name, marks, patterns in self._turn.take():
            for part in _parts(marks):
                body = message.keys_body(name, list(part))
                said = self._say(body, marks=list(part.values()), field=b"")
                self._said.append(_Said(name, part, b"", said))
            for pattern in patterns:
                body, field = message.pattern_body(name, pattern), name + b"\0" + pattern
                self._said.append(_Said(name, {}, pattern, self._say(body, marks=[], field=field)))

    async def take_number(self) -> int:
        """Take the next number of the sequence, telling nothing; raises `Unavailable`."""
        return int(await self._say(message.NOTHING, marks=[], field=b""))

    def _tell_soon(self) -> "asyncio.Future[None]":
        if self._telling is None:
            self._telling = asyncio.get_running_loop().create_task(self._tell_turn())
            self._tasks.add(self._telling)
            self._telling.add_done_callback(self._tasks.discard)
        # Shielded: who waits may leave, and what was said must still be answered for.
        return asyncio.shield(self._telling)

    async def _tell_turn(self) -> None:
        self.say_now()
        said, self._said, self._telling = self._said, [], None
        for one in said:
            try:
                await one.number
            except NovaError:
                INVALIDATIONS.labels("kept").inc()
                self._unsent.add_keys(one.name, one.marks)
                if one.pattern:
                    self._unsent.add_pattern(one.name, one.pattern)
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
