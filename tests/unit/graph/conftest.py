"""The graph room wired as in production, on a ledger and a log of each test's own, beside a user room of the test."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol, cast
from uuid import UUID

import pytest

from nova.api.graph.v1 import graph_pb2 as pb
from nova.api.graph.v1.graph_pb2_grpc import GraphServiceStub
from nova.api.user.v1.user_pb2_grpc import add_UserServiceServicer_to_server
from nova.app.rooms import topics_of
from nova.platform.clock import FixedClock
from nova.platform.config import Config
from nova.platform.consumer import Consumer
from nova.platform.db.database import Database
from nova.platform.events import Event
from nova.platform.health import Health
from nova.platform.log.port import Record
from nova.platform.log.postgres import PostgresLog
from nova.platform.platform import Platform
from nova.platform.relay import Relay
from nova.platform.room import Room
from nova.platform.rpc.binding import ServiceBinding
from nova.platform.tasks import Tasks
from nova.platform.telemetry.tracing import Tracing
from nova.policy.relations import Relation
from nova.services.graph import events
from nova.services.graph.projection import GraphProjection
from nova.services.graph.store.tx import GraphTx
from nova.services.graph.wiring import build
from tests.one_room import Neighbourhood, room_database
from tests.scratch import Scratch
from tests.unit.graph.known_users import KnownUsers

# The room asks the floor for none of what this stands for.
_NOT_ASKED: Final = cast("Any", None)
CONFIG: Final = Config()
CONSUMED: Final = {
    topic.name
    for topic in (events.USER_CREATED, events.PROFILE_UPDATED, events.BLOCK_CREATED, events.BLOCK_DELETED)
}


@dataclass(kw_only=True, repr=False)
class GraphHouse:
    """Graph under test: its stub, ledger, projection and consumer; the user room beside it; the log between."""

    stub: GraphServiceStub
    database: Database
    clock: FixedClock
    users: KnownUsers
    log: PostgresLog
    relay: Relay
    consumer: Consumer[GraphTx]
    projection: GraphProjection
    health: Health
    neighbourhood: Neighbourhood
    room: Room

    async def tell(self, *told: Event) -> None:
        """Have events go through the log to graph's tables and to its adjacency."""
        records = [record_of(event) for event in told]
        await self.log.append(records)
        await self.consumer.deliver([record for record in records if record.topic in CONSUMED])
        await self.settle()

    async def settle(self) -> None:
        """Publish graph's own events and wait until the adjacency has followed them."""
        while await self.relay.publish():
            pass
        await self.projection.caught_up()

    async def follow(self, me: UUID, user_id: UUID, *, key: str | None = None) -> pb.FollowState.ValueType:
        with self.neighbourhood.as_user(me, key=key):
            return (await self.stub.FollowUser(pb.FollowUserRequest(user_id=user_id.bytes))).state

    async def unfollow(self, me: UUID, user_id: UUID) -> pb.FollowState.ValueType:
        with self.neighbourhood.as_user(me):
            return (await self.stub.UnfollowUser(pb.UnfollowUserRequest(user_id=user_id.bytes))).state

    async def relation(self, me: UUID, user_id: UUID) -> Relation:
        return (await self.relations(me, user_id))[0]

    async def relations(self, me: UUID, *user_ids: UUID) -> list[Relation]:
        with self.neighbourhood.as_user(me):
            answer = await self.stub.GetRelations(
                pb.GetRelationsRequest(subject_ids=[user_id.bytes for user_id in user_ids])
            )
        return list(map(Relation, answer.relations))

    async def followers(self, me: UUID, user_id: UUID, page_size: int = 2) -> list[UUID]:
        """Walk who follows a user, page by page."""
        return await self._walk(
            me,
            lambda token: self.stub.ListFollowers(
                pb.ListFollowersRequest(user_id=user_id.bytes, page_size=page_size, page_token=token)
            ),
        )

    async def following(self, me: UUID, user_id: UUID, page_size: int = 2) -> list[UUID]:
        """Walk whom a user follows, page by page."""
        return await self._walk(
            me,
            lambda token: self.stub.ListFollowing(
                pb.ListFollowingRequest(user_id=user_id.bytes, page_size=page_size, page_token=token)
            ),
        )

    async def requesters(self, me: UUID, page_size: int = 2) -> list[UUID]:
        """Walk who asks to follow the caller, page by page."""
        return await self._walk(
            me,
            lambda token: self.stub.ListFollowRequests(
                pb.ListFollowRequestsRequest(page_size=page_size, page_token=token)
            ),
        )

    async def counts(self, me: UUID, user_id: UUID) -> tuple[int, int]:
        with self.neighbourhood.as_user(me):
            answer = await self.stub.GetFollowCounts(pb.GetFollowCountsRequest(user_ids=[user_id.bytes]))
        return answer.counts[0].follower_count, answer.counts[0].following_count

    async def _walk(self, me: UUID, ask: "Ask") -> list[UUID]:
        found: list[UUID] = []
        token = b""
        with self.neighbourhood.as_user(me):
            while True:
                page = await ask(token)
                found += [UUID(bytes=edge.user_id) for edge in page.edges]
                token = page.next_page_token
                if not token:
                    return found


class Page(Protocol):
    """What all lists of graph look like."""

    @property
    def edges(self) -> Any: ...

    @property
    def next_page_token(self) -> bytes: ...


class Ask(Protocol):
    """A call that returns the page after a token."""

    def __call__(self, token: bytes, /) -> Awaitable[Page]: ...


def record_of(event: Event, source: str = "user") -> Record:
    """Return the record by which the log carries an event."""
    return Record(
        id=event.id, topic=event.topic, key=event.key, payload=event.payload, emitted_at=event.emitted_at,
        source=source, headers={"correlation_id": f"of-{event.topic}"},
    )  # fmt: skip


class OpenHouse(Protocol):
    """Builds a graph room, whose start may be left to the test."""

    async def __call__(
        self, *, start: bool = True, users: KnownUsers | None = None, config: Config = CONFIG
    ) -> GraphHouse: ...


@pytest.fixture
async def open_house(scratch: Scratch) -> AsyncIterator[OpenHouse]:
    """Open graph rooms over one ledger and one log: each is a process of its own."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(room_database(scratch, "graph"))
        log = await scratch.log()

        async def opened(
            *, start: bool = True, users: KnownUsers | None = None, config: Config = CONFIG
        ) -> GraphHouse:
            neighbourhood, clock, tasks, health = (
                Neighbourhood(),
                FixedClock(datetime.now(UTC)),
                Tasks(),
                Health(),
            )
            users = users or KnownUsers()  # type: ignore[abstract] # plays the methods that are asked
            room = build(
                Platform(
                    config=config,
                    clock=clock,
                    database=lambda _: database,
                    redis=_NOT_ASKED,
                    caches=_NOT_ASKED,
                    log=log,
                    blobs=_NOT_ASKED,
                    channel=lambda _: neighbourhood.channel,
                    verifier=_NOT_ASKED,
                    revocations=_NOT_ASKED,
                    tasks=tasks,
                    health=health,
                    tracing=Tracing(),
                )
            )
            binding = ServiceBinding(
                add_to_server=add_UserServiceServicer_to_server,
                servicer=users,
                system_methods=frozenset({"ListRestrictions"}),
            )
            await neighbourhood.open([*room.bindings, binding])
            consumer, projection = room.consumers[0], room.startables[0]
            assert isinstance(consumer, Consumer)
            assert isinstance(projection, GraphProjection)
            stack.push_async_callback(tasks.aclose)
            for startable in room.startables:
                stack.push_async_callback(startable.stop)
                if start:
                    await startable.start()
            return GraphHouse(
                stub=GraphServiceStub(neighbourhood.channel),
                database=database,
                clock=clock,
                users=users,
                log=log,
                relay=Relay(database=database, log=log, topics=topics_of(room.name)),
                consumer=consumer,
                projection=projection,
                health=health,
                neighbourhood=neighbourhood,
                room=room,
            )

        yield opened


@pytest.fixture
async def house(open_house: OpenHouse) -> GraphHouse:
    return await open_house()
