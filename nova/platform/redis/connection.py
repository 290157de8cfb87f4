"""One socket to Redis, speaking RESP3.

What is sent in one turn of the event loop leaves in one write, and replies are matched to their futures by
order: that is the whole of pipelining. Since all wait for the same server, its silence is a breaker: a connection
that brings nothing for `patience_s` while a reply is owed is stalled. What is owed fails then, and what comes next
fails at once, until it brings something. After `timeout_s` it is cut.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, cast

import structlog
from hiredis import ProtocolError, PushNotification, Reader, ReplyError, pack_command

from nova.platform.errors import Internal, Unavailable
from nova.platform.redis.address import Address

Argument = str | bytes | int | float
# hiredis' own annotation takes a tuple of one only.
pack = cast("Callable[[tuple[Argument, ...]], bytes]", pack_command)

_PING = pack(("PING",))
# Some event loops look at their timers before their sockets: one that was busy first reads what came meanwhile.
_ONE_TURN_S = 0.001
_LATE = "Redis is late: try again."
# RESP3 has a false of its own, so "not yet" must be another object.
_INCOMPLETE = object()
_PASSING = ("LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "OOM", "BUSY", "MISCONF")

_log = structlog.get_logger(__name__)

Pushes = Callable[[Sequence[list[Any]]], None]


class CommandRefused(Internal):
    """Redis refused a command: the command or its arguments are wrong."""


class ScriptUnknown(CommandRefused):
    """The server does not hold the script with this hash."""


class Connection(asyncio.Protocol):
    """An open socket. `lost` is done when it is gone; what was still owed then fails with `Unavailable`.

    It does not stall before `hasten`: whoever dials, and whoever only listens, has `timeout_s` for his patience.
    """

    def __init__(self, *, timeout_s: float, most_in_flight: int, on_pushes: Pushes | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeout_s = self._patience_s = timeout_s
        self._most = most_in_flight
        self._on_pushes = on_pushes
        self._reader = Reader(notEnoughData=_INCOMPLETE)
        self._transport: asyncio.Transport | None = None
        self._owed: deque[asyncio.Future[Any]] = deque()
        self._out: list[bytes] = []
        self._paused = False
        self._moved_at = self._loop.time()
        self._doubted = False
        self._watch: asyncio.TimerHandle | None = None
        self.stalled = False
        self.lost: asyncio.Future[None] = self._loop.create_future()

    def send(self, command: bytes) -> "asyncio.Future[Any]":
        """Queue a packed command for the write at the end of this loop turn; returns its reply to come.

        Raises `Unavailable` where no reply can be hoped for.
        """
        if self.stalled:
            raise Unavailable(_LATE)
        if not self._owed:
            self._moved_at = self._loop.time()
        elif len(self._owed) >= self._most:
            raise Unavailable("Too many Redis commands are in flight: try again.")
        self.write(command)
        reply: asyncio.Future[Any] = self._loop.create_future()
        self._owed.append(reply)
        return reply

    def write(self, command: bytes) -> None:
        """Queue a packed command that has no reply of its own, such as SUBSCRIBE."""
        if self._transport is None:
            raise Unavailable("The connection to Redis was lost: try again.")
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(command)

    def hasten(self, patience_s: float) -> None:
        """Stall after so much silence from now on."""
        self._patience_s = min(patience_s, self._timeout_s)
        self._look_in(self._patience_s)

    def close(self) -> None:
        """Close the socket; what is queued is sent first."""
        if self._transport is not None:
            self._flush()
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, and begin to watch it."""
        # A cast, since uvloop's transports are not subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._look_in(self._timeout_s)

    def data_received(self, data: bytes) -> None:
        """Hand each complete reply to the future that waits for it, and pushes on in one batch."""
        reader, owed = self._reader, self._owed
        pushes: list[list[Any]] = []
        reader.feed(data)
        self._moved_at = self._loop.time()
        self.stalled = self._doubted = False
        try:
            while (reply := reader.gets()) is not _INCOMPLETE:
                if type(reply) is PushNotification:
                    pushes.append(reply)
                    continue
                future = owed.popleft()
                if future.done():
                    continue
                if isinstance(reply, ReplyError):
                    future.set_exception(_refusal(str(reply)))
                else:
                    future.set_result(reply)
        except ProtocolError:
            self._abort()
        if pushes and self._on_pushes is not None:
            self._on_pushes(pushes)

    def pause_writing(self) -> None:
        """Hold commands back while the socket's buffer is full."""
        self._paused = True

    def resume_writing(self) -> None:
        """Send what was held back: a server that takes what it is sent moves, too."""
        self._paused = False
        self._moved_at = self._loop.time()
        self._flush()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Fail what is still owed: whether those commands took effect is not known."""
        self._transport = None
        if self._watch is not None:
            self._watch.cancel()
        self._out.clear()
        while self._owed:
            future = self._owed.popleft()
            if not future.done():
                future.set_exception(Unavailable("The connection to Redis was lost: try again."))
        if not self.lost.done():
            self.lost.set_result(None)

    def _flush(self) -> None:
        transport = self._transport
        # What is queued between the end of a transport and the word of it fails with that word: uvloop takes no write.
        if self._out and not self._paused and transport is not None and not transport.is_closing():
            transport.write(b"".join(self._out))
            self._out.clear()

    def _look_in(self, wait_s: float) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if self._transport is not None:
            self._watch = self._loop.call_later(wait_s, self._look)

    def _look(self) -> None:
        """Ask an idle server whether it lives; of one that owes and is silent hope for nothing, then leave it."""
        silent_s = self._loop.time() - self._moved_at
        limit_s = self._timeout_s if self.stalled else self._patience_s
        if not self._owed:
            if silent_s >= self._timeout_s:
                self.send(_PING).add_done_callback(_forget)
            self._look_in(self._patience_s)
        elif silent_s < limit_s:
            self._look_in(limit_s - silent_s)
        elif not self._doubted:
            self._doubted = True
            self._look_in(_ONE_TURN_S)
        elif silent_s >= self._timeout_s:
            self._abort()
        else:
            self._stall(silent_s)
            self._look_in(self._timeout_s - silent_s)

    def _stall(self, silent_s: float) -> None:
        """Fail what is owed: whether those commands take effect is not known. Their replies are still counted."""
        self.stalled = True
        _log.warning("redis_stalled", silent_s=round(silent_s, 3), owed=len(self._owed))
        for future in self._owed:
            if not future.done():
                future.set_exception(Unavailable(_LATE))

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


async def dial(
    address: Address, *, timeout_s: float, most_in_flight: int, on_pushes: Pushes | None = None
) -> Connection:
    """Open a connection and greet; raises `Unavailable`, or `CommandRefused` for a wrong password."""
    loop = asyncio.get_running_loop()

    def make() -> Connection:
        return Connection(timeout_s=timeout_s, most_in_flight=most_in_flight, on_pushes=on_pushes)

    try:
        async with asyncio.timeout(timeout_s):
            if address.path is not None:
                _, connection = await loop.create_unix_connection(make, address.path)
            else:
                _, connection = await loop.create_connection(
                    make, address.host, address.port, ssl=address.tls_context()
                )
    except (OSError, TimeoutError) as error:
        raise Unavailable(f"Redis does not answer at {address!r}.") from error
    try:
        await asyncio.gather(*[connection.send(pack(command)) for command in address.greeting()])
    except BaseException:
        connection.close()
        raise
    return connection


def _refusal(text: str) -> Exception:
    word = text.partition(" ")[0]
    if word in _PASSING:
        return Unavailable(f"Redis cannot do that now ({word}): try again.")
    return (ScriptUnknown if word == "NOSCRIPT" else CommandRefused)(text)


def _forget(reply: "asyncio.Future[Any]") -> None:
    """Take the exception of a reply that nobody waits for: the loss of its connection is told elsewhere."""
    if not reply.cancelled():
        reply.exception()
