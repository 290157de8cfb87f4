"""uvicorn's HTTP protocol, hardened.

llhttp, below it, refuses what lets two servers read one request differently: two lengths, length with chunks, `+18`,
a space before the colon, a bare LF, folded lines, bad chunks. What it leaves open is closed here: other transfer
codings, other versions, targets that are no path, endless or slow headers and bodies, and work for callers who have
left.
"""

import asyncio
from typing import Any, Final

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

MOST_HEADERS: Final = 100
MOST_HEADER_BYTES: Final = 32 << 10
MOST_TARGET_BYTES: Final = 16 << 10
HEADER_TIMEOUT_S: Final = 10.0
BODY_TIMEOUT_S: Final = 30.0

_BAD_REQUEST: Final = (400, "The request is not valid HTTP.")


class _Stop(Exception):
    """Raised inside a callback of the parser, after the refusal was noted."""


class HardenedHttp(HttpToolsProtocol):
    """One connection."""

    header_timeout_s = HEADER_TIMEOUT_S
    body_timeout_s = BODY_TIMEOUT_S

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(*arguments, **options)
        self._refusal = _BAD_REQUEST
        self._head_bytes = 0
        self._fed_bytes = 0
        self._in_head = False
        self._timer: asyncio.TimerHandle | None = None
        self._running: dict[RequestResponseCycle, asyncio.Task[None]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; the first request line must come in time."""
        super().connection_made(transport)  # type: ignore[arg-type]  # asyncio hands out a Transport
        self._time(self.header_timeout_s, 408, "The headers took too long.")

    def connection_lost(self, exc: Exception | None) -> None:
        """End, and with it the work for a caller who has left."""
        super().connection_lost(exc)
        self._stop_timer()
        for cycle, task in self._running.items():
            if not cycle.response_complete:
                task.cancel()

    def data_received(self, data: bytes) -> None:
        """Feed the parser, and refuse what it or we do not take."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._stop_timer()
            if self._should_upgrade():
                self.handle_websocket_upgrade()
            else:
                self._refuse(400, "Only WebSocket can be upgraded to.")
            return
        except httptools.HttpParserError:
            self._refuse(*self._refusal)
            return
        if self._in_head:
            self._fed_bytes += len(data)
            if self._fed_bytes > MOST_HEADER_BYTES + MOST_TARGET_BYTES:
                self._refuse(431, "The headers are too large.")

    def on_message_begin(self) -> None:
        """Start counting a new request."""
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = self._fed_bytes = 0
        if self._timer is None:
            self._time(self.header_timeout_s, 408, "The headers took too long.")

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        super().on_url(url)
        if len(self.url) > MOST_TARGET_BYTES:
            self._stop(414, "The target is too long.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header."""
        super().on_header(name, value)
        self._head_bytes += len(name) + len(value)
        if len(self.headers) > MOST_HEADERS or self._head_bytes > MOST_HEADER_BYTES:
            self._stop(431, "The headers are too large or too many.")

    def on_headers_complete(self) -> None:
        """Check the head as a whole, then let the request in."""
        self._in_head = False
        self._stop_timer()
        codings = [value for name, value in self.headers if name == b"transfer-encoding"]
        if self.parser.get_http_version() not in {"1.1", "1.0"}:
            self._stop(505, "Speak HTTP/1.1.")
        if codings and (self.parser.get_http_version() != "1.1" or codings != [b"chunked"]):
            self._stop(400, "Only chunked transfer coding is taken, over HTTP/1.1.")
        if not self.url.startswith(b"/"):
            self._stop(400, "The target must be a path.")
        self._time(self.body_timeout_s, 408, "The body took too long.")
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the whole body is here."""
        self._stop_timer()
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        # As the base class does it, but the task is kept, to be cancelled when the caller leaves.
        task = self.loop.create_task(cycle.run_asgi(app))
        self.tasks.add(task)
        self._running[cycle] = task
        task.add_done_callback(self.tasks.discard)
        task.add_done_callback(lambda _: self._running.pop(cycle, None))

    def _stop(self, status: int, detail: str) -> None:
        self._refusal = (status, detail)
        raise _Stop

    def _refuse(self, status: int, detail: str) -> None:
        """Answer unless an answer is under way, and close."""
        self._stop_timer()
        if self.transport.is_closing():
            return
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            body = detail.encode("ascii")
            self.transport.write(
                STATUS_LINE[status]
                + b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: "
                + str(len(body)).encode()
                + b"\r\n\r\n"
                + body
            )
        self.transport.close()

    def _time(self, timeout_s: float, status: int, detail: str) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(timeout_s, self._refuse, status, detail)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
