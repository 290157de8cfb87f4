"""What a resolver may know and do: the viewer, the rooms, and the calls of this one request."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import strawberry
from graphql import FieldNode

from nova.api.content.v1.content_pb2_grpc import ContentServiceStub
from nova.api.feed.v1.feed_pb2_grpc import FeedServiceStub
from nova.api.graph.v1.graph_pb2_grpc import GraphServiceStub
from nova.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
from nova.api.social.v1.social_pb2_grpc import SocialServiceStub
from nova.api.user.v1.user_pb2_grpc import UserServiceStub
from nova.gateway.connections import Listing
from nova.gateway.cursors import Cursors
from nova.gateway.documents import Operation
from nova.gateway.readers import LOST, Readers
from nova.gateway.waves import Waves
from nova.platform.auth.actor import Actor
from nova.platform.auth.tokens import Verifier
from nova.platform.errors import Unauthenticated
from nova.platform.rpc.context import CallContext, entered

if TYPE_CHECKING:
    from grpc.aio import UnaryUnaryMultiCallable

Q = TypeVar("Q")
R = TypeVar("R")

PATIENCE_S: Final = 2.0
"""How long a page waits for what it can do without."""


@dataclass(frozen=True, slots=True)
class Rooms:
    """The stubs of the rooms that the gateway asks."""

    identity: IdentityServiceStub
    user: UserServiceStub
    graph: GraphServiceStub
    content: ContentServiceStub
    social: SocialServiceStub
    feed: FeedServiceStub


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request comes from. `address` is the peer's; headers that claim another are not believed."""

    address: str
    user_agent: str = ""


class RequestContext:
    """The context of one operation. `deadline` is on the monotonic clock, in seconds."""

    def __init__(
        self,
        *,
        rooms: Rooms,
        readers: "Callable[[RequestContext], Readers]",
        verifier: Verifier,
        secrets: Sequence[str],
        actor: Actor | None,
        client: Client,
        request_id: str,
        operation: Operation,
        most_calls: int,
        deadline: float,
    ) -> None:
        self.rooms = rooms
        self.client = client
        self.request_id = request_id
        self.waves = Waves(most_calls=most_calls)
        self.degraded: dict[str, None] = {}
        self._operation = operation
        self._deadline = deadline
        self._verifier = verifier
        self._secrets = secrets
        self._readers_of = readers
        self._become(actor)

    @property
    def viewer(self) -> Actor:
        """The signed-in viewer; raises `Unauthenticated` where there is none."""
        if self.actor is None:
            raise Unauthenticated
        return self.actor

    async def sign_in(self, access_token: str) -> None:
        """Go on as the owner of a token that was just issued: what a sign-in returns is his to see."""
        self._become((await self._verifier.verify(access_token)).actor)

    def degrade(self, room: str) -> None:
        """Note that a room's part is left out of the answer."""
        self.degraded[room] = None

    def asks(self, nodes: Sequence[FieldNode], *path: str) -> bool:
        """Return whether the field at `path` below a field is asked for."""
        return self._operation.selects(nodes, *path)

    async def ask(self, method: "UnaryUnaryMultiCallable[Q, R]", request: Q, *, key: str | None = None) -> R:
        """Call a room in the next wave. `key` is the caller's idempotency key."""
        return await self.waves.ask(lambda: self.call(method, request, key=key))

    async def call(
        self,
        method: "UnaryUnaryMultiCallable[Q, R]",
        request: Q,
        *,
        key: str | None = None,
        patience_s: float | None = None,
    ) -> R:
        """Call a room at once, as the viewer: for what runs in a wave already.

        `patience_s` is for an answer that can be done without; else the deadline of the request decides.
        """
        self.waves.count()
        context = CallContext(
            actor=self.actor,
            deadline=self._deadline,
            correlation_id=self.request_id,
            idempotency_key=key,
        )
        with entered(context):
            return await method(request, timeout=patience_s)

    async def call_or_without(
        self, room: str, method: "UnaryUnaryMultiCallable[Q, R]", request: Q
    ) -> R | None:
        """Call a room at once; None when it does not answer in time, and then the answer names it."""
        try:
            return await self.call(method, request, patience_s=PATIENCE_S)
        except LOST:
            self.degrade(room)
            return None

    async def list_or_nothing(
        self, room: str, method: "UnaryUnaryMultiCallable[Q, R]", request: Q, nothing: R
    ) -> R:
        """Call a room in the next wave for a list: `nothing`, and the room is named, when it does not answer in time.

        A list is never null, so an error in its place would take its parent along.
        """
        answer = await self.waves.ask(lambda: self.call_or_without(room, method, request))
        return nothing if answer is None else answer

    async def change(
        self, method: "UnaryUnaryMultiCallable[Q, R]", request: Q, *, key: str | None = None
    ) -> R:
        """Call a room to change something, and forget what was read before."""
        answer = await self.ask(method, request, key=key)
        self.readers.forget()
        return answer

    def listing(self, name: str, after: str | None) -> Listing:
        """Return the list of that name; a cursor is the viewer's own."""
        return Listing(self.cursors, name, after or None)

    def close(self) -> None:
        """End what still runs for this request."""
        self.waves.cancel()

    def _become(self, actor: Actor | None) -> None:
        self.actor = actor
        self.cursors = Cursors(self._secrets, actor.user_id if actor else None)
        self.readers = self._readers_of(self)


class Info(strawberry.Info["RequestContext", None]):
    """What a resolver is handed beside its object."""

    def asks(self, *path: str) -> bool:
        """Return whether the document asks for the field at `path` below this one."""
        return self.context.asks(self._raw_info.field_nodes, *path)
