"""The feed room wired as in production, its neighbours played from one world."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID

import pytest
from google.protobuf.message import Message

from nova.api.content.v1 import content_pb2
from nova.api.content.v1.content_pb2_grpc import add_ContentServiceServicer_to_server
from nova.api.content.v1.events_pb2 import PostCreatedEvent, PostDeletedEvent
from nova.api.feed.v1 import feed_pb2 as pb
from nova.api.feed.v1.feed_pb2_grpc import FeedServiceStub
from nova.api.graph.v1.events_pb2 import FollowEvent
from nova.api.graph.v1.graph_pb2_grpc import add_GraphServiceServicer_to_server
from nova.api.ranking.v1.ranking_pb2_grpc import add_RankingServiceServicer_to_server
from nova.api.user.v1 import user_pb2
from nova.api.user.v1.user_pb2_grpc import add_UserServiceServicer_to_server
from nova.platform.cache.caches import Caches
from nova.platform.cache.codec import ProtoCodec
from nova.platform.cache.two_layer import Cache
from nova.platform.clock import FixedClock, SystemClock
from nova.platform.config import Config
from nova.platform.consumer import Consumer
from nova.platform.db.bell import Bell
from nova.platform.db.database import Database
from nova.platform.events import Event, Topic
from nova.platform.health import Health
from nova.platform.ids import uuid7
from nova.platform.log.port import Record
from nova.platform.log.postgres import PostgresLog
from nova.platform.platform import Platform
from nova.platform.projection import Projection
from nova.platform.redis.client import Redis, connect
from nova.platform.rpc.binding import ServiceBinding
from nova.platform.tasks import Tasks
from nova.platform.telemetry.tracing import Tracing
from nova.platform.verification import Verifiable
from nova.policy.caches import MUTED_WORDS
from nova.policy.visibility import Audience
from nova.services.feed import events
from nova.services.feed.store.dismissals import FeedTx
from nova.services.feed.wiring import Loading, build
from tests.one_room import Neighbourhood, room_database
from tests.own_valkey import OwnValkey
from tests.scratch import Scratch
from tests.unit.feed.neighbours import KnownContent, KnownGraph, KnownRanking, KnownUser, World, WorldPost
from tests.waiting import until

RANKED: Final = pb.FEED_MODE_RANKED
FOLLOWING: Final = pb.FEED_MODE_FOLLOWING
# The room asks the floor for none of what this stands for.
_NOT_ASKED: Final = cast("Any", None)
_ENOUGH_PAGES: Final = 200


@dataclass(kw_only=True)
class Scroll:
    """All pages of a feed, from the first to the last."""

    pages: list[Sequence[pb.FeedItem]] = field(default_factory=list)
    degraded: set[str] = field(default_factory=set)

    @property
    def items(self) -> list[pb.FeedItem]:
        return [item for page in self.pages for item in page]

    @property
    def post_ids(self) -> list[bytes]:
        return [item.post_id for item in self.items]


@dataclass(kw_only=True)
class FeedHouse:
    """Feed under test, the world around it, and what the tests do to both."""

    stub: FeedServiceStub
    neighbourhood: Neighbourhood
    world: World
    content: KnownContent
    graph: KnownGraph
    ranking: KnownRanking
    user: KnownUser
    words: Cache[user_pb2.ListMutedWordsResponse]
    database: Database
    redis: Redis
    log: PostgresLog
    clock: FixedClock
    health: Health
    loading: Loading
    projection: Projection
    consumer: Consumer[FeedTx]
    audit: Verifiable
    ada: UUID = field(default_factory=uuid7)
    kofi: UUID = field(default_factory=uuid7)
    mei: UUID = field(default_factory=uuid7)
    zoe: UUID = field(default_factory=uuid7)

    def follow(self, viewer: UUID, *subjects: UUID) -> None:
        self.world.follows |= {(viewer, subject) for subject in subjects}

    def write(
        self, author: UUID, count: int = 1, audience: Audience = Audience.EVERYONE, caption: str = ""
    ) -> list[bytes]:
        """Have posts in the world that no event told of yet; oldest first."""
        post_ids = [uuid7().bytes for _ in range(count)]
        post = WorldPost(author=author, audience=audience, caption=caption)
        self.world.posts |= dict.fromkeys(post_ids, post)
        return post_ids

    async def publish(
        self, author: UUID, count: int = 1, audience: Audience = Audience.EVERYONE, caption: str = ""
    ) -> list[bytes]:
        """Write posts, and have feed hear of them."""
        post_ids = self.write(author, count, audience, caption)
        await self.tell(*(self.created(post_id) for post_id in post_ids))
        return post_ids

    def created(self, post_id: bytes) -> Event:
        post = self.world.posts[post_id]
        value = PostCreatedEvent(
            post_id=post_id,
            user_id=post.author.bytes,
            content_type=content_pb2.CONTENT_TYPE_TEXT,
            audience=content_pb2.Audience.ValueType(post.audience.value),
        )
        value.created_at.FromDatetime(self.clock.now())
        return events.POST_CREATED.event(value)

    def deleted(self, post_id: bytes, author: UUID) -> Event:
        value = PostDeletedEvent(post_id=post_id, user_id=author.bytes)
        value.deleted_at.FromDatetime(self.clock.now())
        return events.POST_DELETED.event(value)

    def followed(self, topic: Topic[FollowEvent], follower: UUID, followee: UUID) -> Event:
        value = FollowEvent(follower_id=follower.bytes, followee_id=followee.bytes, version=1)
        return topic.event(value)

    async def tell(self, *told: Event) -> None:
        """Put events in the log and wait until feed has applied them."""
        await self.log.append([record_of(event) for event in told])
        await self.projection.caught_up(20)

    async def page(
        self,
        viewer: UUID,
        mode: pb.FeedMode.ValueType = FOLLOWING,
        size: int = 20,
        token: bytes = b"",
        *,
        timeout_s: float | None = None,
    ) -> pb.GetHomePageResponse:
        request = pb.GetHomePageRequest(mode=mode, page_size=size, page_token=token)
        with self.neighbourhood.as_user(viewer):
            return await self.stub.GetHomePage(request, timeout=timeout_s)

    async def explore(
        self, viewer: UUID, size: int = 20, token: bytes = b"", *, timeout_s: float | None = None
    ) -> pb.GetExplorePageResponse:
        request = pb.GetExplorePageRequest(page_size=size, page_token=token)
        with self.neighbourhood.as_user(viewer):
            return await self.stub.GetExplorePage(request, timeout=timeout_s)

    async def scroll(
        self, viewer: UUID, mode: pb.FeedMode.ValueType = FOLLOWING, size: int = 20, token: bytes = b""
    ) -> Scroll:
        scroll = Scroll()
        for _ in range(_ENOUGH_PAGES):
            page = await self.page(viewer, mode, size, token)
            scroll.pages.append(page.items)
            scroll.degraded |= set(page.degraded)
            token = page.next_page_token
            if not token:
                return scroll
        raise AssertionError("The scroll does not end.")

    async def explore_all(self, viewer: UUID, size: int = 20) -> Scroll:
        scroll, token = Scroll(), b""
        for _ in range(_ENOUGH_PAGES):
            page = await self.explore(viewer, size, token)
            scroll.pages.append(page.items)
            scroll.degraded |= set(page.degraded)
            token = page.next_page_token
            if not token:
                return scroll
        raise AssertionError("The scroll does not end.")

    async def mark_seen(self, viewer: UUID, *post_ids: bytes, key: str | None = None) -> None:
        with self.neighbourhood.as_user(viewer, key=key):
            await self.stub.MarkSeen(pb.MarkSeenRequest(post_ids=post_ids))

    async def dismiss(self, viewer: UUID, post_id: bytes, key: str | None = None) -> None:
        with self.neighbourhood.as_user(viewer, key=key):
            await self.stub.NotInterested(pb.NotInterestedRequest(post_id=post_id))


def record_of(event: Event) -> Record:
    return Record(
        id=event.id, topic=event.topic, key=event.key, payload=event.payload, emitted_at=event.emitted_at,
        source="test", headers={"correlation_id": "test-correlation"},
    )  # fmt: skip


def ids(page: pb.GetHomePageResponse | pb.GetExplorePageResponse) -> list[bytes]:
    return [item.post_id for item in page.items]


def sums(message: Message) -> float:
    assert isinstance(message, pb.FeedItem)
    return sum(value * weight for value, weight in zip(message.values, message.weights, strict=True))


@asynccontextmanager
async def built(scratch: Scratch, redis_url: str) -> AsyncIterator[FeedHouse]:
    """Yield the room, built and served but not started: nothing is loaded yet."""
    neighbourhood, world, clock = Neighbourhood(), World(), FixedClock(datetime.now(UTC))
    graph = KnownGraph(world)  # type: ignore[abstract] # plays the methods that are asked
    content = KnownContent(world, graph)  # type: ignore[abstract] # likewise
    user = KnownUser(world)  # type: ignore[abstract] # likewise
    ranking, health, tasks = KnownRanking(world), Health(), Tasks()
    async with AsyncExitStack() as stack:
        redis = await connect(redis_url)
        stack.push_async_callback(redis.aclose)
        caches = Caches(redis, redis_url, clock=SystemClock(), knobs=Config().cache)
        # As user has it: opened to tell of changes.
        words = caches.open(MUTED_WORDS, ProtoCodec(user_pb2.ListMutedWordsResponse), entries=1)
        stack.push_async_callback(tasks.aclose)
        database = await stack.enter_async_context(room_database(scratch, "feed"))
        # A first connection may take longer than a page waits, on a machine that is busy.
        await database.primary.fetchval("SELECT 1")
        log = await scratch.log(bell=Bell())
        room = build(
            Platform(
                config=Config(),
                clock=clock,
                database=lambda _: database,
                redis=redis,
                caches=caches,
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
        await neighbourhood.open(
            [
                *room.bindings,
                ServiceBinding(
                    add_to_server=add_ContentServiceServicer_to_server,
                    servicer=content,
                    system_methods=frozenset({"ListPostings"}),
                ),
                ServiceBinding(add_to_server=add_GraphServiceServicer_to_server, servicer=graph),
                ServiceBinding(add_to_server=add_RankingServiceServicer_to_server, servicer=ranking),
                ServiceBinding(add_to_server=add_UserServiceServicer_to_server, servicer=user),
            ]
        )
        await caches.start()
        stack.push_async_callback(caches.aclose)
        (loading,), (consumer,) = room.startables, room.consumers
        assert isinstance(loading, Loading)
        assert isinstance(consumer, Consumer)
        stack.push_async_callback(loading.stop)
        yield FeedHouse(
            stub=FeedServiceStub(neighbourhood.channel),
            neighbourhood=neighbourhood,
            world=world,
            content=content,
            graph=graph,
            ranking=ranking,
            user=user,
            words=words,
            database=database,
            redis=redis,
            log=log,
            clock=clock,
            health=health,
            loading=loading,
            projection=loading._projection,
            consumer=consumer,
            audit=room.projections["feed"],
        )


@pytest.fixture
async def unstarted(scratch: Scratch, redis_url: str) -> AsyncIterator[FeedHouse]:
    """The room before it has loaded anything."""
    async with built(scratch, redis_url) as house:
        yield house


@pytest.fixture
async def house(unstarted: FeedHouse) -> FeedHouse:
    """The room, loaded from an empty world: ada follows kofi and mei, nobody knows zoe."""
    await unstarted.loading.start()
    unstarted.follow(unstarted.ada, unstarted.kofi, unstarted.mei)
    return unstarted


@dataclass(kw_only=True)
class FragileHouse(FeedHouse):
    """A room whose Redis is its own, to be killed."""

    valkey: OwnValkey

    async def lose_redis(self) -> None:
        self.valkey.kill()
        await until(lambda: not self.redis.connected)


@pytest.fixture
async def fragile(scratch: Scratch, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FragileHouse]:
    valkey = OwnValkey(Path(tmp_path_factory.mktemp("v")))
    await valkey.start()
    try:
        async with built(scratch, valkey.url) as house:
            await house.loading.start()
            house.follow(house.ada, house.kofi, house.mei)
            yield FragileHouse(**vars(house), valkey=valkey)
    finally:
        valkey.kill()
