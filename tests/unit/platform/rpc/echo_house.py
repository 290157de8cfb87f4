"""One service behind both transports: whatever holds for the one must hold for the other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from nova.platform.auth.actor import Actor
from nova.platform.auth.epochs import RevocationView
from nova.platform.auth.keys import KeyRing
from nova.platform.auth.tokens import Verifier
from nova.platform.clock import SystemClock
from nova.platform.errors import Conflict, Forbidden, InvalidArgument, NotFound, RateLimited, Unavailable
from nova.platform.rpc.binding import ServiceBinding
from nova.platform.rpc.call import MOST_RESPONSE_BYTES, Policy
from nova.platform.rpc.certificates import Certificates
from nova.platform.rpc.channel import Channel, LocalChannel, WireChannel
from nova.platform.rpc.context import current_call, remaining_s
from nova.platform.rpc.local import LocalServer
from nova.platform.rpc.server import WireServer
from nova.platform.rpc.server_chain import server_middlewares
from nova.platform.rpc.validate import uuids_of
from nova.platform.strain import Strain
from nova.platform.telemetry.tracing import Tracing
from tests.proto.echo_pb2 import (
    DescribeCallRequest,
    DescribeCallResponse,
    FailRequest,
    FailResponse,
    GetProfilesRequest,
    GetProfilesResponse,
    Profile,
    WaitRequest,
    WaitResponse,
)
from tests.proto.echo_pb2_grpc import EchoServiceServicer, EchoServiceStub, add_EchoServiceServicer_to_server
from tests.tokens import Issuer

if TYPE_CHECKING:
    from tests.proto.echo_pb2_grpc import EchoServiceAsyncStub


class HandleTaken(Conflict):
    """This handle belongs to somebody else."""


FAILURES: dict[str, Callable[[], Exception]] = {
    "not_found": lambda: NotFound("No such post.", reason="POST_NOT_FOUND"),
    "conflict": lambda: HandleTaken(field="handle"),
    "forbidden": lambda: Forbidden("Ärger: 不行"),
    "database_down": lambda: Unavailable(reason="DATABASE_DOWN"),
    "limited": lambda: RateLimited(retry_after_s=1.5),
    "invalid": lambda: InvalidArgument("Too long.", field="caption"),
    "unknown": lambda: ValueError("password=hunter2 at /srv/nova/secret.py"),
    "several": lambda: ExceptionGroup(
        "side by side", [ExceptionGroup("", [NotFound(reason="POST_NOT_FOUND")]), Forbidden()]
    ),
    "several_unknown": lambda: ExceptionGroup("side by side", [NotFound(), ValueError("hunter2")]),
    "timeout": lambda: TimeoutError("of some library"),
}


@dataclass
class Echo(EchoServiceServicer):
    """Answers, refuses, waits and breaks on demand."""

    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    calls: int = 0
    last_request: GetProfilesRequest | None = None
    next_room: "EchoServiceAsyncStub | None" = None

    async def GetProfiles(self, request: GetProfilesRequest, context: Any) -> GetProfilesResponse:
        self.last_request = request
        if request.handle == "huge":
            return GetProfilesResponse(profiles=[Profile(bio="x" * MOST_RESPONSE_BYTES)])
        if request.handle == "hop":
            return await self._ask_next_room()
        if request.handle == "wait":
            await self.Wait(WaitRequest(), context)
        ids = uuids_of(request.user_ids, "user_ids", most=100)
        answer = GetProfilesResponse(
            profiles=[Profile(user_id=id_.bytes, handle=f"h{n}") for n, id_ in enumerate(ids)]
        )
        request.Clear()  # a rude callee: the caller must not notice
        return answer

    async def _ask_next_room(self) -> GetProfilesResponse:
        assert self.next_room is not None
        own = remaining_s() or 0.0
        seen = await self.next_room.DescribeCall(DescribeCallRequest())
        spent_s = own - seen.remaining_s
        profile = Profile(user_id=seen.user_id, handle=seen.correlation_id, bio=f"{spent_s:.6f}")
        return GetProfilesResponse(profiles=[profile])

    async def DescribeCall(self, request: DescribeCallRequest, context: Any) -> DescribeCallResponse:
        call = current_call()
        return DescribeCallResponse(
            user_id=call.actor.user_id.bytes if call.actor else b"",
            correlation_id=call.correlation_id,
            idempotency_key=call.idempotency_key or "",
            remaining_s=remaining_s() or 0.0,
        )

    async def Fail(self, request: FailRequest, context: Any) -> FailResponse:
        self.calls += 1
        failure = FAILURES[request.how]()
        raise failure

    async def Wait(self, request: WaitRequest, context: Any) -> WaitResponse:
        self.calls += 1
        self.waiting.set()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return WaitResponse()


@dataclass
class House:
    """A served Echo, with all that tests want to touch."""

    echo: Echo
    issuer: Issuer
    verifier: Verifier
    revocations: RevocationView
    transport: str
    tracing: Tracing
    server: WireServer | LocalServer
    open: Callable[..., Channel]
    channel: Channel

    @property
    def stub(self) -> "EchoServiceAsyncStub":
        return EchoServiceStub(self.channel)

    async def describe(self) -> DescribeCallResponse:
        """Ask the system method what the context of the call holds."""
        return await self.stub.DescribeCall(DescribeCallRequest())

    def actor(self, user_id: UUID | None = None, session_id: UUID | None = None) -> Actor:
        claims = self.issuer.claims(user_id, session_id)
        return self.acting(self.issuer.token(claims), claims.user_id, claims.session_id)

    def acting(self, token: str, user_id: UUID, session_id: UUID) -> Actor:
        return Actor(
            user_id=user_id, session_id=session_id, roles=frozenset(), permissions=frozenset(), token=token
        )


@asynccontextmanager
async def served(
    transport: str,
    tracing: Tracing,
    *,
    drain_s: float = 5.0,
    notice_s: float = 0.0,
    certificates: Certificates | None = None,
    callers: Callable[[str], frozenset[str]] | None = None,
    caller: str | None = None,
    strain: Strain | None = None,
) -> AsyncIterator[House]:
    """Yield a served Echo. `caller` calls it over the local channel; over TCP it is the room itself that does."""
    issuer, clock = Issuer(), SystemClock()
    echo = Echo()  # type: ignore[abstract] # `Nothing` is left out on purpose
    revocations = RevocationView(clock=clock)
    verifier = Verifier(KeyRing(issuer.keys(), clock=clock), clock=clock, revocations=revocations)
    middlewares = server_middlewares(authenticate=verifier.actor, tracing=tracing)
    binding = ServiceBinding(
        add_to_server=add_EchoServiceServicer_to_server,
        servicer=echo,
        system_methods=frozenset({"DescribeCall"}),
        callers=callers,
    )
    server: WireServer | LocalServer
    if transport == "local":
        server = local = LocalServer(middlewares)
        local.bind([binding])

        def opened(policy: Policy | None = None) -> Channel:
            return LocalChannel(local, tracing=tracing, policy=policy, caller=caller)

    else:
        server = wire = WireServer(
            "127.0.0.1:0",
            [binding],
            middlewares=middlewares,
            certificates=certificates,
            strain=strain,
            drain_s=drain_s,
            notice_s=notice_s,
        )

        def opened(policy: Policy | None = None) -> Channel:
            target = f"127.0.0.1:{wire.port}"
            return WireChannel(target, room="echo", tracing=tracing, policy=policy, certificates=certificates)

    await server.start()
    channel = opened()
    echo.next_room = EchoServiceStub(channel)
    try:
        yield House(echo, issuer, verifier, revocations, transport, tracing, server, opened, channel)
    finally:
        echo.release.set()
        await channel.close()
        await server.stop()
