"""One trace from the caller through every hop, over both transports."""

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from nova.platform.errors import NotFound
from nova.platform.rpc.context import CallContext, entered
from nova.platform.telemetry.tracing import Tracing
from tests.proto.echo_pb2 import FailRequest
from tests.unit.platform.rpc.echo_house import served


@pytest.mark.parametrize("transport", ["local", "wire"])
async def test_the_servers_span_is_the_child_of_the_clients(transport: str) -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing(SimpleSpanProcessor(exporter))
    async with served(transport, tracing) as house:
        with (
            tracing.request("gateway", headers={}),
            entered(CallContext(actor=house.actor(), correlation_id="client-0003")),
        ):
            await house.describe()
            with pytest.raises(NotFound):
                await house.stub.Fail(FailRequest(how="not_found"))
    tracing.close()
    spans = exporter.get_finished_spans()
    (root,) = [span for span in spans if span.name == "gateway"]
    by_id = {span.context.span_id: span for span in spans if span.context}
    servers = [span for span in spans if span.kind is SpanKind.SERVER and span is not root]
    assert [span.name for span in servers] == ["echo/DescribeCall", "echo/Fail"]
    assert {span.context.trace_id for span in spans if span.context} == {
        root.context.trace_id if root.context else 0
    }
    for server in servers:
        assert server.parent is not None
        client = by_id[server.parent.span_id]
        assert (client.kind, client.name) == (SpanKind.CLIENT, server.name)
        assert client.parent is not None
        assert by_id[client.parent.span_id] is root
        assert server.attributes is not None
        assert server.attributes["nova.correlation_id"] == "client-0003"
    failed = servers[1]
    assert (failed.status.is_ok, failed.status.description) == (False, "POST_NOT_FOUND")


def test_h11_a_trace_header_of_a_stranger_is_replaced() -> None:
    """Junk in `traceparent` starts a new trace and breaks nothing."""
    exporter = InMemorySpanExporter()
    tracing = Tracing(SimpleSpanProcessor(exporter))
    for junk in ("", "00-zz-zz-01", "x" * 5000, "00-" + "0" * 32 + "-" + "0" * 16 + "-01"):
        with tracing.request("served", headers={"traceparent": junk}):
            pass
    spans = exporter.get_finished_spans()
    assert len(spans) == 4
    assert all(span.parent is None for span in spans)


def test_tracing_that_is_off_writes_nothing() -> None:
    headers: dict[str, str] = {}
    tracing = Tracing()
    with tracing.request("anything", headers={}), tracing.span("below") as span:
        tracing.inject(headers)
        assert not span.is_recording()
    assert not headers
    tracing.close()
