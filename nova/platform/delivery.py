"""From a record of the log to an event that a handler understands, and the context in which it is handled."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from opentelemetry.trace import SpanKind

from nova.platform.errors import RateLimited, Timeout, Unavailable
from nova.platform.events import Received, Topic
from nova.platform.log.port import Record
from nova.platform.outbox.write import CORRELATION
from nova.platform.rpc.context import CallContext, entered
from nova.platform.telemetry.tracing import TRACEPARENT, Tracing

TRANSIENT = (Unavailable, Timeout, RateLimited)
"""Failures that say nothing about the event: try later, count nothing."""


def parse(record: Record, topics: Mapping[str, Topic[Any]]) -> Received[Any]:
    """Return the event of a record. Raises protobuf's DecodeError when the payload is none of its topic's."""
    return Received(
        id=record.id,
        topic=record.topic,
        key=record.key,
        value=topics[record.topic].message.FromString(record.payload),
        emitted_at=record.emitted_at,
        headers=record.headers,
    )


def runs(events: Sequence[Received[Any]]) -> Iterator[tuple[str, list[Received[Any]]]]:
    """Return the events in their order, as runs of one topic each."""
    for topic, run in groupby(events, key=lambda event: event.topic):
        yield topic, list(run)


@contextmanager
def context_of(run: Sequence[Received[Any]], *, name: str, tracing: Tracing) -> Iterator[None]:
    """Handle a run in the context in which its events were emitted: correlation id and traces.

    A run that several calls had a part in has no one context; what it emits names its cause
    (`emit(cause=…)`).
    """
    ids = {event.headers.get(CORRELATION, "") for event in run}
    traces = (event.headers.get(TRACEPARENT, "") for event in run)
    with (
        entered(CallContext(correlation_id=ids.pop() if len(ids) == 1 else "")),
        tracing.span_in_each(f"{name} {run[0].topic}", traces, kind=SpanKind.CONSUMER),
    ):
        yield
