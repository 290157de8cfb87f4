"""One room under test: its real servicer on the real PostgreSQL, its neighbours played by servicers of the test."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from nova.app.rooms import migrations_of
from nova.platform.auth.actor import Actor
from nova.platform.db.bell import Bell
from nova.platform.db.database import Database, DatabaseConfig
from nova.platform.db.migrate import Migrations
from nova.platform.errors import Unauthenticated
from nova.platform.ids import uuid7
from nova.platform.rpc.binding import ServiceBinding
from nova.platform.rpc.channel import LocalChannel
from nova.platform.rpc.context import CallContext, entered
from nova.platform.rpc.local import LocalServer
from nova.platform.rpc.server_chain import server_middlewares
from nova.platform.telemetry.tracing import Tracing
from nova.policy.permissions import MEMBER_PERMISSIONS
from tests.scratch import Scratch


@dataclass(eq=False)
class Neighbourhood:
    """A local server with a channel to it. Who calls is said by `as_user`; tokens are names in a table."""

    tracing: Tracing = field(default_factory=Tracing)
    _actors: dict[str, Actor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server = LocalServer(server_middlewares(authenticate=self._authenticate, tracing=self.tracing))
        self.channel = LocalChannel(self.server, tracing=self.tracing)

    async def open(self, bindings: Sequence[ServiceBinding]) -> None:
        """Serve these."""
        self.server.bind(bindings)
        await self.server.start()

    def as_user(
        self, user_id: UUID, *, permissions: Iterable[str] = MEMBER_PERMISSIONS, key: str | None = None
    ) -> entered:
        """Return a block inside which calls are made for `user_id`, under an idempotency key if one is given."""
        actor = Actor(
            user_id=user_id, session_id=uuid7(), roles=frozenset({"member"}), permissions=frozenset(permissions),
            token=f"token-{uuid7()}",
        )  # fmt: skip
        self._actors[actor.token] = actor
        return entered(CallContext(actor=actor, correlation_id="test-correlation", idempotency_key=key))

    async def _authenticate(self, token: str) -> Actor:
        if token not in self._actors:
            raise Unauthenticated
        return self._actors[token]


@asynccontextmanager
async def room_database(scratch: Scratch, room: str, *, bell: Bell | None = None) -> AsyncIterator[Database]:
    """Yield the database of `room`, migrated, in a schema of this test's own."""
    name, dsn = await scratch.schema(room)
    await Migrations(dsn=dsn, room=name, folder=migrations_of(room)).apply()
    async with Database(DatabaseConfig(room=room, dsn=dsn), bell) as database:
        yield database


async def outbox_topics(database: Database) -> list[str]:
    """Return the topics of the events that wait in the outbox, oldest first."""
    return [row["topic"] for row in await database.primary.fetch("SELECT topic FROM outbox ORDER BY seq")]
