"""Retry storms cannot form: calls are counted at the far end of as many hops as a page has."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import grpc
import pytest

from nova.platform.auth.actor import Actor
from nova.platform.clock import SystemClock
from nova.platform.errors import Timeout, Unavailable
from nova.platform.rpc.binding import ServiceBinding
from nova.platform.rpc.channel import WireChannel
from nova.platform.rpc.server import WireServer
from nova.platform.rpc.server_chain import server_middlewares
from nova.platform.rpc.standard import by_standard
from nova.platform.rpc.status import to_wire
from nova.platform.telemetry.tracing import Tracing
from tests.proto.echo_pb2 import GetProfilesRequest, GetProfilesResponse
from tests.proto.echo_pb2_grpc import EchoServiceServicer, EchoServiceStub, add_EchoServiceServicer_to_server

if TYPE_CHECKING:
    from tests.proto.echo_pb2_grpc import EchoServiceAsyncStub

PAGES = 300
AT_ONCE = 20
ASKED_A_PAGE = 3
"""How often graph is asked for a page: twice by content, once by ranking."""


class Room(EchoServiceServicer):
    """Asks its neighbours, all at once, and needs them all."""

    def __init__(self, *neighbours: "EchoServiceAsyncStub") -> None:
        self._neighbours = neighbours

    async def GetProfiles(self, request: GetProfilesRequest, context: Any) -> GetProfilesResponse:
        await asyncio.gather(*(neighbour.GetProfiles(request) for neighbour in self._neighbours))
        return GetProfilesResponse()


class Graph:
    """The far end. It counts its calls and fails those that `fails` names, in the way of `failing`."""

    def __init__(self, fails: Callable[[int], bool], *, tells: bool) -> None:
        self._fails = fails
        self._tells = tells
        self.calls = 0

    async def answer(self, _raw: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        self.calls += 1
        if self._fails(self.calls):
            # The way of a room, and that of a connection that is lost.
            await (
                context.abort(*to_wire(Unavailable()))
                if self._tells
                else context.abort(grpc.StatusCode.UNAVAILABLE)
            )
        return GetProfilesResponse().SerializeToString()


async def nobody(_token: str) -> Actor:
    raise AssertionError("These calls need no actor.")


class Town:
    """Rooms behind TCP, called by the one standard."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    def stub(self, port: int, room: str) -> "EchoServiceAsyncStub":
        policy = by_standard(room, clock=SystemClock())
        channel = WireChannel(f"127.0.0.1:{port}", room=room, tracing=Tracing(), policy=policy)
        self._stack.push_async_callback(channel.close)
        return EchoServiceStub(channel)

    async def room(self, *neighbours: "EchoServiceAsyncStub") -> int:
        binding = ServiceBinding(
            add_to_server=add_EchoServiceServicer_to_server,
            servicer=Room(*neighbours),  # type: ignore[abstract] # they are asked for profiles only
            system_methods=frozenset({"GetProfiles"}),
        )
        chain = server_middlewares(authenticate=nobody, tracing=Tracing())
        server = WireServer("127.0.0.1:0", [binding], middlewares=chain, drain_s=0.0, notice_s=0.0)
        await server.start()
        self._stack.push_async_callback(server.stop)
        return server.port

    async def graph(self, graph: Graph) -> int:
        server = grpc.aio.server()
        methods: dict[str, Any] = {
            "GetProfiles": grpc.unary_unary_rpc_method_handler(cast("Any", graph.answer))
        }
        server.add_registered_method_handlers("nova.api.echo.v1.EchoService", methods)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        self._stack.push_async_callback(server.stop, None)
        return port


@asynccontextmanager
async def town(graph: Graph) -> AsyncIterator["EchoServiceAsyncStub"]:
    """Yield what a gateway asks: feed, which asks content and ranking, which ask graph."""
    async with AsyncExitStack() as stack:
        rooms = Town(stack)
        port = await rooms.graph(graph)
        to_graph = rooms.stub(port, "graph")
        content = await rooms.room(to_graph, to_graph)
        ranking = await rooms.room(rooms.stub(port, "graph"))
        feed = await rooms.room(rooms.stub(content, "content"), rooms.stub(ranking, "ranking"))
        yield rooms.stub(feed, "feed")


async def asked(graph: Graph) -> int:
    """Return how often graph is asked for all pages."""

    async def page() -> None:
        try:
            await feed.GetProfiles(GetProfilesRequest())
        except (Unavailable, Timeout):
            return

    async with town(graph) as feed:
        for _ in range(PAGES // AT_ONCE):
            await asyncio.gather(*(page() for _ in range(AT_ONCE)))
    return graph.calls


@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize("one_in", [1, 6])
async def test_r7_a_room_that_fails_is_asked_a_tenth_more_at_most(one_in: int, tells: bool) -> None:
    calls = await asked(Graph(lambda call: call % one_in == 0, tells=tells))
    assert 0 < calls <= 1.1 * ASKED_A_PAGE * PAGES


async def test_a_room_that_answers_is_asked_as_often_as_a_page_needs() -> None:
    assert await asked(Graph(lambda _: False, tells=True)) == ASKED_A_PAGE * PAGES
