"""How content is put together."""

from typing import Final

from nova.api.content.v1.content_pb2_grpc import add_ContentServiceServicer_to_server
from nova.api.graph.v1.graph_pb2_grpc import GraphServiceStub
from nova.platform.db.idempotency import Once
from nova.platform.platform import Platform
from nova.platform.room import Room
from nova.platform.rpc.binding import ServiceBinding
from nova.platform.upkeep import Upkeep
from nova.services.content.clients import GraphRelations
from nova.services.content.server import SYSTEM_METHODS, ContentServer
from nova.services.content.service.posts import Posts
from nova.services.content.service.reading import Reading
from nova.services.content.service.sight import Sight
from nova.services.content.service.stories import Stories
from nova.services.content.store.posts import PostStore
from nova.services.content.store.stories import StoryStore
from nova.services.content.store.tx import ContentWriter

SWEEP_EVERY_S: Final = 300.0
"""How often expired stories are deleted. They are out of sight from their last second on."""


def build(platform: Platform) -> Room:
    """Return the content room on the house's floor."""
    database = platform.database("content")
    writer = ContentWriter(database)
    sight = Sight(GraphRelations(GraphServiceStub(platform.channel("graph"))))
    reading = Reading(store=PostStore(database), sight=sight)
    stories = Stories(writer=writer, store=StoryStore(database), sight=sight, clock=platform.clock)
    server = ContentServer(
        posts=Posts(writer=writer, reading=reading, clock=platform.clock),
        reading=reading,
        stories=stories,
        once=Once(database),
    )
    return Room(
        name="content",
        bindings=[
            ServiceBinding(
                add_to_server=add_ContentServiceServicer_to_server,
                servicer=server,
                system_methods=SYSTEM_METHODS,
            )
        ],
        startables=[
            Upkeep("content-story-sweeper", stories.sweep, every_s=SWEEP_EVERY_S, tasks=platform.tasks)
        ],
    )
