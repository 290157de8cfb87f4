"""What an alert looks for at the door is counted from nought: in a series that is born at 1 nothing has grown."""

from typing import Any, cast

from prometheus_client import REGISTRY

from nova.gateway.app import GatewayApp, Route
from nova.gateway.http.request import Request
from nova.gateway.http.response import Response
from nova.platform.health import Health
from nova.platform.telemetry.tracing import Tracing
from tests.unit.gateway.edge import Edge


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


def test_what_each_route_may_fail_is_shown_before_it_does() -> None:
    GatewayApp(
        routes={"/lonely": Route("lonely", {"GET": answered})},
        prefixes={"/lonely/": Route("below", {"POST": answered})},
        socket=cast("Any", None),
        hosts=frozenset(),
        rates=None,
        health=Health(),
        tracing=Tracing(),
    )
    assert counted("lonely") == {("GET", status): 0.0 for status in ("500", "503", "504")}
    assert counted("below") == {("POST", status): 0.0 for status in ("500", "503", "504")}


def test_operations_that_are_sent_away_are_shown_before_one_is(gate: Edge) -> None:
    assert gate.gateway is not None
    assert REGISTRY.get_sample_value("graphql_operations_refused_total", {"reason": "TOO_BUSY"}) is not None
