"""The middlewares around every outgoing call, the same for both transports.

In order: policy (retries, breaker) → deadline → propagation. Propagation writes who calls, the correlation
id, the idempotency key and the trace into the metadata, so that each hop knows what the first one knew.
"""

import time
from collections.abc import Sequence

from opentelemetry.trace import SpanKind

from nova.platform.errors import Timeout
from nova.platform.rpc.call import (
    AUTHORIZATION,
    CORRELATION_ID,
    DEFAULT_TIMEOUT_S,
    HOP_MARGIN_S,
    IDEMPOTENCY_KEY,
    Call,
    Handler,
    Method,
    Middleware,
    Payload,
    Policy,
)
from nova.platform.rpc.context import current_call
from nova.platform.telemetry.tracing import Tracing


def client_middlewares(*, tracing: Tracing, policy: Policy | None) -> Sequence[Middleware]:
    """Return the chain of a channel, outermost first."""
    inner = (deadline, propagation(tracing))
    return inner if policy is None else (guarded(policy), *inner)


def guarded(policy: Policy) -> Middleware:
    """Leave it to `policy` when and how often the call is tried."""

    def around(_method: Method, handler: Handler) -> Handler:
        async def tried(request: Payload, call: Call) -> Payload:
            return await policy(call, lambda: handler(request, call))

        return tried

    return around


def deadline(_method: Method, handler: Handler) -> Handler:
    """Give the callee what remains of the caller's time, less a hop. Raise `Timeout` when nothing remains."""

    async def shortened(request: Payload, call: Call) -> Payload:
        now = time.monotonic()
        until = call.deadline or now + DEFAULT_TIMEOUT_S
        own = current_call().deadline
        if own is not None:
            until = min(until, own - HOP_MARGIN_S)
        if until <= now:
            raise Timeout("No time was left to ask another room.", reason="NO_TIME_LEFT")
        call.deadline = until
        return await handler(request, call)

    return shortened


def propagation(tracing: Tracing) -> Middleware:
    """Send on the actor's token, the correlation id, the idempotency key and the trace."""

    def around(method: Method, handler: Handler) -> Handler:
        name = f"{method.room}/{method.name}"

        async def propagated(request: Payload, call: Call) -> Payload:
            context = current_call()
            headers: dict[str, str] = {}
            if context.actor is not None:
                headers[AUTHORIZATION] = f"Bearer {context.actor.token}"
            if context.correlation_id:
                headers[CORRELATION_ID] = context.correlation_id
            if context.idempotency_key is not None:
                headers[IDEMPOTENCY_KEY] = context.idempotency_key
            call.metadata = headers
            if not tracing.on:
                return await handler(request, call)
            with tracing.span(name, kind=SpanKind.CLIENT):
                tracing.inject(headers)
                return await handler(request, call)

        return propagated

    return around
