"""Writing to an outbox, at the end of the transaction that made the events."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from nova.platform.db.pool import Connection
from nova.platform.events import ACTOR, Event, Received
from nova.platform.rpc.context import current_call
from nova.platform.telemetry.tracing import TRACEPARENT

CORRELATION = "correlation_id"
_TRACE = TraceContextTextMapPropagator()

_WRITE = """
INSERT INTO outbox (id, topic, key, payload, headers, emitted_at)
SELECT id, topic, key, payload, headers, emitted_at
FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::bytea[], $5::text[], $6::timestamptz[])
     WITH ORDINALITY AS event (id, topic, key, payload, headers, emitted_at, place)
ORDER BY place
"""


def told_of(event: Event, cause: Received[Any] | None = None) -> Event:
    """Return `event` with whose deed it is, and the correlation id and trace (W3C Trace Context) it is emitted under.

    What follows from another event is the deed of whoever caused that.
    """
    headers = dict(event.headers)
    correlation_id, actor = _of_call() if cause is None else _of_cause(cause)
    if correlation_id:
        headers.setdefault(CORRELATION, correlation_id)
    if actor:
        headers.setdefault(ACTOR, actor)
    current = trace.get_current_span().get_span_context()
    parent = cause.headers.get(TRACEPARENT, "") if cause is not None else ""
    # In a batch of events of several traces the current span may belong to another one than the cause does.
    if current.is_valid and (not parent or trace.format_trace_id(current.trace_id) in parent):
        _TRACE.inject(headers)
    elif parent:
        headers.setdefault(TRACEPARENT, parent)
    return replace(event, headers=headers) if headers != event.headers else event


def _of_call() -> tuple[str, str]:
    call = current_call()
    return call.correlation_id, "" if call.actor is None else str(call.actor.user_id)


def _of_cause(cause: Received[Any]) -> tuple[str, str]:
    return cause.headers.get(CORRELATION, ""), cause.headers.get(ACTOR, "")


async def write_events(connection: Connection, events: Sequence[Event]) -> None:
    """Insert all events of a transaction in one statement, in the order in which they were emitted."""
    await connection.execute(
        _WRITE,
        [event.id for event in events],
        [event.topic for event in events],
        [event.key for event in events],
        [event.payload for event in events],
        [dump_headers(event.headers) for event in events],
        [event.emitted_at for event in events],
    )


def dump_headers(headers: Mapping[str, str]) -> str:
    """Return headers as the JSON text that the tables keep."""
    return orjson.dumps(dict(headers)).decode() if headers else "{}"


def load_headers(text: str) -> dict[str, str]:
    """Return the headers of a JSON text made by `dump_headers`."""
    return {} if text == "{}" else orjson.loads(text)


def bell_name(room: str) -> str:
    """Return the name of the bell that rings when the outbox of `room` has news."""
    return f"outbox:{room}"
