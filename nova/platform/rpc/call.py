"""The words of the middlewares: what a method is, what a call is, and what handles one."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from google.protobuf.message import Message

from nova.platform.auth.actor import Actor

# A message in one process, its bytes on the wire; middlewares never look inside.
Payload = Message | bytes

_READ_VERBS = ("Check", "Count", "Describe", "Find", "Get", "List", "Lookup", "Rank", "Suggest")

DEFAULT_TIMEOUT_S = 5.0
LONGEST_TIMEOUT_S = 30.0
# What a hop may cost before its caller gives up: the callee answers with its own error in that time.
HOP_MARGIN_S = 0.005

MOST_REQUEST_BYTES = 1 << 20
MOST_RESPONSE_BYTES = 4 << 20
MOST_METADATA_BYTES = 8 << 10

ACCEPTING = "nova.accepting"
"""What channels watch at the health service: whether to send calls there. True from start to drain, ready or not."""

AUTHORIZATION = "authorization"
CORRELATION_ID = "x-correlation-id"
IDEMPOTENCY_KEY = "idempotency-key"
IDEMPOTENCY_KEY_FORM = re.compile(r"[!-~]{1,128}")
"""1 to 128 visible ASCII characters."""
# gRPC's own time-out may arrive up to 3 % too long: HTTP/2 header compression sends one it sent before.
# That is more than a hop takes off, so the exact one goes along.
TIMEOUT_US = "x-timeout-us"
BUSY = "x-busy"
"""Goes with an answer: how busy the room is, in per cent, where that is worth telling (`nova.platform.strain`)."""
PERCENT = re.compile(r"100|[0-9]{1,2}")
MICROSECONDS = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Method:
    """What is known of a method before any call.

    `path` is `/nova.api.content.v1.ContentService/GetPosts`. `room` is empty for what is no room's, as gRPC's own
    health. A `system` method needs no actor. A `read_only` one changes nothing (its verb says so) and may be tried
    again. `callers` are the parts of the platform that may call it; None where anybody may.
    """

    path: str
    room: str
    name: str
    read_only: bool
    system: bool = False
    callers: frozenset[str] | None = None

    @classmethod
    def of(cls, path: str, *, system: bool = False, callers: frozenset[str] | None = None) -> "Method":
        """Return the method of a gRPC path."""
        service, _, name = path.lstrip("/").partition("/")
        parts = service.split(".")
        room = parts[2] if parts[:2] == ["nova", "api"] and len(parts) > 3 else ""
        read_only = name.startswith(_READ_VERBS)
        return cls(path=path, room=room, name=name, read_only=read_only, system=system, callers=callers)


@dataclass(slots=True)
class Call:
    """One call as it passes the middlewares of one side.

    `deadline` is on the monotonic clock of this process, in seconds; None where the caller named none.
    `metadata` has lower-case keys. `caller` is the part of the platform that calls, as its certificate or its
    local channel says, never its metadata; None where nobody says. The rest is filled in by the middlewares.
    """

    method: Method
    metadata: Mapping[str, str]
    deadline: float | None = None
    caller: str | None = None
    correlation_id: str = ""
    actor: Actor | None = None
    idempotency_key: str | None = None


Handler = Callable[[Payload, Call], Awaitable[Payload]]
Middleware = Callable[[Method, Handler], Handler]
# Wraps one outgoing call: retries, breaker. It may call the attempt more than once.
Policy = Callable[[Call, Callable[[], Awaitable[Payload]]], Awaitable[Payload]]


def chained(method: Method, middlewares: Sequence[Middleware], endpoint: Handler) -> Handler:
    """Return `endpoint` inside the middlewares, the first one outermost."""
    handler = endpoint
    for middleware in reversed(middlewares):
        handler = middleware(method, handler)
    return handler
