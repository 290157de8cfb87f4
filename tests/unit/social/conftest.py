"""The social room wired as in production, its neighbours played from what the tests say."""

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, cast
from uuid import UUID

import pytest

from nova.api.content.v1 import content_pb2
from nova.api.content.v1.content_pb2_grpc import (
    ContentServiceServicer,
    add_ContentServiceServicer_to_server,
)
from nova.api.content.v1.events_pb2 import PostDeletedEvent
from nova.api.graph.v1 import graph_pb2
from nova.api.graph.v1.graph_pb2_grpc import GraphServiceServicer, add_GraphServiceServicer_to_server
from nova.api.social.v1 import social_pb2 as pb
from nova.api.social.v1.social_pb2_grpc import SocialServiceStub
from nova.platform.cache.caches import Caches
from nova.platform.clock import FixedClock, SystemClock
from nova.platform.config import Config
from nova.platform.consumer import Consumer
from nova.platform.db.database import Database
from nova.platform.errors import Unavailable
from nova.platform.health import Health
from nova.platform.ids import uuid7
from nova.platform.log.port import Record
from nova.platform.platform import Platform
from nova.platform.redis.client import connect
from nova.platform.rpc.binding import ServiceBinding
from nova.platform.rpc.context import current_actor
from nova.platform.tasks import Tasks
from nova.platform.telemetry.tracing import Tracing
from nova.policy.permissions import MEMBER_PERMISSIONS
from nova.services.social.events import POST_DELETED
from nova.services.social.store.tx import SocialTx
from nova.services.social.wiring import build
from tests.one_room import Neighbourhood, room_database
from tests.scratch import Scratch

# The room asks the floor for none of what this stands for.
_NOT_ASKED: Final = cast("Any", None)


@dataclass
class World:
    """Which posts there are, from whom they are hidden, and who blocked whom."""

    posts: dict[bytes, UUID] = field(default_factory=dict)
    hidden: set[tuple[UUID, bytes]] = field(default_factory=set)
    blocks: set[tuple[UUID, UUID]] = field(default_factory=set)

    def blocked(self, one: UUID, other: UUID) -> bool:
        return (one, other) in self.blocks or (other, one) in self.blocks

    def people(self) -> set[UUID]:
        return {person for pair in self.blocks for person in pair}


class KnownPosts(ContentServiceServicer):
    """Plays content."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.down = False
        self.asked = 0

    async def CheckPosts(
        self, request: content_pb2.CheckPostsRequest, context: object
    ) -> content_pb2.CheckPostsResponse:
        if self.down:
            raise Unavailable
        self.asked += 1
        viewer, world = current_actor().user_id, self._world
        past_sight = request.for_deletion and current_actor().may("social:delete:any")
        return content_pb2.CheckPostsResponse(
            posts=[
                content_pb2.CheckedPost(post_id=post_id, author_id=world.posts[post_id].bytes)
                for post_id in request.post_ids
                if post_id in world.posts
                and (
                    past_sight
                    or (
                        (viewer, post_id) not in world.hidden
                        and not world.blocked(viewer, world.posts[post_id])
                    )
                )
            ]
        )


class KnownBlocks(GraphServiceServicer):
    """Plays graph."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.down = False

    async def GetHidden(
        self, request: graph_pb2.GetHiddenRequest, context: object
    ) -> graph_pb2.GetHiddenResponse:
        if self.down:
            raise Unavailable
        viewer = current_actor().user_id
        hidden = [person for person in self._world.people() if self._world.blocked(viewer, person)]
        return graph_pb2.GetHiddenResponse(user_ids=b"".join(person.bytes for person in hidden))


@dataclass(kw_only=True)
class SocialHouse:
    """Social under test, the world around it, and its verbs in short."""

    stub: SocialServiceStub
    neighbourhood: Neighbourhood
    database: Database
    clock: FixedClock
    consumer: Consumer[SocialTx]
    world: World
    content: KnownPosts
    graph: KnownBlocks
    ada: UUID = field(default_factory=uuid7)
    kofi: UUID = field(default_factory=uuid7)
    mei: UUID = field(default_factory=uuid7)

    def post(self, author: UUID) -> bytes:
        post_id = uuid7().bytes
        self.world.posts[post_id] = author
        return post_id

    async def like(self, user: UUID, post_id: bytes, key: str | None = None) -> pb.PostState:
        with self.neighbourhood.as_user(user, key=key):
            return (await self.stub.LikePost(pb.LikePostRequest(post_id=post_id))).state

    async def unlike(self, user: UUID, post_id: bytes, key: str | None = None) -> pb.PostState:
        with self.neighbourhood.as_user(user, key=key):
            return (await self.stub.UnlikePost(pb.UnlikePostRequest(post_id=post_id))).state

    async def share(self, user: UUID, post_id: bytes, text: str = "", key: str | None = None) -> pb.PostState:
        with self.neighbourhood.as_user(user, key=key):
            return (await self.stub.SharePost(pb.SharePostRequest(post_id=post_id, text=text))).state

    async def unshare(self, user: UUID, post_id: bytes) -> pb.PostState:
        with self.neighbourhood.as_user(user):
            return (await self.stub.UnsharePost(pb.UnsharePostRequest(post_id=post_id))).state

    async def comment(
        self,
        user: UUID,
        post_id: bytes,
        parent_id: bytes = b"",
        text: str = "well said",
        key: str | None = None,
    ) -> pb.Comment:
        request = pb.AddCommentRequest(post_id=post_id, parent_id=parent_id, text=text)
        with self.neighbourhood.as_user(user, key=key):
            return (await self.stub.AddComment(request)).comment

    async def edit(self, user: UUID, comment_id: bytes, text: str) -> pb.Comment:
        with self.neighbourhood.as_user(user):
            request = pb.EditCommentRequest(comment_id=comment_id, text=text)
            return (await self.stub.EditComment(request)).comment

    async def uncomment(
        self, user: UUID, comment_id: bytes, *more: str, key: str | None = None
    ) -> pb.DeleteCommentResponse:
        """Delete a comment, with `more` permissions than a member has."""
        with self.neighbourhood.as_user(user, permissions=MEMBER_PERMISSIONS | set(more), key=key):
            return await self.stub.DeleteComment(pb.DeleteCommentRequest(comment_id=comment_id))

    async def states(self, viewer: UUID, *post_ids: bytes) -> list[pb.PostState]:
        with self.neighbourhood.as_user(viewer):
            return list((await self.stub.GetPostStates(pb.GetPostStatesRequest(post_ids=post_ids))).states)

    async def state(self, viewer: UUID, post_id: bytes) -> pb.PostState:
        (state,) = await self.states(viewer, post_id)
        return state

    async def comments(self, viewer: UUID, *comment_ids: bytes) -> list[pb.Comment]:
        with self.neighbourhood.as_user(viewer):
            request = pb.GetCommentsRequest(comment_ids=comment_ids)
            return list((await self.stub.GetComments(request)).comments)

    async def likers(self, viewer: UUID, post_id: bytes, page_size: int = 2) -> list[bytes]:
        """Walk all likers of a post, page by page."""
        found: list[bytes] = []
        token = b""
        with self.neighbourhood.as_user(viewer):
            while True:
                page = await self.stub.ListLikers(
                    pb.ListLikersRequest(post_id=post_id, page_size=page_size, page_token=token)
                )
                found += [edge.user_id for edge in page.edges]
                token = page.next_page_token
                if not token:
                    return found

    async def thread(
        self, viewer: UUID, *, post_id: bytes = b"", comment_id: bytes = b"", page_size: int = 2
    ) -> list[pb.Comment]:
        """Walk one level of comments: of a post, or the replies to a comment."""
        found: list[pb.Comment] = []
        token = b""
        with self.neighbourhood.as_user(viewer):
            while True:
                answer = await self.stub.ListComments(
                    pb.ListCommentsRequest(
                        post_ids=[post_id] if post_id else [],
                        comment_ids=[comment_id] if comment_id else [],
                        page_size=page_size,
                        page_token=token,
                    )
                )
                (thread,) = answer.threads
                found += thread.comments
                token = thread.next_page_token
                if not token:
                    return found

    async def tree(self, viewer: UUID, post_id: bytes) -> list[pb.Comment]:
        """Walk every comment under a post, replies included."""
        found: list[pb.Comment] = []
        level = await self.thread(viewer, post_id=post_id)
        while level:
            found += level
            level = [
                reply
                for comment in level
                for reply in await self.thread(viewer, comment_id=comment.comment_id)
            ]
        return found

    async def events(self, topic: str) -> list[bytes]:
        """Return the payloads of one topic that wait in the outbox, oldest first."""
        rows = await self.database.primary.fetch(
            "SELECT payload FROM outbox WHERE topic = $1 ORDER BY seq", topic
        )
        return [row["payload"] for row in rows]

    async def rows(self, *tables: str) -> int:
        """Count the rows of some tables."""
        counts = [await self.database.primary.fetchval(f"SELECT count(*) FROM {table}") for table in tables]
        return sum(counts)

    async def bury(self, *post_ids: bytes) -> None:
        """Have social hear that posts are deleted."""
        records = [deleted(post_id, self.world.posts[post_id]) for post_id in post_ids]
        for post_id in post_ids:
            del self.world.posts[post_id]
        await self.consumer.deliver(records)


def deleted(post_id: bytes, author: UUID) -> Record:
    value = PostDeletedEvent(post_id=post_id, user_id=author.bytes)
    value.deleted_at.FromDatetime(datetime.now(UTC))
    event = POST_DELETED.event(value)
    return Record(
        id=event.id, topic=event.topic, key=event.key, payload=event.payload, emitted_at=event.emitted_at,
        source="content", headers={"correlation_id": "deletion-7"},
    )  # fmt: skip


def some_blocks(people: Sequence[UUID], seed: int, count: int) -> set[tuple[UUID, UUID]]:
    """Draw some blocks among people."""
    chance = random.Random(seed)
    return {(one, other) for one, other in (chance.sample(people, 2) for _ in range(count))}


@pytest.fixture
async def house(scratch: Scratch, redis_url: str) -> AsyncIterator[SocialHouse]:
    neighbourhood, world, clock = Neighbourhood(), World(), FixedClock(datetime.now(UTC))
    content = KnownPosts(world)  # type: ignore[abstract] # plays the one method that is asked
    graph = KnownBlocks(world)  # type: ignore[abstract] # likewise
    redis = await connect(redis_url)
    caches = Caches(redis, redis_url, clock=SystemClock(), knobs=Config().cache)
    async with room_database(scratch, "social") as database:
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
        await neighbourhood.open(
            [
                *room.bindings,
                ServiceBinding(add_to_server=add_ContentServiceServicer_to_server, servicer=content),
                ServiceBinding(add_to_server=add_GraphServiceServicer_to_server, servicer=graph),
            ]
        )
        (consumer,) = room.consumers
        assert isinstance(consumer, Consumer)
        yield SocialHouse(
            stub=SocialServiceStub(neighbourhood.channel),
            neighbourhood=neighbourhood,
            database=database,
            clock=clock,
            consumer=consumer,
            world=world,
            content=content,
            graph=graph,
        )
        await caches.aclose()
    await redis.aclose()
