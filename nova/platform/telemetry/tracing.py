"""Traces by OpenTelemetry, carried between processes as W3C `traceparent`.

Off unless an endpoint is configured. Off means off: a span then costs one attribute look-up, for a home
page makes dozens of them.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from nova.platform.errors import NovaError

_NO_SPAN: AbstractContextManager[Span] = nullcontext(trace.INVALID_SPAN)
# A sentence of an error may quote what a user typed, so spans say the reason and never the sentence.
_UNKNOWN_REASON = "UNKNOWN"


class Tracing:
    """Spans of one process. Without a processor nothing is recorded and nothing is sent on."""

    def __init__(
        self, *, processor: SpanProcessor | None = None, service: str = "nova", sample: float = 1.0
    ) -> None:
        self._propagator = TraceContextTextMapPropagator()
        self._provider: TracerProvider | None = None
        if processor is not None:
            self._provider = TracerProvider(
                resource=Resource.create({"service.name": service}),
                sampler=ParentBased(TraceIdRatioBased(sample)),
                shutdown_on_exit=False,
            )
            self._provider.add_span_processor(processor)
            self._tracer = self._provider.get_tracer("nova")

    @property
    def on(self) -> bool:
        """Whether spans are recorded."""
        return self._provider is not None

    def span(
        self,
        name: str,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AbstractContextManager[Span]:
        """Return a context manager around one piece of work.

        The parent is what `headers` name (see `inject`), else the current span. An error that leaves the
        block marks the span.
        """
        if self._provider is None:
            return _NO_SPAN
        return self._recorded(name, kind, attributes, headers)

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
        """Send what is still held, and end."""
        if self._provider is not None:
            self._provider.shutdown()


def otlp_tracing(endpoint: str, *, service: str, sample: float = 1.0) -> Tracing:
    """Return tracing that sends spans in batches to an OTLP collector over gRPC."""
    # Imported here, for it costs 150 ms and most processes do not trace.
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - see above

    exporter = OTLPSpanExporter(endpoint=endpoint, insecure=endpoint.startswith("http://"))
    return Tracing(processor=BatchSpanProcessor(exporter), service=service, sample=sample)


def current_trace_id() -> str | None:
    """Return the id of the current trace as 32 hex digits, or None outside of one."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None
