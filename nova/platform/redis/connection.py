"""One socket to Redis, speaking RESP3.

What is sent in one turn of the event loop leaves in one write, and replies are matched to their futures by
order: that is the whole of pipelining. A connection that brings nothing for `timeout_s` while a reply is owed
is cut, so no caller waits on a server that hangs.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, cast

from hiredis import ProtocolError, PushNotification, Reader, ReplyError, pack_command

from nova.platform.errors import Internal, Unavailable
from nova.platform.redis.address import Address

Argument = str | bytes | int | float
# hiredis' own annotation takes a tuple of one only.
pack = cast("Callable[[tuple[Argument, ...]], bytes]", pack_command)

_PING = pack(("PING",))
# RESP3 has a false of its own, so "not yet" must be another object.
_INCOMPLETE = object()
_PASSING = ("LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "OOM", "BUSY", "MISCONF")

Pushes = Callable[[Sequence[list[Any]]], None]


class CommandRefused(Internal):
    """Redis refused a command: the command or its arguments are wrong."""


class ScriptUnknown(CommandRefused):
    """The server does not hold the script with this hash."""


class Connection(asyncio.Protocol):
    """An open socket. `lost` is done when it is gone; what was still owed then fails with `Unavailable`."""

    def __init__(self, *, timeout_s: float, most_in_flight: int, on_pushes: Pushes | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeout_s = timeout_s
        self._most = most_in_flight
        self._on_pushes = on_pushes
        self._reader = Reader(notEnoughData=_INCOMPLETE)
        self._transport: asyncio.Transport | None = None
        self._owed: deque[asyncio.Future[Any]] = deque()
        self._out: list[bytes] = []
        self._paused = False
        self._moved_at = self._loop.time()
        self._watch: asyncio.TimerHandle | None = None
        self.lost: asyncio.Future[None] = self._loop.create_future()

    def send(self, command: bytes) -> "asyncio.Future[Any]":
        """Queue a packed command for the write at the end of this loop turn; returns its reply to come."""
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

    def close(self) -> None:
        """Close the socket; what is queued is sent first."""
        if self._transport is not None:
            self._flush()
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, and begin to watch it."""
        # A cast, since uvloop's transports are not subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._watch = self._loop.call_later(self._timeout_s, self._look)

    def data_received(self, data: bytes) -> None:
        """Hand each complete reply to the future that waits for it, and pushes on in one batch."""
        reader, owed = self._reader, self._owed
        pushes: list[list[Any]] = []
        reader.feed(data)
        self._moved_at = self._loop.time()
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
        """Send what was held back."""
        self._paused = False
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

    def _look(self) -> None:
        """Cut a connection that owes and stands still; ask an idle one whether it lives."""
        still_s = self._loop.time() - self._moved_at
        if self._owed and still_s >= self._timeout_s:
            self._abort()
            return
        if not self._owed and self._transport is not None:
            self.send(_PING).add_done_callback(_forget)
        wait_s = self._timeout_s - still_s if self._owed else self._timeout_s
        self._watch = self._loop.call_later(max(wait_s, 0.001), self._look)

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
