"""The user room wired as in production, on a schema of each test's own."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast
from uuid import UUID

import pytest

from nova.api.identity.v1.events_pb2 import UserCreatedEvent
from nova.api.user.v1 import user_pb2 as pb
from nova.api.user.v1.user_pb2_grpc import UserServiceStub
from nova.platform.cache.caches import Caches
from nova.platform.cache.codec import ProtoCodec
from nova.platform.cache.two_layer import Cache
from nova.platform.clock import FixedClock, SystemClock
from nova.platform.config import Config
from nova.platform.consumer import Consumer
from nova.platform.db.database import Database
from nova.platform.health import Health
from nova.platform.ids import uuid7
from nova.platform.log.port import Record
from nova.platform.platform import Platform
from nova.platform.redis.client import connect
from nova.platform.tasks import Tasks
from nova.platform.telemetry.tracing import Tracing
from nova.policy.caches import MUTED_WORDS, PROFILES
from nova.services.user.events import USER_CREATED
from nova.services.user.model import UserId
from nova.services.user.server import UserServer
from nova.services.user.store.tx import UserTx
from nova.services.user.wiring import build
from tests.one_room import Neighbourhood, room_database
from tests.scratch import Scratch

# The room asks the floor for none of what this stands for.
_NOT_ASKED: Final = cast("Any", None)


@dataclass(kw_only=True)
class UserHouse:
    """User under test: its stub, its database, its clock, its consumer, and the caches of another process."""

    stub: UserServiceStub
    database: Database
    clock: FixedClock
    consumer: Consumer[UserTx]
    cards: Cache[pb.Profile]
    words: Cache[pb.ListMutedWordsResponse]
    neighbourhood: Neighbourhood
    waiting: Mapping[UserId, asyncio.Event]

    async def opened(self, *handles: str) -> list[UUID]:
        """Have accounts with these handles opened; return their ids."""
        user_ids = [uuid7() for _ in handles]
        await self.consumer.deliver(list(map(account_opened, user_ids, handles)))
        return user_ids

    async def ada_and_kofi(self) -> tuple[UUID, UUID]:
        """Open two accounts."""
        ada, kofi = await self.opened("ada", "kofi")
        return ada, kofi

    async def seen_by(self, viewer: UUID, *user_ids: UUID) -> list[UUID]:
        """Return those of the users whose cards the viewer gets."""
        with self.neighbourhood.as_user(viewer):
            answer = await self.stub.GetProfiles(
                pb.GetProfilesRequest(user_ids=[user_id.bytes for user_id in user_ids])
            )
        return [UUID(bytes=profile.user_id) for profile in answer.profiles]

    async def profile(self, viewer: UUID, user_id: UUID) -> pb.Profile:
        """Return the card of a user that the viewer sees."""
        with self.neighbourhood.as_user(viewer):
            answer = await self.stub.GetProfiles(pb.GetProfilesRequest(user_ids=[user_id.bytes]))
        return answer.profiles[0]

    async def block(self, viewer: UUID, user_id: UUID, *, key: str | None = None) -> pb.BlockUserResponse:
        with self.neighbourhood.as_user(viewer, key=key):
            return await self.stub.BlockUser(pb.BlockUserRequest(user_id=user_id.bytes))

    async def unblock(self, viewer: UUID, user_id: UUID) -> pb.UnblockUserResponse:
        with self.neighbourhood.as_user(viewer):
            return await self.stub.UnblockUser(pb.UnblockUserRequest(user_id=user_id.bytes))

    async def events(self, topic: str) -> list[bytes]:
        """Return the payloads of the events of one topic that wait in the outbox, oldest first."""
        rows = await self.database.primary.fetch(
            "SELECT payload FROM outbox WHERE topic = $1 ORDER BY seq", topic
        )
        return [row["payload"] for row in rows]


def account_opened(user_id: UUID, handle: str, display_name: str = "") -> Record:
    """Return the record by which identity tells that an account was opened."""
    value = UserCreatedEvent(user_id=user_id.bytes, handle=handle, display_name=display_name)
    value.created_at.FromDatetime(datetime.now(UTC))
    event = USER_CREATED.event(value)
    return Record(
        id=event.id, topic=event.topic, key=event.key, payload=event.payload, emitted_at=event.emitted_at,
        source="identity", headers={"correlation_id": "sign-up-7"},
    )  # fmt: skip


@pytest.fixture
async def house(scratch: Scratch, redis_url: str) -> AsyncIterator[UserHouse]:
    neighbourhood = Neighbourhood()
    clock = FixedClock(datetime.now(UTC))
    redis = await connect(redis_url)
    knobs = Config().cache
    caches = Caches(redis, redis_url, clock=SystemClock(), knobs=knobs)
    elsewhere = Caches(redis, redis_url, clock=SystemClock(), knobs=knobs)
    cards = elsewhere.open(PROFILES, ProtoCodec(pb.Profile))
    words = elsewhere.open(MUTED_WORDS, ProtoCodec(pb.ListMutedWordsResponse), ttl_s=0)  # as feed does
    async with room_database(scratch, "user") as database:
        room = build(
            Platform(
                config=Config(),
                clock=clock,
                database=lambda _: database,
                redis=redis,
                caches=caches,
                log=await scratch.log(),
                blobs=_NOT_ASKED,
                channel=lambda _: neighbourhood.channel,
                verifier=_NOT_ASKED,
                revocations=_NOT_ASKED,
                tasks=Tasks(),
                health=Health(),
                tracing=Tracing(),
            )
        )
        await caches.start()
        await elsewhere.start()
        await neighbourhood.open(room.bindings)
        (consumer,), (binding,) = room.consumers, room.bindings
        servicer = binding.servicer
        assert isinstance(servicer, UserServer)
        assert isinstance(consumer, Consumer)
        yield UserHouse(
            stub=UserServiceStub(neighbourhood.channel),
            database=database,
            clock=clock,
            consumer=consumer,
            cards=cards,
            words=words,
            neighbourhood=neighbourhood,
            waiting=servicer._profiles._arrivals._waiting,
        )
        await caches.aclose()
        await elsewhere.aclose()
    await redis.aclose()
