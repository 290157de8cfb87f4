"""Spans kept in a folder, so that a trace can be read where there is no collector.

Each process appends to a file of its own, one JSON object a line, and begins it anew when it has grown to
`most_bytes`; the one before stays beside it. So a folder holds at most twice that a process.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import INVALID_SPAN_CONTEXT, StatusCode, format_span_id, format_trace_id

MOST_BYTES = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One span as it was kept. Times are nanoseconds since 1970; `failed` is the reason of an error, or None."""

    trace_id: str
    span_id: str
    parent_id: str | None
    service: str
    name: str
    kind: str
    begun_ns: int
    ended_ns: int
    failed: str | None
    attributes: dict[str, str]


class FolderExporter(SpanExporter):
    """Appends spans to the file of this process. Used by one thread: the batch processor's."""

    def __init__(self, folder: Path, *, service: str, most_bytes: int = MOST_BYTES) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / f"{service}-{os.getpid()}.jsonl"
        self._service = service
        self._most_bytes = most_bytes

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Append spans. A full disk costs spans, never requests."""
        lines = b"".join(orjson.dumps(recorded(span, self._service)) + b"\n" for span in spans)
        try:
            if self._file.exists() and self._file.stat().st_size + len(lines) > self._most_bytes:
                self._file.replace(self._file.with_suffix(".before.jsonl"))
            with self._file.open("ab") as out:
                out.write(lines)
        except OSError:
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS


def recorded(span: ReadableSpan, service: str) -> Recorded:
    """Return what is kept of a span."""
    context = span.get_span_context() or INVALID_SPAN_CONTEXT
    status = span.status
    return Recorded(
        trace_id=format_trace_id(context.trace_id),
        span_id=format_span_id(context.span_id),
        parent_id=format_span_id(span.parent.span_id) if span.parent else None,
        service=service,
        name=span.name,
        kind=span.kind.name,
        begun_ns=span.start_time or 0,
        ended_ns=span.end_time or 0,
        failed=(status.description or "UNKNOWN") if status.status_code is StatusCode.ERROR else None,
        attributes={key: str(value) for key, value in (span.attributes or {}).items()},
    )


def read_spans(folder: Path) -> Iterator[Recorded]:
    """Yield every span in the folder. A last line that is still being written is passed over."""
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                yield Recorded(**orjson.loads(line))
