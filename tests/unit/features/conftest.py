"""The features room wired as in production, told of posts and reactions through a log of its own."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, cast
from uuid import UUID

import numpy as np
import pytest
from numpy.typing import NDArray

from nova.api.content.v1 import content_pb2
from nova.api.content.v1.content_pb2_grpc import (
    ContentServiceServicer,
    add_ContentServiceServicer_to_server,
)
from nova.api.content.v1.events_pb2 import PostCreatedEvent, PostDeletedEvent, PostUpdatedEvent
from nova.api.features.v1 import features_pb2 as pb
from nova.api.features.v1.features_pb2_grpc import FeaturesServiceStub
from nova.api.social.v1.events_pb2 import CommentEvent, LikeEvent, ShareEvent
from nova.platform.clock import FixedClock
from nova.platform.config import Config
from nova.platform.db.database import Database
from nova.platform.errors import Unavailable
from nova.platform.events import Event, Topic
from nova.platform.health import Health
from nova.platform.ids import uuid7
from nova.platform.log.port import Record
from nova.platform.log.postgres import PostgresLog
from nova.platform.platform import Platform
from nova.platform.projection import Projection
from nova.platform.room import Lifecycle
from nova.platform.rpc.binding import ServiceBinding
from nova.platform.tasks import Tasks
from nova.platform.telemetry.tracing import Tracing
from nova.services.features import events
from nova.services.features.model import DECLARED
from nova.services.features.wiring import SnapshotKeeper, build
from tests.one_room import Neighbourhood, room_database
from tests.scratch import Scratch

DAY_S: Final = 86_400
COLUMNS: Final = [feature.name for feature in DECLARED]
# The room asks the floor for none of what this stands for.
_NOT_ASKED: Final = cast("Any", None)


class KnownPostings(ContentServiceServicer):
    """Plays content: lists the posts that a test wrote, with their tags."""

    def __init__(self) -> None:
        self.tags: dict[bytes, tuple[str, ...]] = {}
        self.down = False

    async def ListPostings(
        self, request: content_pb2.ListPostingsRequest, context: object
    ) -> content_pb2.ListPostingsResponse:
        if self.down:
            raise Unavailable
        return content_pb2.ListPostingsResponse(
            postings=[content_pb2.Posting(post_id=post_id, tags=tags) for post_id, tags in self.tags.items()]
        )


@dataclass(kw_only=True)
class Process:
    """One run of the room: what it starts, and a stub to it."""

    stub: FeaturesServiceStub
    neighbourhood: Neighbourhood
    projection: Projection
    keeper: SnapshotKeeper
    startables: Sequence[Lifecycle]

    async def start(self) -> None:
        for part in self.startables:
            await part.start()

    async def stop(self) -> None:
        for part in reversed(self.startables):
            await part.stop()

    async def rows(self, viewer: UUID, *candidates: tuple[bytes, UUID]) -> NDArray[np.float32]:
        """Return the rows of candidates, given as (post, author)."""
        with self.neighbourhood.as_user(viewer):
            answer = await self.stub.GetPostRows(
                pb.GetPostRowsRequest(
                    post_ids=b"".join(post_id for post_id, _ in candidates),
                    author_ids=b"".join(author.bytes for _, author in candidates),
                )
            )
        assert list(answer.columns) == COLUMNS
        return np.frombuffer(answer.rows, "<f4").reshape(len(candidates), len(COLUMNS))

    async def row(self, viewer: UUID, post_id: bytes, author: UUID) -> dict[str, float]:
        """Return what is known of one candidate and is not zero."""
        values = (await self.rows(viewer, (post_id, author)))[0].tolist()
        return {name: value for name, value in zip(COLUMNS, values, strict=True) if value}

    async def topics(self, viewer: UUID, limit: int = 10) -> list[str]:
        with self.neighbourhood.as_user(viewer):
            answer = await self.stub.GetTopics(pb.GetTopicsRequest(page_size=limit))
        assert all(topic.weight > 0 for topic in answer.topics)
        return [topic.tag for topic in answer.topics]

    async def popular(self, viewer: UUID, limit: int = 10) -> list[bytes]:
        with self.neighbourhood.as_user(viewer):
            answer = await self.stub.GetPopular(pb.GetPopularRequest(page_size=limit))
        packed = answer.post_ids
        assert len(answer.author_ids) == len(packed)
        return [packed[at : at + 16] for at in range(0, len(packed), 16)]


@dataclass(kw_only=True)
class FeaturesHouse:
    """What outlives a process of features: its database, the log, content, the clock."""

    database: Database
    log: PostgresLog
    content: KnownPostings
    clock: FixedClock
    stack: AsyncExitStack
    process: Process = field(init=False)
    ada: UUID = field(default_factory=uuid7)
    kofi: UUID = field(default_factory=uuid7)
    mei: UUID = field(default_factory=uuid7)

    async def begin(self) -> Process:
        """Build the room as a new process would; it is not started yet."""
        neighbourhood = Neighbourhood()
        room = build(
            Platform(
                config=Config(),
                clock=self.clock,
                database=lambda _: self.database,
                redis=_NOT_ASKED,
                caches=_NOT_ASKED,
                log=self.log,
                blobs=_NOT_ASKED,
                channel=lambda _: neighbourhood.channel,
                verifier=_NOT_ASKED,
                revocations=_NOT_ASKED,
                tasks=Tasks(),
                health=Health(),
                tracing=Tracing(),
            )
        )
        await neighbourhood.open(
            [
                *room.bindings,
                ServiceBinding(
                    add_to_server=add_ContentServiceServicer_to_server,
                    servicer=self.content,
                    system_methods=frozenset({"ListPostings"}),
                ),
            ]
        )
        projection, keeper = room.startables
        assert isinstance(projection, Projection)
        assert isinstance(keeper, SnapshotKeeper)
        self.process = Process(
            stub=FeaturesServiceStub(neighbourhood.channel),
            neighbourhood=neighbourhood,
            projection=projection,
            keeper=keeper,
            startables=room.startables,
        )
        self.stack.push_async_callback(projection.stop)
        return self.process

    async def tell(self, *told: Event) -> None:
        """Put events in the log, and wait until features has applied them."""
        await self.log.append([record_of(event) for event in told])
        await self.process.projection.caught_up(20)

    def post(self, author: UUID, *tags: str) -> tuple[bytes, Event]:
        """Write a post; return its id and the event of it."""
        post_id = uuid7().bytes
        self.content.tags[post_id] = tags
        value = PostCreatedEvent(post_id=post_id, user_id=author.bytes, tags=tags)
        value.created_at.FromDatetime(self.clock.now())
        return post_id, events.POST_CREATED.event(value)

    async def posted(self, author: UUID, *tags: str) -> bytes:
        """Write a post, and have features hear of it."""
        post_id, event = self.post(author, *tags)
        await self.tell(event)
        return post_id

    def edited(self, post_id: bytes, author: UUID, *tags: str, version: int = 2) -> Event:
        return events.POST_UPDATED.event(
            PostUpdatedEvent(post_id=post_id, user_id=author.bytes, tags=tags, version=version)
        )

    def deleted(self, post_id: bytes, author: UUID) -> Event:
        return events.POST_DELETED.event(PostDeletedEvent(post_id=post_id, user_id=author.bytes))

    def like(self, user: UUID, post_id: bytes, author: UUID) -> Event:
        return self._reaction(events.LIKE_CREATED, LikeEvent(), user, post_id, author)

    def comment(self, user: UUID, post_id: bytes, author: UUID) -> Event:
        return self._reaction(events.COMMENT_CREATED, CommentEvent(), user, post_id, author)

    def share(self, user: UUID, post_id: bytes, author: UUID) -> Event:
        return self._reaction(events.SHARE_CREATED, ShareEvent(), user, post_id, author)

    def taken_back(self, made: Event) -> Event:
        """Return the event that takes a reaction back now."""
        topics: dict[str, tuple[Topic[Any], Any]] = {
            "social.like.created": (events.LIKE_DELETED, LikeEvent),
            "social.comment.created": (events.COMMENT_DELETED, CommentEvent),
            "social.share.created": (events.SHARE_DELETED, ShareEvent),
        }
        topic, message = topics[made.topic]
        value = message.FromString(made.payload)
        value.occurred_at.FromDatetime(self.clock.now())
        return topic.event(value)

    def _reaction(
        self,
        topic: Topic[Any],
        value: LikeEvent | CommentEvent | ShareEvent,
        user: UUID,
        post_id: bytes,
        author: UUID,
    ) -> Event:
        value.user_id, value.post_id, value.author_id = user.bytes, post_id, author.bytes
        value.occurred_at.FromDatetime(self.clock.now())
        value.reacted_at.FromDatetime(self.clock.now())
        return topic.event(value)


def record_of(event: Event) -> Record:
    return Record(
        id=event.id, topic=event.topic, key=event.key, payload=event.payload, emitted_at=event.emitted_at,
        source="test", headers={"correlation_id": "test-correlation"},
    )  # fmt: skip


def rounded(row: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in row.items()}


def column(rows: NDArray[np.float32], name: str) -> list[float]:
    found: Iterable[float] = rows[:, COLUMNS.index(name)].tolist()
    return list(found)


@asynccontextmanager
async def opened(scratch: Scratch) -> AsyncIterator[FeaturesHouse]:
    async with AsyncExitStack() as stack:
        yield FeaturesHouse(
            database=await stack.enter_async_context(room_database(scratch, "features")),
            log=await scratch.log(),
            content=KnownPostings(),  # type: ignore[abstract] # plays the one method that is asked
            clock=FixedClock(datetime.now(UTC)),
            stack=stack,
        )


@pytest.fixture
async def empty(scratch: Scratch) -> AsyncIterator[FeaturesHouse]:
    """The house before the room is started."""
    async with opened(scratch) as house:
        await house.begin()
        yield house


@pytest.fixture
async def house(empty: FeaturesHouse) -> FeaturesHouse:
    """The room, started with nothing known."""
    await empty.process.projection.start()
    return empty
