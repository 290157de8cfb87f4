"""A request as the gateway reads it: what the peer sent, checked once, and nothing that he only claims."""

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final
from urllib.parse import urlsplit

from nova.gateway.context import Client
from nova.gateway.http.response import Refused
from nova.platform.ids import uuid7

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})
_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{8,64}")
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_HOST: Final = re.compile(r"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(\d{1,5}))?")
_USER_AGENT_MOST: Final = 512
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


class Request:
    """One HTTP request, or the handshake of a WebSocket."""

    __slots__ = ("_receive", "client", "headers", "method", "path", "query", "request_id", "scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self._receive = receive
        self.method: str = scope.get("method", "GET")
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            self.headers.setdefault(name.decode("latin-1"), value.decode("latin-1"))
        peer = scope.get("client")
        agent = self.headers.get("user-agent", "")[:_USER_AGENT_MOST]
        self.client = Client(address=peer[0] if peer else "", user_agent=_plain(agent))
        given = self.headers.get("x-request-id", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else uuid7().hex

    @property
    def canonical(self) -> bool:
        """Whether the path is written in its one form: what is escaped, doubled or climbing is not."""
        raw: bytes = self.scope.get("raw_path") or b""
        path = self.path
        return raw == path.encode() and "//" not in path and not {".", ".."} & set(path.split("/"))

    @property
    def inside(self) -> bool:
        """Whether the request comes from this very machine, and not through a proxy on it."""
        name = _HOST.fullmatch(self.headers.get("host", ""))
        return (
            self.client.address in LOOPBACK
            and name is not None
            and name[1].lower() in _LOOPBACK_NAMES
            and not any(header in self.headers for header in _FORWARDED)
        )

    def trace_headers(self) -> dict[str, str]:
        """Return `traceparent` (and `tracestate`) where the caller sent a well-formed one (W3C Trace Context)."""
        parent = self.headers.get("traceparent", "")
        if not _TRACEPARENT.fullmatch(parent):
            return {}
        state = self.headers.get("tracestate", "")
        return (
            {"traceparent": parent, "tracestate": state} if 0 < len(state) <= 512 else {"traceparent": parent}
        )

    def check_host(self, allowed: frozenset[str]) -> None:
        """Raise `Refused` unless there is one well-formed Host that is ours (RFC 9110, section 7.2)."""
        hosts = [value for name, value in self.scope["headers"] if name == b"host"]
        match = _HOST.fullmatch(hosts[0].decode("latin-1")) if len(hosts) == 1 else None
        if match is None:
            raise Refused(400, "Send exactly one Host header with a valid name.", close=True)
        if match[1].lower() not in _LOOPBACK_NAMES and match[1].lower() not in allowed:
            raise Refused(421, "This server does not answer for that host.", close=True)

    def foreign_origin(self) -> bool:
        """Return whether a browser sent this on behalf of a page that is not ours."""
        origin = self.headers.get("origin")
        if origin is not None:
            parts = urlsplit(origin) if origin.isprintable() else None
            return parts is None or parts.netloc.lower() != self.headers.get("host", "").lower()
        return self.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}

    async def body(self, most: int) -> bytes:
        """Return the body; raises `Refused` before reading more than `most` bytes, or anything compressed."""
        if self.headers.get("content-encoding", "identity").lower() != "identity":
            raise Refused(415, "Send the body as it is, not compressed.", close=True)
        too_large = Refused(413, f"The body may have {most} bytes at most.", close=True)
        if int(self.headers.get("content-length", "0")) > most:
            raise too_large
        parts = bytearray()
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Refused(400, "The body ended early.", close=True)
            parts += message.get("body", b"")
            if len(parts) > most:
                raise too_large
            if not message.get("more_body", False):
                return bytes(parts)


def host_names(hosts: Iterable[str]) -> frozenset[str]:
    """Return the names of hosts in the form in which they are compared."""
    return frozenset(host.strip().lower() for host in hosts if host.strip())


def _plain(text: str) -> str:
    """Return `text` without control characters, as it may be stored and shown."""
    return "".join(character for character in text if character.isprintable())
