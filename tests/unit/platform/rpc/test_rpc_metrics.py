"""What a server counts of the calls that it answers, and what it shows before there is any."""

from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub
from prometheus_client import REGISTRY

from nova.platform.rpc.call import Method, chained
from nova.platform.rpc.server_chain import telemetry
from nova.platform.telemetry.tracing import Tracing
from tests.unit.platform.rpc.echo_house import House
from tests.unit.platform.rpc.test_rpc_wire import connected


def counted(method: str) -> dict[tuple[str, str], float]:
    """Return how many calls of a method were counted, by room and code."""
    return {
        (sample.labels["room"], sample.labels["code"]): sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "grpc_requests_total" and sample.labels["method"] == method
    }


async def answered(_request: object, _call: object) -> bytes:
    return b""


def test_what_fails_by_our_fault_is_counted_from_nought() -> None:
    """In a series that is born at 1 Prometheus sees no growth: the first failures of a process would not count."""
    chained(Method.of("/nova.api.echo.v1.EchoService/Nobody"), [telemetry(Tracing())], answered)
    failures = ("INTERNAL", "UNAVAILABLE", "TIMEOUT")
    assert counted("Nobody") == {("echo", code): 0.0 for code in failures}


async def test_what_machines_ask_is_no_request_of_a_room(wire_house: House) -> None:
    async with connected(wire_house) as channel:
        await HealthStub(channel).Check(HealthCheckRequest(), timeout=10)
    assert counted("Check") == {}
