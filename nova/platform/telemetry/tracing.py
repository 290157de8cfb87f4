"""Traces by OpenTelemetry, carried between processes as W3C `traceparent`.

A request is traced when its `traceparent` asks for that, or by chance: at the door, once (`Tracing.request`). What
belongs to no trace pays next to nothing: a span costs two look-ups there, for a home page would make dozens of them.
"""

import random
import socket
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from nova.platform.errors import NovaError
from nova.platform.limits.pace import Pace
from nova.platform.telemetry.spans import FolderExporter

CORRELATION_ATTRIBUTE = "nova.correlation_id"
TRACEPARENT = "traceparent"

_NO_SPAN: AbstractContextManager[Span] = nullcontext(trace.INVALID_SPAN)
# A sentence of an error may quote what a user typed, so spans say the reason and never the sentence.
_UNKNOWN_REASON = "UNKNOWN"
# Soon enough for `nova trace` right after the request, and still in batches.
_EXPORT_EVERY_MS = 200


class Tracing:
    """Spans of one process. Without a processor nothing is recorded and nothing is sent on.

    `sample` is the share of requests that are traced though nobody asked for it, from 0 to 1. `asked` bounds those that
    strangers ask for, since each makes hundreds of spans; None bounds nothing.
    """

    def __init__(
        self,
        *processors: SpanProcessor,
        service: str = "nova",
        sample: float = 1.0,
        asked: Pace | None = None,
    ) -> None:
        self._propagator = TraceContextTextMapPropagator()
        self._provider: TracerProvider | None = None
        self._sample = sample
        self._pace = asked
        if processors:
            self._provider = TracerProvider(
                resource=Resource.create(
                    {"service.name": service, "service.instance.id": socket.gethostname()}
                ),
                shutdown_on_exit=False,
            )
            for processor in processors:
                self._provider.add_span_processor(processor)
            self._tracer = self._provider.get_tracer("nova")

    @property
    def on(self) -> bool:
        """Whether spans are recorded."""
        return self._provider is not None

    def request(self, name: str, *, headers: Mapping[str, str]) -> AbstractContextManager[Span]:
        """Return a context manager around a request from outside: by what it asks for, or by chance, a trace begins."""
        if self._provider is None:
            return _NO_SPAN
        if sampled(headers.get(TRACEPARENT, "")) and (self._pace is None or self._pace.take()):
            return self._recorded(name, SpanKind.SERVER, None, headers)
        if self._sample and random.random() < self._sample:  # noqa: S311 - picks some, hides nothing
            return self._recorded(name, SpanKind.SERVER, None, None)
        return _NO_SPAN

    def span(
        self,
        name: str,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AbstractContextManager[Span]:
        """Return a context manager around one piece of work, which is recorded where it belongs to a trace.

        The parent is what `headers` name (see `inject`), else the current span. An error that leaves the
        block marks the span.
        """
        if not self.asked(headers):
            return _NO_SPAN
        return self._recorded(name, kind, attributes, headers)

    def asked(self, headers: Mapping[str, str] | None = None) -> bool:
        """Return whether what goes on here belongs to a trace: by its `traceparent`, or by the current span."""
        if self._provider is None:
            return False
        if headers is not None and TRACEPARENT in headers:
            return sampled(headers[TRACEPARENT])
        return trace.get_current_span().is_recording()

    @contextmanager
    def span_in_each(self, name: str, traceparents: Iterable[str], *, kind: SpanKind) -> Iterator[None]:
        """Put one piece of work, done for many at once, into each of their traces. Within it the last is current."""
        asking = sorted({parent for parent in traceparents if sampled(parent)})
        with ExitStack() as stack:
            for parent in asking:
                stack.enter_context(self.span(name, kind=kind, headers={TRACEPARENT: parent}))
            yield

    @contextmanager
    def _recorded(
        self,
        name: str,
        kind: SpanKind,
        attributes: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> Iterator[Span]:
        parent = self._propagator.extract(headers) if headers else None
        span = self._tracer.start_span(name, context=parent, kind=kind, attributes=dict(attributes or {}))
        token = otel_context.attach(trace.set_span_in_context(span, parent))
        try:
            yield span
        except Exception as error:
            reason = error.reason if isinstance(error, NovaError) else _UNKNOWN_REASON
            span.set_status(Status(StatusCode.ERROR, reason))
            raise
        finally:
            otel_context.detach(token)
            span.end()

    def inject(self, headers: MutableMapping[str, str]) -> None:
        """Write the current span into `headers` as `traceparent` (and `tracestate`)."""
        if self._provider is not None:
            self._propagator.inject(headers)

    def close(self) -> None:
        """Send what is still held, and end: seconds, where a collector does not answer. Not for the loop's thread."""
        if self._provider is not None:
            self._provider.shutdown()


def tracing_to(
    *,
    folder: Path | None,
    otlp_endpoint: str | None,
    service: str,
    sample: float,
    asked: Pace | None = None,
) -> Tracing:
    """Return tracing that keeps spans in a folder, sends them to an OTLP collector over gRPC, or both."""
    processors = [*_kept(folder, service), *_sent(otlp_endpoint)]
    return Tracing(*processors, service=service, sample=sample, asked=asked)


def _kept(folder: Path | None, service: str) -> Sequence[SpanProcessor]:
    if folder is None:
        return ()
    return (
        BatchSpanProcessor(FolderExporter(folder, service=service), schedule_delay_millis=_EXPORT_EVERY_MS),
    )


def _sent(endpoint: str | None) -> Sequence[SpanProcessor]:
    if endpoint is None:
        return ()
    # Imported here, for it costs 150 ms and most processes do not send.
    from nova.platform.telemetry.otlp import OtlpProcessor  # noqa: PLC0415 - see above

    return (OtlpProcessor(endpoint, every_ms=_EXPORT_EVERY_MS),)


def traces_in(data: Path) -> Path:
    """Return the folder of traces in a data folder."""
    return data / "traces"


def sampled(traceparent: str) -> bool:
    """Return whether a `traceparent` asks to be recorded (W3C Trace Context, section 3.2.2.5: bit 0 of the flags)."""
    return traceparent[-1:] in "13579bdf" and len(traceparent) >= len("00-") + 32 + 1 + 16 + 1 + 2


def current_trace_id() -> str | None:
    """Return the id of the current trace as 32 hex digits, or None outside of one."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None
