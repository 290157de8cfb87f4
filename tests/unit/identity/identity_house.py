"""Identity wired as in production, on real engines, with a verifier that trusts nothing but its gRPC service."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, fields
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID

from nova.api.identity.v1 import identity_pb2 as pb
from nova.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
from nova.app.identity_view import IdentityKeySource, IdentityRevocationFeed, RevocationListener
from nova.platform.auth.actor import Actor
from nova.platform.auth.caution import Caution
from nova.platform.auth.epochs import RevocationFollower, RevocationView
from nova.platform.auth.keys import KeyRing
from nova.platform.auth.tokens import Verified, Verifier
from nova.platform.clock import FixedClock
from nova.platform.config import Config, Secrets, Server
from nova.platform.db.database import Database
from nova.platform.ids import uuid7
from nova.platform.knobs import Secret
from nova.platform.mail.knobs import MailKnobs, SiteUrl
from nova.platform.platform import Platform
from nova.platform.redis.client import Redis
from nova.platform.room import Lifecycle
from nova.platform.rpc.channel import LocalChannel
from nova.platform.rpc.context import CallContext, entered
from nova.platform.rpc.local import LocalServer
from nova.platform.rpc.server_chain import server_middlewares
from nova.platform.tasks import Tasks
from nova.platform.telemetry.tracing import Tracing
from nova.platform.upkeep import Upkeep
from nova.policy.permissions import SENSITIVE, Role
from nova.services.identity import events
from nova.services.identity.model import NewAccount, UserId
from nova.services.identity.postman import Postman
from nova.services.identity.store.reading import IdentityStore
from nova.services.identity.wiring import build
from tests.waiting import until

PASSWORD: Final = "correct horse battery staple"
SITE: Final = "https://nova.example"
KEK: Final = "0123456789abcdef0123456789abcdef"


@dataclass(kw_only=True)
class IdentityHouse:
    """The room under test and what stands around it."""

    stub: IdentityServiceStub
    database: Database
    store: IdentityStore
    clock: FixedClock
    verifier: Verifier
    revocations: RevocationView
    follower: RevocationFollower
    listener: RevocationListener
    postman: Postman
    folder: Path
    parts: Sequence[Lifecycle]

    def mails(self, to: str, subject: str = "") -> list[str]:
        """Return the texts of the mails to an address, oldest first; with `subject`, of those that have it."""
        found = []
        for file in sorted(self.folder.glob("*.eml")):
            message = message_from_bytes(file.read_bytes(), policy=policy.default)
            if message["To"] == to and subject in message["Subject"]:
                found.append(message.get_content())
        return found

    async def link(self, to: str, page: str, *, number: int = 1) -> str:
        """Return the token of the `number`-th link to a page that was mailed to an address, once it is there."""

        def tokens() -> list[str]:
            return [found for text in self.mails(to) for found in re.findall(rf"{SITE}/{page}#(\S+)\s", text)]

        await until(lambda: len(tokens()) >= number)
        return tokens()[number - 1]

    async def pass_days(self, days: int) -> None:
        """Let time pass, with the room restarted each day: it tends its keys at start as it does each minute."""
        for _ in range(days):
            self.clock.advance(86_400)
            for part in self.parts:
                await part.stop()
                await part.start()

    async def sign_up(
        self,
        handle: str = "ada",
        *,
        password: str = PASSWORD,
        key: str | None = None,
        email: str | None = None,
    ) -> pb.SignUpResponse:
        """Open an account called `handle`."""
        with entered(CallContext(idempotency_key=key)):
            return await self.stub.SignUp(
                pb.SignUpRequest(
                    handle=handle,
                    email=email or f"{handle}@example.org",
                    password=password,
                    display_name=handle.title(),
                    device=pb.Device(user_agent="curl/8", ip_address="192.0.2.1"),
                )
            )

    async def sign_in(
        self, login: str = "ada", *, password: str = PASSWORD, key: str | None = None
    ) -> pb.SignInResponse:
        """Open a session."""
        with entered(CallContext(idempotency_key=key)):
            return await self.stub.SignIn(pb.SignInRequest(login=login, password=password))

    async def refresh(self, refresh_token: str, *, key: str | None = None) -> pb.RefreshSessionResponse:
        """Exchange a refresh token."""
        with entered(CallContext(idempotency_key=key)):
            return await self.stub.RefreshSession(pb.RefreshSessionRequest(refresh_token=refresh_token))

    def by(self, tokens: pb.Tokens, *, key: str | None = None) -> entered:
        """Return a block inside which calls carry an access token; who it speaks for is left to the server."""
        actor = Actor(
            user_id=uuid7(), session_id=uuid7(), roles=frozenset(), permissions=frozenset(), token=tokens.access_token
        )  # fmt: skip
        return entered(CallContext(actor=actor, idempotency_key=key))

    async def verified(self, tokens: pb.Tokens) -> Verified:
        """Return what an access token says, as any room would read it after its next poll."""
        await self.follower.poll()
        return await self.verifier.verify(tokens.access_token)

    async def enrol(self, handle: str, *roles: Role) -> UUID:
        """Open an account with roles, as seeding does."""
        new = NewAccount(
            user_id=UserId(uuid7()),
            handle=handle,
            email=f"{handle}@example.org",
            password_hash="",
            display_name=handle,
            created_at=self.clock.now(),
            roles=frozenset({Role.MEMBER, *roles}),
        )
        async with self.store.transaction() as tx:
            await tx.add_account(new)
            tx.emit(events.user_created(new))
        return new.user_id

    async def staff(self, handle: str, *roles: Role) -> pb.Tokens:
        """Open an account with roles, and return tokens that carry them."""
        tokens = (await self.sign_up(handle)).tokens
        given = sorted({Role.MEMBER, *roles})
        await self.database.primary.fetch("UPDATE accounts SET roles = $2 WHERE handle = $1", handle, given)
        return (await self.refresh(tokens.refresh_token)).tokens

    async def waiting(self, least: int = 1) -> bool:
        """Return whether so many transactions of this room's role wait for another."""
        waiting = "usename = current_user AND wait_event_type = 'Lock'"
        return await self.count("pg_stat_activity", waiting) >= least

    async def count(self, table: str, where: str = "true") -> int:
        """Return how many rows a table has."""
        return cast(
            "int", await self.database.primary.fetchval(f"SELECT count(*) FROM {table} WHERE {where}")
        )


@asynccontextmanager
async def opened(
    database: Database,
    redis: Redis,
    redis_url: str,
    data: Path,
    *,
    clock: FixedClock,
    kek: str = KEK,
    before: str | None = None,
) -> AsyncIterator[IdentityHouse]:
    """Yield identity, served over a local channel, and stop it after."""
    tracing, tasks, view = Tracing(), Tasks(), RevocationView(clock=clock)
    caution = Caution(view, sensitive=SENSITIVE)

    async def authenticate(token: str) -> Actor:
        return caution.advised(await verifier.actor(token))

    server = LocalServer(server_middlewares(authenticate=authenticate, tracing=tracing))
    channel = LocalChannel(server, tracing=tracing)
    stub = IdentityServiceStub(channel)
    ring = KeyRing(IdentityKeySource(stub), clock=clock)
    verifier = Verifier(ring, clock=clock, revocations=view)
    room = build(
        _floor(
            config=Config(
                server=Server(data=data),
                mail=MailKnobs(public_url=SiteUrl(f"{SITE}/")),
                secrets=Secrets(
                    identity_kek=Secret(kek), identity_kek_before=None if before is None else Secret(before)
                ),
            ),
            clock=clock,
            database=lambda _: database,
            redis=redis,
            tasks=tasks,
        )
    )
    server.bind(room.bindings)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(tasks.aclose)
        for part in room.startables:
            stack.push_async_callback(part.stop)
            await part.start()
        await server.start()
        follower = RevocationFollower(view, IdentityRevocationFeed(stub, ring), tasks=tasks, clock=clock)
        await follower.poll()
        yield IdentityHouse(
            stub=stub,
            database=database,
            store=IdentityStore(database),
            clock=clock,
            verifier=verifier,
            revocations=view,
            follower=follower,
            listener=RevocationListener(redis_url, view),
            postman=next(part for part in room.startables if isinstance(part, Postman)),
            folder=data / "mail",
            parts=[part for part in room.startables if isinstance(part, Upkeep)],
        )
        await server.stop()


def _floor(**asked: object) -> Platform:
    """Return a floor with the parts that identity asks for, and with no others."""
    parts: dict[str, Any] = {part.name: None for part in fields(Platform)} | asked
    return Platform(**parts)
