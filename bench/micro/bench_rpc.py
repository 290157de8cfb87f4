"""The local channel beside grpc.aio (a batch of 20 profiles, all middlewares on).

One call of a contender is ten RPCs one after another. The wire contenders have client and server in this process and on
this loop, so their CPU is that of both sides.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import grpc
import uvloop

from bench.micro.harness import Case, Contender, main
from nova.platform.auth.actor import Actor
from nova.platform.auth.epochs import RevocationView
from nova.platform.auth.keys import KeyRing
from nova.platform.auth.tokens import Verifier
from nova.platform.clock import SystemClock
from nova.platform.ids import uuid7
from nova.platform.rpc.binding import ServiceBinding
from nova.platform.rpc.channel import LocalChannel, WireChannel
from nova.platform.rpc.context import CallContext, entered
from nova.platform.rpc.local import LocalServer
from nova.platform.rpc.server import WireServer
from nova.platform.rpc.server_chain import server_middlewares
from nova.platform.rpc.validate import to_timestamp
from nova.platform.telemetry.tracing import Tracing
from tests.proto.echo_pb2 import GetProfilesRequest, GetProfilesResponse, Profile
from tests.proto.echo_pb2_grpc import EchoServiceServicer, EchoServiceStub, add_EchoServiceServicer_to_server
from tests.tokens import Issuer

MODULE = "bench.micro.bench_rpc"
PROFILES = 1000
BATCH = 20
CALLS = 10
TURNS = PROFILES // BATCH

Ask = Callable[[GetProfilesRequest], Awaitable[GetProfilesResponse]]


class Profiles(EchoServiceServicer):
    """Answers from memory, so that nothing but the call is timed."""

    def __init__(self) -> None:
        joined = to_timestamp(datetime.now(UTC))
        self.ids = [uuid7() for _ in range(PROFILES)]
        self._by_id: dict[bytes, Profile] = {
            user_id.bytes: Profile(
                user_id=user_id.bytes,
                handle=f"person{number:05}",
                display_name=f"Person number {number}",
                bio="Reads, cooks, takes pictures of doors. " * 2,
                avatar_url=f"/media/avatars/{user_id}.webp",
                joined_at=joined,
            )
            for number, user_id in enumerate(self.ids)
        }

    async def GetProfiles(self, request: GetProfilesRequest, context: Any) -> GetProfilesResponse:  # noqa: ANN401, ARG002, N802 - gRPC's
        by_id = self._by_id
        return GetProfilesResponse(profiles=[by_id[user_id] for user_id in request.user_ids])


class Field:
    """Local, our wire, and the bare library, all serving the same profiles."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        issuer, clock, tracing = Issuer(), SystemClock(), Tracing()
        ring = KeyRing(issuer.keys(), clock=clock)
        verifier = Verifier(ring, clock=clock, revocations=RevocationView(clock=clock))
        self._middlewares = server_middlewares(authenticate=verifier.actor, tracing=tracing)
        self._tracing = tracing
        claims = issuer.claims()
        self._actor = Actor(
            user_id=claims.user_id,
            session_id=claims.session_id,
            roles=claims.roles,
            permissions=claims.permissions,
            token=issuer.token(claims),
        )
        self.profiles: Any = Profiles()  # type: ignore[abstract] # only one method is asked
        ids = self.profiles.ids
        self.requests = [
            GetProfilesRequest(user_ids=[user_id.bytes for user_id in ids[at : at + BATCH]])
            for at in range(0, PROFILES, BATCH)
        ]

    async def open(self) -> None:
        """Start all servers and connect to them."""
        binding = ServiceBinding(add_to_server=add_EchoServiceServicer_to_server, servicer=self.profiles)
        local = LocalServer(self._middlewares)
        local.bind([binding])
        wire = WireServer("127.0.0.1:0", [binding], middlewares=self._middlewares)
        bare = grpc.aio.server()
        add_EchoServiceServicer_to_server(self.profiles, bare)
        port = bare.add_insecure_port("127.0.0.1:0")
        for server in (local, wire, bare):
            await server.start()
        self._servers = (local, wire, bare)
        self._channels = (
            LocalChannel(local, tracing=self._tracing),
            WireChannel(f"127.0.0.1:{wire.port}", room="echo", tracing=self._tracing),
            grpc.aio.insecure_channel(f"127.0.0.1:{port}"),
        )
        self.local, self.wire, self.bare = (
            EchoServiceStub(channel).GetProfiles for channel in self._channels
        )

    async def close(self) -> None:
        """Close the channels and stop the servers."""
        for channel in self._channels:
            await channel.close()
        local, wire, bare = self._servers
        await local.stop()
        await wire.stop()
        await bare.stop(None)

    def calls(self, ask: Ask) -> Callable[[int], GetProfilesResponse]:
        """Return a contender that makes ten calls and returns the last answer."""

        async def asked(turn: int) -> GetProfilesResponse:
            context = CallContext(actor=self._actor, correlation_id="bench-0001")
            with entered(context):
                for place in range(turn, turn + CALLS):
                    answer = await ask(self.requests[place % TURNS])
            return answer

        return lambda turn: self._loop.run_until_complete(asked(turn))


def cases() -> Iterator[Case]:
    """Ask for 20 profiles; another 20 each call."""
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    field = Field(loop)
    loop.run_until_complete(field.open())
    local, wire, bare = (field.calls(ask) for ask in (field.local, field.wire, field.bare))

    def check(turn: int) -> None:
        expected = bare(turn)
        assert len(expected.profiles) == BATCH
        assert local(turn) == expected
        assert wire(turn) == expected

    yield Case(
        f"{CALLS} calls of {BATCH} profiles",
        Contender("nova, local channel", local),
        [Contender("grpc.aio, bare", bare, goal=0.08), Contender("nova, over TCP", wire)],
        TURNS,
        check,
    )
    loop.run_until_complete(field.close())
    loop.close()


if __name__ == "__main__":
    main(MODULE, cases)
