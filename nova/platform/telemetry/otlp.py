"""Spans to an OTLP collector over gRPC, that may be slow, dead or silent: nobody waits for it, and processes end.

Headers, as a collector's key, are in `OTEL_EXPORTER_OTLP_HEADERS` (OpenTelemetry Protocol Exporter, "Configuration
Options").
"""

from collections.abc import Sequence
from threading import Timer
from typing import Final

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from prometheus_client import Counter

EXPORT_S: Final = 2.0
"""How long a collector may take for a batch. The library would wait for ten seconds, and then all batches wait."""
END_S: Final = 3.0
"""How long the last batches may take, all of them."""

ENDED = Counter(
    "otlp_spans_ended", "Spans for the collector. Those that were not sent are lost, or about to be sent."
)
SENT = Counter("otlp_spans_sent", "Spans that the collector took.")


class CountingExporter(OTLPSpanExporter):
    """Counts what the collector takes. What it does not take, the library logs."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch."""
        result = super().export(spans)
        if result is SpanExportResult.SUCCESS:
            SENT.inc(len(spans))
        return result


class OtlpProcessor(BatchSpanProcessor):
    """Hands spans over in batches. At its end it gives up after `END_S`, where the library gives half a minute."""

    def __init__(self, endpoint: str, *, every_ms: float) -> None:
        self._exporter = CountingExporter(
            endpoint=endpoint, insecure=endpoint.startswith("http://"), timeout=EXPORT_S
        )
        super().__init__(self._exporter, schedule_delay_millis=every_ms)

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span."""
        ENDED.inc()
        super().on_end(span)

    def shutdown(self) -> None:
        """Send what is still held, and end."""
        # An exporter that is shut down fails the batch it is about, and all that come.
        giving_up = Timer(END_S, self._exporter.shutdown)
        giving_up.daemon = True
        giving_up.start()
        try:
            super().shutdown()  # type: ignore[no-untyped-call] # the library does not say
        finally:
            giving_up.cancel()
