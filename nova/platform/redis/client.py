"""Commands to one Redis server, pipelined by the turn of the event loop.

There is no pool: one connection carries everything, since Redis answers in order anyway. Blocking commands
(BLPOP, XREAD BLOCK) do not belong here; channels are heard by a `Subscriber`.
"""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from nova.platform.errors import Unavailable
from nova.platform.redis.address import Address, parse
from nova.platform.redis.connection import Argument, Connection, ScriptUnknown, dial, pack
from nova.platform.redis.kept import Kept

TIMEOUT_S = 1.0
PATIENCE_S = 0.5
MOST_IN_FLIGHT = 20_000


class Script:
    """A Lua script, known to the server by its SHA-1."""

    __slots__ = ("sha", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


class Redis:
    """A client of one server. It reconnects by itself; while the server is away or late, commands fail at once.

    It is late when it brings nothing for `patience_s`, and left when it brings nothing for `timeout_s`. A command that
    was in flight then may have taken effect, or may yet: retry only what may run twice.
    """

    def __init__(self, address: Address, *, timeout_s: float, patience_s: float, most_in_flight: int) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._patience_s = patience_s
        self._most = most_in_flight
        self._kept = Kept(self._dial, up=self._up, down=self._down)
        self._listeners: list[Callable[[bool], None]] = []
        self.incarnation = 0

    @property
    def connected(self) -> bool:
        """Whether there is a connection; commands may fail even so while it is late."""
        return self._kept.connection is not None

    async def open(self) -> None:
        """Connect; raises `Unavailable` when nobody answers."""
        await self._kept.open()

    async def begin(self) -> None:
        """Connect, or go on trying while nobody answers; raises `CommandRefused` for a wrong password."""
        await self._kept.begin()

    async def aclose(self) -> None:
        """Close the connection and stop reconnecting."""
        await self._kept.aclose()

    def on_change(self, listener: Callable[[bool], None]) -> None:
        """Call `listener(connected)` whenever the connection comes or goes."""
        self._listeners.append(listener)

    def execute(self, *command: Argument) -> "asyncio.Future[Any]":
        """Send a command and return its reply to come (bytes, int, float, list, dict, None).

        It is queued at once, before anything is awaited. Raises `Unavailable` when the server is away
        or late; what is awaited raises it when the server becomes so.
        """
        connection = self._kept.connection
        if connection is None:
            raise Unavailable("Redis is away: try again.")
        return connection.send(pack(command))

    def run(
        self, script: Script, *, keys: Sequence[str | bytes], args: Sequence[Argument] = ()
    ) -> Coroutine[Any, Any, Any]:
        """Run a script by its hash, or by its source where the server does not know it yet.

        Like `execute` it is queued at once; await what is returned. Raises `Unavailable` when the server is away.
        """
        operands = (len(keys), *keys, *args)
        return self._or_by_source(self.execute("EVALSHA", script.sha, *operands), script, operands)

    async def load(self, script: Script) -> None:
        """Make a script known to the server, so that `run` takes one round trip from the first time on."""
        await self.execute("SCRIPT", "LOAD", script.source)

    async def _or_by_source(
        self, reply: "asyncio.Future[Any]", script: Script, operands: tuple[Argument, ...]
    ) -> Any:  # noqa: ANN401 - a script returns what it likes
        try:
            return await reply
        except ScriptUnknown:
            return await self.execute("EVAL", script.source, *operands)

    async def _dial(self) -> Connection:
        return await dial(self._address, timeout_s=self._timeout_s, most_in_flight=self._most)

    def _up(self, connection: Connection) -> None:
        connection.hasten(self._patience_s)
        self.incarnation += 1
        self._tell(connected=True)

    def _down(self) -> None:
        self._tell(connected=False)

    def _tell(self, *, connected: bool) -> None:
        for listener in self._listeners:
            listener(connected)


async def connect(
    url: str,
    *,
    timeout_s: float = TIMEOUT_S,
    patience_s: float = PATIENCE_S,
    most_in_flight: int = MOST_IN_FLIGHT,
) -> Redis:
    """Return a connected client; raises `Unavailable` when nobody answers, ValueError for a wrong URL."""
    redis = Redis(parse(url), timeout_s=timeout_s, patience_s=patience_s, most_in_flight=most_in_flight)
    await redis.open()
    return redis


async def attach(url: str) -> Redis:
    """Return a client that is connected as soon as somebody answers; ValueError for a wrong URL."""
    redis = Redis(parse(url), timeout_s=TIMEOUT_S, patience_s=PATIENCE_S, most_in_flight=MOST_IN_FLIGHT)
    await redis.begin()
    return redis
