"""`nova trace`: one request with all that it caused, as a tree."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

import click
import orjson

from nova.platform.config import Config
from nova.platform.errors import NotFound
from nova.platform.telemetry.spans import Recorded, read_spans
from nova.platform.telemetry.tracing import CORRELATION_ATTRIBUTE, traces_in

_WIDTH = 64


async def print_trace(config: Config, name: str, *, as_json: bool) -> None:
    """Print the trace of that id, or that a request id stands in. Raises `NotFound`."""
    spans = find(list(read_spans(traces_in(config.server.data))), name)
    if as_json:
        for span in spans:
            click.echo(orjson.dumps(asdict(span)))
        return
    for line in tree(spans):
        click.echo(line)


def find(spans: Sequence[Recorded], name: str) -> list[Recorded]:
    """Return the spans of a trace by its id (32 hex digits) or by the request id of a call in it, oldest first."""
    ids = {
        span.trace_id for span in spans if name in (span.trace_id, span.attributes.get(CORRELATION_ATTRIBUTE))
    }
    if not ids:
        raise NotFound(
            f"There is no trace of {name}. Requests are traced when their `traceparent` asks for it "
            "(it ends with -01; outside development NOVA_TRACES_ASKED_PER_S are granted), or by chance with "
            "NOVA_TRACE_SAMPLE."
        )
    return sorted((span for span in spans if span.trace_id in ids), key=lambda span: span.begun_ns)


def tree(spans: Sequence[Recorded]) -> Iterator[str]:
    """Yield a line a span, children below their parent: name, start and length in milliseconds, failure."""
    known = {span.span_id for span in spans}
    children: defaultdict[str | None, list[Recorded]] = defaultdict(list)
    for span in spans:
        children[span.parent_id if span.parent_id in known else None].append(span)
    began_ns = min(span.begun_ns for span in spans)
    yield f"trace {spans[0].trace_id}, {len(spans)} spans"
    for root in children[None]:
        yield from _branch(root, children, began_ns, depth=0)


def _branch(
    span: Recorded, children: Mapping[str | None, list[Recorded]], began_ns: int, *, depth: int
) -> Iterator[str]:
    label = f"{'  ' * depth}{span.name}"
    at_ms, took_ms = (span.begun_ns - began_ns) / 1e6, (span.ended_ns - span.begun_ns) / 1e6
    failed = f"  {span.failed}" if span.failed else ""
    yield f"{label:<{_WIDTH}} +{at_ms:8.1f} ms {took_ms:8.1f} ms  {span.service}{failed}"
    for child in children.get(span.span_id, ()):
        yield from _branch(child, children, began_ns, depth=depth + 1)
