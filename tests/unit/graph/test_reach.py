"""Both rooms with the relay, the log, the consumers and the projection between them: how far a change reaches."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import UUID

import pytest

from nova.api.graph.v1 import graph_pb2 as pb
from nova.api.graph.v1.graph_pb2_grpc import GraphServiceStub
from nova.api.user.v1 import user_pb2
from nova.api.user.v1.user_pb2_grpc import UserServiceStub
from nova.app.rooms import topics_of
from nova.platform.cache.caches import Caches
from nova.platform.clock import SystemClock
from nova.platform.config import Config
from nova.platform.db.bell import Bell
from nova.platform.errors import NotFound
from nova.platform.health import Health
from nova.platform.ids import uuid7
from nova.platform.log.port import EventLog
from nova.platform.platform import Platform
from nova.platform.redis.client import connect
from nova.platform.relay import Relay
from nova.platform.tasks import Tasks
from nova.platform.telemetry.tracing import Tracing
from nova.policy.relations import Relation
from nova.services.graph import wiring as graph_wiring
from nova.services.graph.projection import GraphProjection
from nova.services.user import wiring as user_wiring
from tests.one_room import Neighbourhood, room_database
from tests.scratch import Scratch
from tests.unit.user.conftest import account_opened
from tests.waiting import until

PROMISE_S: Final = 1.0
"""Within which a block is visible everywhere."""
# The rooms ask the floor for none of what this stands for.
_NOT_ASKED: Final = cast("Any", None)


@dataclass(kw_only=True)
class Town:
    """The two rooms and the log between them, all running."""

    users: UserServiceStub
    graph: GraphServiceStub
    log: EventLog
    projection: GraphProjection
    neighbourhood: Neighbourhood

    async def people(self, *handles: str) -> list[UUID]:
        """Have accounts opened; return once their profiles are there."""
        user_ids = [uuid7() for _ in handles]
        await self.log.append(list(map(account_opened, user_ids, handles)))
        for user_id in user_ids:
            with self.neighbourhood.as_user(user_id):
                assert (
                    await self.users.GetProfiles(user_pb2.GetProfilesRequest(user_ids=[user_id.bytes]))
                ).profiles
        return user_ids

    async def relation(self, me: UUID, user_id: UUID) -> Relation:
        with self.neighbourhood.as_user(me):
            answer = await self.graph.GetRelations(pb.GetRelationsRequest(subject_ids=[user_id.bytes]))
        return Relation(answer.relations[0])

    async def follow(self, me: UUID, user_id: UUID) -> pb.FollowState.ValueType:
        with self.neighbourhood.as_user(me):
            return (await self.graph.FollowUser(pb.FollowUserRequest(user_id=user_id.bytes))).state

    async def block(self, me: UUID, user_id: UUID) -> None:
        with self.neighbourhood.as_user(me):
            await self.users.BlockUser(user_pb2.BlockUserRequest(user_id=user_id.bytes))

    async def unblock(self, me: UUID, user_id: UUID) -> None:
        with self.neighbourhood.as_user(me):
            await self.users.UnblockUser(user_pb2.UnblockUserRequest(user_id=user_id.bytes))


@pytest.fixture
async def town(scratch: Scratch, redis_url: str) -> AsyncIterator[Town]:
    bell, neighbourhood, tasks = Bell(), Neighbourhood(), Tasks()
    redis = await connect(redis_url)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(redis.aclose)
        caches = Caches(redis, redis_url, clock=SystemClock(), knobs=Config().cache)
        log = await scratch.log(bell=bell)
        databases = {
            name: await stack.enter_async_context(room_database(scratch, name, bell=bell))
            for name in ("user", "graph")
        }
        platform = Platform(
            config=Config(),
            clock=SystemClock(),
            database=databases.__getitem__,
            redis=redis,
            caches=caches,
            log=log,
            blobs=_NOT_ASKED,
            channel=lambda _: neighbourhood.channel,
            verifier=_NOT_ASKED,
            revocations=_NOT_ASKED,
            tasks=tasks,
            health=Health(),
            tracing=Tracing(),
        )
        rooms = [user_wiring.build(platform), graph_wiring.build(platform)]
        await caches.start()
        stack.push_async_callback(caches.aclose)
        await neighbourhood.open([binding for room in rooms for binding in room.bindings])
        stack.push_async_callback(tasks.aclose)
        for room in rooms:
            for startable in room.startables:
                await startable.start()
                stack.push_async_callback(startable.stop)
            for consumer in room.consumers:
                tasks.spawn(f"{room.name}-consumer", consumer.run())
            relay = Relay(database=databases[room.name], log=log, topics=topics_of(room.name))
            tasks.spawn(f"{room.name}-relay", relay.run())
        (projection,) = rooms[1].startables
        assert isinstance(projection, GraphProjection)
        yield Town(
            users=UserServiceStub(neighbourhood.channel),
            graph=GraphServiceStub(neighbourhood.channel),
            log=log,
            projection=projection,
            neighbourhood=neighbourhood,
        )


async def test_a_block_is_visible_within_its_promise(town: Town) -> None:
    ada, kofi = await town.people("ada", "kofi")
    await town.follow(kofi, ada)
    await town.block(ada, kofi)

    async def hidden_both_ways() -> bool:
        there, back = await town.relation(kofi, ada), await town.relation(ada, kofi)
        return (there, back) == (Relation.BLOCKED_BY, Relation.BLOCKS)

    await until(hidden_both_ways, within_s=PROMISE_S)
    with pytest.raises(NotFound):
        await town.follow(kofi, ada)


async def test_a_block_forbids_to_follow_at_once_and_its_lifting_allows_it_at_once(town: Town) -> None:
    ada, kofi = await town.people("ada", "kofi")
    for _ in range(5):
        await town.block(ada, kofi)
        for me, user_id in ((kofi, ada), (ada, kofi)):
            with pytest.raises(NotFound):
                await town.follow(me, user_id)
        await town.unblock(ada, kofi)
        assert await town.follow(kofi, ada) == pb.FOLLOW_STATE_FOLLOWING
        assert await town.follow(ada, kofi) == pb.FOLLOW_STATE_FOLLOWING
    # Whatever comes late of those five blocks, it ends none of the newer follows.
    friends = Relation.FOLLOWS | Relation.FOLLOWED_BY

    async def quiet() -> bool:
        return (await town.projection.verify()).equal

    await until(quiet)
    assert await town.relation(ada, kofi) == friends


async def test_going_public_lets_everyone_in_who_asked(town: Town) -> None:
    star, *fans = await town.people("star", "one", "two", "three")
    with town.neighbourhood.as_user(star):
        await town.users.UpdateProfile(user_pb2.UpdateProfileRequest(is_private=True))
    for fan in fans:
        assert await town.follow(fan, star) == pb.FOLLOW_STATE_REQUESTED
    with town.neighbourhood.as_user(star):
        await town.users.UpdateProfile(user_pb2.UpdateProfileRequest(is_private=False))

    async def all_in() -> bool:
        return all([await town.relation(fan, star) == Relation.FOLLOWS for fan in fans])

    await until(all_in)
