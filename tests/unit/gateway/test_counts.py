"""What the door tells of requests: those that fail are counted from nought, and slow ones are logged."""

from collections.abc import Mapping
from typing import Any, Final, cast

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY

from nova.gateway.app import SLOW_LINES_AT_ONCE, GatewayApp, Route
from nova.gateway.http.request import Request
from nova.gateway.http.response import Response
from nova.platform.health import Health
from nova.platform.telemetry.tracing import Tracing
from tests.logged import logged
from tests.unit.gateway.edge import Edge

ASKED: Final = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def answered(_request: Request) -> Response:
    return Response()


def counted(route: str) -> dict[tuple[str, str], float]:
    """Return how many requests of a route were counted, by method and status."""
    return {
        (sample.labels["method"], sample.labels["status"]): sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "http_requests_total" and sample.labels["route"] == route
    }


def door(
    routes: Mapping[str, Route], prefixes: Mapping[str, Route] | None = None, **given: Tracing
) -> GatewayApp:
    health = Health()
    health.open()
    return GatewayApp(
        routes=routes,
        prefixes=prefixes or {},
        socket=cast("Any", None),
        hosts=frozenset(),
        rates=None,
        health=health,
        tracing=given.get("tracing", Tracing()),
    )


async def told(app: GatewayApp, path: str, **headers: str) -> list[dict[str, Any]]:
    """Return the lines that the process logs while it answers a request."""
    sent: list[Any] = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [
            (b"host", b"localhost"),
            *((name.encode(), text.encode()) for name, text in headers.items()),
        ],
        "client": ("127.0.0.1", 50000),
    }

    async def send(message: Any) -> None:
        sent.append(message)

    with logged() as lines:
        await app(scope, cast("Any", None), send)
    assert sent[0]["status"] == 200
    return lines.all()


def test_what_each_route_may_fail_is_shown_before_it_does() -> None:
    """In a series that is born at 1 Prometheus sees no growth."""
    door({"/lonely": Route("lonely", {"GET": answered})}, {"/lonely/": Route("below", {"POST": answered})})
    assert counted("lonely") == {("GET", status): 0.0 for status in ("500", "503", "504")}
    assert counted("below") == {("POST", status): 0.0 for status in ("500", "503", "504")}


def test_operations_that_are_sent_away_are_shown_before_one_is(gate: Edge) -> None:
    assert gate.gateway is not None
    assert REGISTRY.get_sample_value("graphql_operations_refused_total", {"reason": "TOO_BUSY"}) is not None


async def test_a_request_over_its_objective_is_told_with_its_id_and_its_trace() -> None:
    tracing = Tracing(SimpleSpanProcessor(InMemorySpanExporter()))
    app = door({"/slow": Route("slow", {"GET": answered}, objective_s=0.0)}, tracing=tracing)
    (line,) = await told(app, "/slow", **{"x-request-id": "client-0001", "traceparent": ASKED})
    assert (line["event"], line["route"], line["request_id"]) == ("request_slow", "slow", "client-0001")
    assert line["trace_id"] == ASKED.split("-")[1]
    assert line["took_ms"] >= 0


@pytest.mark.parametrize("objective_s", [None, 60.0])
async def test_one_within_its_objective_or_without_one_is_not_told(objective_s: float | None) -> None:
    app = door({"/quick": Route("quick", {"GET": answered}, objective_s=objective_s)})
    assert await told(app, "/quick") == []


async def test_when_all_are_slow_some_are_told_and_those_that_are_traced() -> None:
    tracing = Tracing(SimpleSpanProcessor(InMemorySpanExporter()), sample=0.0)
    app = door({"/slow": Route("slow", {"GET": answered}, objective_s=0.0)}, tracing=tracing)
    lines = [line for _ in range(50) for line in await told(app, "/slow")]
    assert SLOW_LINES_AT_ONCE <= len(lines) < 50
    assert not [line for line in lines if "trace_id" in line]
    (line,) = await told(app, "/slow", traceparent=ASKED)
    assert line["trace_id"] == ASKED.split("-")[1]
