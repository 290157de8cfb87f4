"""The middlewares around every served method, the same for both transports.

In order: telemetry → errors → deadline → correlation → auth → admission → context. Each is a function that takes a
method and a handler and returns a handler; what is known of a method is looked up when the chain is made, not at each
call. Who may not call learns nothing of how else his call was: all that is told of it comes after `admission`.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable

import structlog
from opentelemetry.trace import SpanKind

from nova.platform.auth.actor import Actor
from nova.platform.errors import (
    Forbidden,
    Internal,
    InvalidArgument,
    NovaError,
    Timeout,
    Unauthenticated,
)
from nova.platform.ids import uuid7
from nova.platform.rpc.call import (
    AUTHORIZATION,
    CORRELATION_ID,
    DEFAULT_TIMEOUT_S,
    IDEMPOTENCY_KEY,
    IDEMPOTENCY_KEY_FORM,
    LONGEST_TIMEOUT_S,
    Call,
    Handler,
    Method,
    Middleware,
    Payload,
)
from nova.platform.rpc.context import CallContext, entered
from nova.platform.rpc.status import unimplemented
from nova.platform.telemetry import metrics
from nova.platform.telemetry.tracing import Tracing

_log = structlog.get_logger(__name__)
_OK = "OK"
_CANCELLED = "CANCELLED"
_CORRELATION_FORM = re.compile(r"[A-Za-z0-9._:-]{8,64}")
_BEARER = "Bearer "


class CallerRefused(Forbidden):
    """This part of the platform may not call that."""


# Returns the actor of a bearer token, or raises `Unauthenticated`.
Authenticate = Callable[[str], Awaitable[Actor]]


def server_middlewares(*, authenticate: Authenticate, tracing: Tracing) -> tuple[Middleware, ...]:
    """Return the chain of a server, outermost first."""
    return (telemetry(tracing), errors, deadline, correlation, auth(authenticate), admission, context)


def telemetry(tracing: Tracing) -> Middleware:
    """Count and time every call by room, method and code, in a span of kind SERVER.

    What is no room's, as gRPC's own health, is asked by machines: it is no request that an objective speaks of.
    """

    def around(method: Method, handler: Handler) -> Handler:
        if not method.room:
            return handler
        record = _recorder(method)
        name = f"{method.room}/{method.name}"

        async def timed(request: Payload, call: Call) -> Payload:
            started = time.perf_counter()
            code = _CANCELLED
            try:
                answer = await handler(request, call)
                code = _OK
            except NovaError as error:
                code = error.code.value
                raise
            finally:
                record(code, time.perf_counter() - started)
            return answer

        async def traced(request: Payload, call: Call) -> Payload:
            with tracing.span(name, kind=SpanKind.SERVER, headers=call.metadata) as span:
                try:
                    return await timed(request, call)
                finally:
                    span.set_attribute("nova.correlation_id", call.correlation_id)

        return traced if tracing.on else timed

    return around


def _recorder(method: Method) -> Callable[[str, float], None]:
    """Return a function that counts a call; the children of the metrics are found once a code."""
    children: dict[str, tuple[Callable[[], None], Callable[[float], None]]] = {}
    for failure in metrics.FAILURES:
        metrics.GRPC_REQUESTS.labels(method.room, method.name, failure)

    def record(code: str, took_s: float) -> None:
        known = children.get(code)
        if known is None:
            labels = (method.room, method.name, code)
            known = children[code] = (
                metrics.GRPC_REQUESTS.labels(*labels).inc,
                metrics.GRPC_DURATION.labels(*labels).observe,
            )
        known[0]()
        known[1](took_s)

    return record


def errors(method: Method, handler: Handler) -> Handler:
    """Let errors with a code pass; log, count and mask all others as INTERNAL. Cancellation passes.

    Of several errors with a code, from tasks that ran side by side, the first one passes.
    """
    unknown = metrics.UNKNOWN_ERRORS.labels(method.room, method.name)

    async def masked(request: Payload, call: Call) -> Payload:
        try:
            return await handler(request, call)
        except NovaError:
            raise
        except NotImplementedError as error:
            raise unimplemented() from error
        except Exception as error:
            known = _first_known(error)
            if known is not None:
                raise known from error
            unknown.inc()
            _log.exception("unknown_error", method=method.path, correlation_id=call.correlation_id)
            raise Internal from error

    return masked


def _first_known(error: Exception) -> NovaError | None:
    """Return the first error of a group that holds nothing but errors with a code."""
    if not isinstance(error, ExceptionGroup):
        return None
    known, unknown = error.split(NovaError)
    if known is None or unknown is not None:
        return None
    first: BaseException = known
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first if isinstance(first, NovaError) else None


def deadline(_method: Method, handler: Handler) -> Handler:
    """Cancel the handler when the caller no longer waits: at his deadline, within 5 s where he named none."""

    async def bounded(request: Payload, call: Call) -> Payload:
        now = time.monotonic()
        given = DEFAULT_TIMEOUT_S if call.deadline is None else call.deadline - now
        remaining = min(given, LONGEST_TIMEOUT_S)
        if remaining <= 0:
            raise Timeout
        call.deadline = now + remaining
        try:
            async with asyncio.timeout(remaining) as limit:
                return await handler(request, call)
        except TimeoutError as error:
            if limit.expired():
                raise Timeout from error
            raise

    return bounded


def correlation(_method: Method, handler: Handler) -> Handler:
    """Read the correlation id. One that is not clean is replaced."""

    async def read(request: Payload, call: Call) -> Payload:
        correlation_id = call.metadata.get(CORRELATION_ID, "")
        call.correlation_id = correlation_id if _CORRELATION_FORM.fullmatch(correlation_id) else uuid7().hex
        return await handler(request, call)

    return read


def auth(authenticate: Authenticate) -> Middleware:
    """Verify the caller's token in every room again.

    A method that is not a system method needs an actor; a token that is sent must be good everywhere.
    """

    def around(method: Method, handler: Handler) -> Handler:
        async def authenticated(request: Payload, call: Call) -> Payload:
            header = call.metadata.get(AUTHORIZATION)
            if header is not None:
                if not header.startswith(_BEARER):
                    raise Unauthenticated("Send the access token as a bearer token.", reason="INVALID_TOKEN")
                call.actor = await authenticate(header[len(_BEARER) :])
            elif not method.system:
                raise Unauthenticated
            return await handler(request, call)

        return authenticated

    return around


def admission(method: Method, handler: Handler) -> Handler:
    """Take calls of those parts of the platform only that may call the method, whoever their user is."""
    callers = method.callers
    if callers is None:
        return handler

    async def admitted(request: Payload, call: Call) -> Payload:
        if call.caller not in callers:
            _log.warning(
                "caller_refused", method=method.path, caller=call.caller, correlation_id=call.correlation_id
            )
            raise CallerRefused
        return await handler(request, call)

    return admitted


def context(_method: Method, handler: Handler) -> Handler:
    """Read the idempotency key, and enter the context of the call."""

    async def within(request: Payload, call: Call) -> Payload:
        key = call.metadata.get(IDEMPOTENCY_KEY)
        if key is not None and not IDEMPOTENCY_KEY_FORM.fullmatch(key):
            raise InvalidArgument(
                "An idempotency key has 1 to 128 visible ASCII characters.", field=IDEMPOTENCY_KEY
            )
        call.idempotency_key = key
        entering = CallContext(
            actor=call.actor,
            deadline=call.deadline,
            correlation_id=call.correlation_id,
            idempotency_key=key,
        )
        with entered(entering):
            return await handler(request, call)

    return within
