"""Calls to a room in another process by the one standard: one that hangs is left alone, and holds up no other."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from nova.platform.clock import FixedClock
from nova.platform.errors import NotFound, NovaError, Timeout, Unavailable
from nova.platform.rpc.context import CallContext, entered, within
from nova.platform.rpc.standard import AT_ONCE, by_standard
from nova.platform.telemetry.tracing import Tracing
from tests.proto.echo_pb2 import DescribeCallRequest, FailRequest, GetProfilesRequest, WaitRequest
from tests.proto.echo_pb2_grpc import EchoServiceStub
from tests.unit.platform.rpc.echo_house import House, served

if TYPE_CHECKING:
    from tests.proto.echo_pb2_grpc import EchoServiceAsyncStub

OPENS_AT = 10
SHORT_S = 0.2
PATIENCE_S = 10.0
REST_S = 1.5
pytestmark = pytest.mark.usefixtures("signed_in")
READ, WRITE = GetProfilesRequest(handle="wait"), WaitRequest()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def house(wire_house: House) -> House:
    """A room behind TCP."""
    return wire_house


@pytest.fixture
async def stub(house: House, clock: FixedClock, stack: AsyncExitStack) -> "EchoServiceAsyncStub":
    channel = house.open(by_standard("echo", clock=clock))
    stack.push_async_callback(channel.close)
    return EchoServiceStub(channel)


async def all_raise(error: type[NovaError], calls: int, call: Callable[[], Awaitable[object]]) -> None:
    outcomes = await asyncio.gather(*(call() for _ in range(calls)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [error] * calls


async def is_refused(call: Callable[[], Awaitable[object]], reason: str) -> None:
    with pytest.raises(Unavailable) as caught:
        await call()
    assert caught.value.reason == reason


async def test_fault_a_room_that_hangs_is_left_alone_until_a_probe_is_answered(
    house: House, stub: "EchoServiceAsyncStub", clock: FixedClock
) -> None:
    def read(timeout_s: float = SHORT_S) -> Awaitable[object]:
        return stub.GetProfiles(READ, timeout=timeout_s)

    await stub.DescribeCall(DescribeCallRequest())
    await all_raise(Timeout, OPENS_AT, read)
    asked = house.echo.calls
    await is_refused(read, "CIRCUIT_OPEN")
    assert house.echo.calls == asked

    clock.advance(REST_S)
    await all_raise(Timeout, 1, read)
    await is_refused(read, "CIRCUIT_OPEN")
    assert house.echo.calls <= asked + 1

    clock.advance(REST_S)
    house.echo.release.set()
    await read(PATIENCE_S)
    await read(PATIENCE_S)


async def test_fault_a_room_that_hangs_is_found_out_by_those_who_wait_within_a_block(
    house: House, stub: "EchoServiceAsyncStub"
) -> None:
    async def read() -> str:
        try:
            async with within(0.25):
                await stub.GetProfiles(READ)
        except Unavailable as error:
            return error.reason
        except (Timeout, TimeoutError):
            return ""
        raise AssertionError("It hangs.")

    async with asyncio.timeout(PATIENCE_S):
        while "CIRCUIT_OPEN" not in await asyncio.gather(*(read() for _ in range(OPENS_AT))):
            pass


async def test_fault_writes_that_hang_leave_reads_alone(house: House, stub: "EchoServiceAsyncStub") -> None:
    await all_raise(Timeout, OPENS_AT, lambda: stub.Wait(WRITE, timeout=SHORT_S))
    await is_refused(lambda: stub.Wait(WRITE, timeout=SHORT_S), "CIRCUIT_OPEN")
    await stub.DescribeCall(DescribeCallRequest())


async def test_calls_with_little_time_left_do_not_open_the_circuit(
    house: House, stub: "EchoServiceAsyncStub"
) -> None:
    hurried = CallContext(actor=house.actor(), deadline=time.monotonic() + 0.1)
    with entered(hurried):
        await all_raise(Timeout, 2 * OPENS_AT, lambda: stub.GetProfiles(READ))
    house.echo.release.set()
    await stub.GetProfiles(READ)


async def test_fault_a_room_that_says_that_its_database_is_away_is_asked_on(
    house: House, stub: "EchoServiceAsyncStub"
) -> None:
    for _ in range(2 * OPENS_AT):
        await is_refused(lambda: stub.Fail(FailRequest(how="database_down")), "DATABASE_DOWN")
    assert house.echo.calls == 2 * OPENS_AT
    with pytest.raises(NotFound):
        await stub.Fail(FailRequest(how="not_found"))


async def test_fault_one_room_that_hangs_leaves_the_calls_to_others_alone(
    house: House, stub: "EchoServiceAsyncStub", clock: FixedClock, stack: AsyncExitStack
) -> None:
    other = await stack.enter_async_context(served("wire", Tracing()))
    channel = other.open(by_standard("other", clock=clock))
    stack.push_async_callback(channel.close)
    waiting = [asyncio.ensure_future(stub.GetProfiles(READ)) for _ in range(AT_ONCE)]
    async with asyncio.timeout(PATIENCE_S):
        await house.echo.waiting.wait()
    await is_refused(lambda: stub.GetProfiles(READ), "BULKHEAD_FULL")
    with pytest.raises(NotFound):
        await stub.Fail(FailRequest(how="not_found"))
    await EchoServiceStub(channel).DescribeCall(DescribeCallRequest())

    house.echo.release.set()
    await asyncio.gather(*waiting)
