"""A room tells its callers of its strain, over TCP; in one process they share the loop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import grpc
import pytest

from nova.platform.rpc.call import BUSY
from nova.platform.rpc.channel import WireChannel
from nova.platform.rpc.server import WireServer
from nova.platform.strain import TOLD_FROM, Strain
from nova.platform.telemetry.tracing import Tracing
from tests.proto.echo_pb2 import DescribeCallRequest, DescribeCallResponse
from tests.proto.echo_pb2_grpc import EchoServiceStub
from tests.unit.platform.rpc.echo_house import House, served


def still() -> Strain:
    """Return a strain for which no time passes."""
    return Strain(monotonic=lambda: 0.0)


async def heard(port: int, strain: Strain) -> float:
    """Return how busy a caller knows rooms to be after a call."""
    channel = WireChannel(f"127.0.0.1:{port}", room="echo", tracing=Tracing(), strain=strain)
    try:
        await EchoServiceStub(channel).DescribeCall(DescribeCallRequest())
    finally:
        await channel.close()
    return strain.busy


def port_of(house: House) -> int:
    assert isinstance(house.server, WireServer)
    return house.server.port


@pytest.mark.parametrize(
    ("busy", "known"), [(0.0, 0.0), (TOLD_FROM / 2, 0.0), (TOLD_FROM, TOLD_FROM), (0.95, 0.95), (1.0, 1.0)]
)
async def test_callers_hear_of_what_is_worth_telling(busy: float, known: float) -> None:
    strain = still()
    strain.tell(busy)
    async with served("wire", Tracing(), strain=strain) as house:
        assert await heard(port_of(house), still()) == pytest.approx(known)


async def test_what_a_room_was_told_it_tells_on() -> None:
    last, middle = still(), still()
    last.tell(0.9)
    async with (
        served("wire", Tracing(), strain=last) as behind,
        served("wire", Tracing(), strain=middle) as asked,
    ):
        await heard(port_of(behind), middle)
        assert await heard(port_of(asked), still()) == pytest.approx(0.9)


async def test_a_room_that_says_nothing_is_not_under_strain(wire_house: House) -> None:
    assert await heard(port_of(wire_house), still()) == 0


@asynccontextmanager
async def babbling(told: str) -> AsyncIterator[int]:
    """Yield the port of a server that says `told` of how busy it is."""

    async def answer(_raw: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        context.set_trailing_metadata(((BUSY, told),))
        return DescribeCallResponse().SerializeToString()

    server = grpc.aio.server()
    methods: dict[str, Any] = {"DescribeCall": grpc.unary_unary_rpc_method_handler(cast("Any", answer))}
    server.add_registered_method_handlers("nova.api.echo.v1.EchoService", methods)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


@pytest.mark.parametrize("told", ["", "-1", "1.5", "many", "101", "9" * 13])
async def test_what_is_no_number_is_not_heard(told: str) -> None:
    async with babbling(told) as port:
        assert await heard(port, still()) == 0
