"""Spans that go to an OTLP collector: one that takes them, one that is dead, one that never answers."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client import REGISTRY

from nova.platform.telemetry import otlp
from nova.platform.telemetry.tracing import Tracing, tracing_to
from tests.unit.platform.rpc.echo_house import served

MANY = 1_500
"""Three batches of the library's."""
DEAD = "http://127.0.0.1:9"
WITHIN_S = 20.0
"""The library alone takes half a minute for a collector that never answers."""


@dataclass
class Collector:
    """Keeps what it is sent. One that is `silent` takes it, and never answers."""

    silent: bool = False
    spans: list[Span] = field(default_factory=list)
    headers: dict[str, str | bytes] = field(default_factory=dict)
    resource: dict[str, str] = field(default_factory=dict)

    async def export(self, raw: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
        if self.silent:
            await asyncio.Future[None]()
        self.headers.update(context.invocation_metadata() or ())
        request = ExportTraceServiceRequest.FromString(raw)
        for sent in request.resource_spans:
            self.resource |= {one.key: one.value.string_value for one in sent.resource.attributes}
        self.spans += [
            span
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        return ExportTraceServiceResponse().SerializeToString()


@asynccontextmanager
async def serving(collector: Collector) -> AsyncIterator[str]:
    """Yield the address of the collector."""
    server = grpc.aio.server()
    methods: dict[str, Any] = {"Export": grpc.unary_unary_rpc_method_handler(cast("Any", collector.export))}
    server.add_registered_method_handlers("opentelemetry.proto.collector.trace.v1.TraceService", methods)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await server.stop(None)


def sending(endpoint: str) -> Tracing:
    return tracing_to(folder=None, otlp_endpoint=endpoint, service="test", sample=1.0)


async def closed(tracing: Tracing) -> None:
    """Close as a process does; the loop goes on meanwhile."""
    async with asyncio.timeout(WITHIN_S):
        await asyncio.to_thread(tracing.close)


def counted() -> tuple[float, float]:
    """Return how many spans ended, and how many a collector took."""
    ended, sent = (REGISTRY.get_sample_value(f"otlp_spans_{kind}_total") for kind in ("ended", "sent"))
    return ended or 0.0, sent or 0.0


async def test_the_spans_of_a_call_arrive_with_the_headers_that_the_collector_wants(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-collector-key=of%20ours")
    collector = Collector()
    async with serving(collector) as endpoint:
        tracing = sending(endpoint)
        async with served("wire", tracing) as house:
            with tracing.request("came in", headers={}):
                await house.describe()
        await closed(tracing)
    assert collector.headers["x-collector-key"] == "of ours"
    below = [span for span in collector.spans if span.name != "came in"]
    client, server = sorted(below, key=lambda span: span.kind, reverse=True)
    assert (client.kind, server.kind) == (Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_SERVER)
    assert client.name == server.name == "echo/DescribeCall"
    assert server.trace_id == client.trace_id
    assert server.parent_span_id == client.span_id
    assert collector.resource["service.name"] == "test"
    assert collector.resource["service.instance.id"] == socket.gethostname()


async def test_what_a_collector_takes_is_counted() -> None:
    ended, sent = counted()
    async with serving(Collector()) as endpoint:
        tracing = sending(endpoint)
        for _ in range(MANY):
            with tracing.request("work", headers={}):
                pass
        await closed(tracing)
    assert counted() == (ended + MANY, sent + MANY)


@pytest.mark.parametrize("silent", [True, False])
async def test_fault_a_collector_that_does_not_answer_holds_up_no_call_and_no_end(
    silent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "END_S", 0.1)
    ended, sent = counted()
    async with serving(Collector(silent=True)) as endpoint:
        tracing = sending(endpoint if silent else DEAD)
        async with served("wire", tracing) as house:
            for _ in range(MANY):
                with tracing.request("work", headers={}):
                    pass
            with tracing.request("came in", headers={}):
                await house.describe()
        await closed(tracing)
    assert counted() == (ended + MANY + 3, sent)
