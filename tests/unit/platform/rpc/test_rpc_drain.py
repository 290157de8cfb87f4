"""A server that ends says so first: whoever has another address of the room loses no call."""

import asyncio
from contextlib import AsyncExitStack

import grpc
import pytest
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from nova.platform.errors import NovaError
from nova.platform.rpc.channel import WireChannel
from nova.platform.rpc.context import CallContext, entered
from nova.platform.rpc.server import WireServer
from nova.platform.telemetry.tracing import Tracing
from tests.proto.echo_pb2 import DescribeCallRequest, WaitRequest
from tests.proto.echo_pb2_grpc import EchoServiceStub
from tests.unit.platform.rpc.echo_house import House, served
from tests.waiting import until

NOTICE_S = 0.3
CALLERS = 8


def port_of(house: House) -> int:
    assert isinstance(house.server, WireServer)
    return house.server.port


class Load:
    """Calls without a pause and never tries again."""

    def __init__(self, channel: WireChannel) -> None:
        self._stub = EchoServiceStub(channel)
        self.answered = 0
        self.lost: list[NovaError] = []

    async def run(self) -> None:
        while True:
            try:
                await self._stub.DescribeCall(DescribeCallRequest())
            except NovaError as error:
                self.lost.append(error)
            else:
                self.answered += 1


async def test_of_two_servers_one_ends_under_load_and_no_call_is_lost() -> None:
    async with AsyncExitStack() as stack:
        ends, stays = [
            await stack.enter_async_context(served("wire", Tracing(), notice_s=NOTICE_S)) for _ in range(2)
        ]
        target = f"ipv4:127.0.0.1:{port_of(ends)},127.0.0.1:{port_of(stays)}"
        channel = WireChannel(target, room="echo", tracing=Tracing())
        stack.push_async_callback(channel.close)
        load = Load(channel)
        running = [asyncio.create_task(load.run()) for _ in range(CALLERS)]
        await until(lambda: load.answered > 10 * CALLERS)
        await ends.server.stop()
        seen = load.answered
        await until(lambda: load.answered > seen + 10 * CALLERS)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        assert load.lost == []


async def test_a_call_in_flight_ends_though_its_server_is_no_longer_chosen() -> None:
    async with served("wire", Tracing(), notice_s=NOTICE_S) as house:
        with entered(CallContext(actor=house.actor())):
            call = asyncio.ensure_future(house.stub.Wait(WaitRequest()))
        await house.echo.waiting.wait()
        stopping = asyncio.create_task(house.server.stop())
        await until(lambda: is_refused(house))
        house.echo.release.set()
        await call
        await stopping


async def is_refused(house: House) -> bool:
    try:
        await house.describe()
    except NovaError:
        return True
    return False


@pytest.mark.parametrize("count", [1, 3])
async def test_a_watcher_does_not_hold_an_end_up(count: int) -> None:
    """Channels watch for as long as they live: the drain of a minute is for calls."""
    async with served("wire", Tracing(), drain_s=60.0, notice_s=NOTICE_S) as house:
        channels = [house.open() for _ in range(count)]
        for channel in channels:
            await EchoServiceStub(channel).DescribeCall(DescribeCallRequest())
        async with asyncio.timeout(20):
            await house.server.stop()
        for channel in channels:
            await channel.close()


async def test_a_stream_of_reflection_does_not_hold_an_end_up() -> None:
    """Whoever looks at a server may leave his stream open for a day."""
    asked = ServerReflectionRequest(list_services="")
    async with (
        served("wire", Tracing(), drain_s=60.0, notice_s=NOTICE_S) as house,
        grpc.aio.insecure_channel(f"127.0.0.1:{port_of(house)}") as channel,
    ):
        stream = ServerReflectionStub(channel).ServerReflectionInfo()
        await stream.write(asked)
        assert (await stream.read()).list_services_response.service
        async with asyncio.timeout(20):
            await house.server.stop()
        assert await stream.read() is grpc.aio.EOF
