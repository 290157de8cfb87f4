"""The content room, with a graph whose relations the tests say."""

from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import pytest

from nova.api.content.v1.content_pb2_grpc import ContentServiceStub, add_ContentServiceServicer_to_server
from nova.api.graph.v1 import graph_pb2
from nova.api.graph.v1.graph_pb2_grpc import (
    GraphServiceServicer,
    GraphServiceStub,
    add_GraphServiceServicer_to_server,
)
from nova.platform.clock import FixedClock
from nova.platform.db.database import Database
from nova.platform.db.idempotency import Once
from nova.platform.errors import Unavailable
from nova.platform.ids import uuid7
from nova.platform.rpc.binding import ServiceBinding
from nova.platform.rpc.context import current_actor
from nova.policy.relations import Relation
from nova.services.content.clients import GraphRelations
from nova.services.content.server import SYSTEM_METHODS, ContentServer
from nova.services.content.service.posts import Posts
from nova.services.content.service.reading import Reading
from nova.services.content.service.sight import Sight
from nova.services.content.service.stories import Stories
from nova.services.content.store.posts import PostStore
from nova.services.content.store.stories import StoryStore
from nova.services.content.store.tx import ContentWriter
from tests.one_room import Neighbourhood, room_database
from tests.scratch import Scratch


class KnownRelations(GraphServiceServicer):
    """Plays graph: knows the relations that a test set, and can be out of reach."""

    def __init__(self) -> None:
        self.relations: defaultdict[tuple[UUID, UUID], Relation] = defaultdict(lambda: Relation.NONE)
        self.down = False
        self.calls = 0

    def set(self, viewer: UUID, subject: UUID, relation: Relation) -> None:
        self.relations[viewer, subject] = relation

    async def GetRelations(
        self, request: graph_pb2.GetRelationsRequest, context: object
    ) -> graph_pb2.GetRelationsResponse:
        if self.down:
            raise Unavailable
        self.calls += 1
        viewer = current_actor().user_id
        subjects = [UUID(bytes=value) for value in request.subject_ids]
        return graph_pb2.GetRelationsResponse(
            relations=[
                Relation.SELF if subject == viewer else self.relations[viewer, subject]
                for subject in subjects
            ]
        )


@dataclass(kw_only=True)
class ContentHouse:
    """Content under test: its stub, its database, its clock, and the graph beside it."""

    stub: ContentServiceStub
    database: Database
    clock: FixedClock
    graph: KnownRelations
    neighbourhood: Neighbourhood
    ada: UUID = field(default_factory=uuid7)
    kofi: UUID = field(default_factory=uuid7)
    stories: Stories


@pytest.fixture
async def house(scratch: Scratch) -> AsyncIterator[ContentHouse]:
    neighbourhood = Neighbourhood()
    graph = KnownRelations()  # type: ignore[abstract] # plays the one method that is asked
    clock = FixedClock(datetime.now(UTC))
    async with room_database(scratch, "content") as database:
        writer = ContentWriter(database)
        sight = Sight(GraphRelations(GraphServiceStub(neighbourhood.channel)))
        reading = Reading(store=PostStore(database), sight=sight)
        stories = Stories(writer=writer, store=StoryStore(database), sight=sight, clock=clock)
        posts = Posts(writer=writer, reading=reading, clock=clock)
        server = ContentServer(posts=posts, reading=reading, stories=stories, once=Once(database))
        await neighbourhood.open(
            [
                ServiceBinding(
                    add_to_server=add_ContentServiceServicer_to_server,
                    servicer=server,
                    system_methods=SYSTEM_METHODS,
                ),
                ServiceBinding(add_to_server=add_GraphServiceServicer_to_server, servicer=graph),
            ]
        )
        yield ContentHouse(
            stub=ContentServiceStub(neighbourhood.channel),
            database=database,
            clock=clock,
            graph=graph,
            neighbourhood=neighbourhood,
            stories=stories,
        )
