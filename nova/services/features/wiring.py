"""How features is put together."""

from typing import Final

from nova.api.content.v1.content_pb2_grpc import ContentServiceStub
from nova.api.features.v1.features_pb2_grpc import add_FeaturesServiceServicer_to_server
from nova.platform.platform import Platform
from nova.platform.projection import Projection
from nova.platform.room import Room
from nova.platform.rpc.binding import ServiceBinding
from nova.platform.tasks import Tasks
from nova.platform.upkeep import Upkeep
from nova.services.features import events
from nova.services.features.clients import ContentPostings
from nova.services.features.server import SYSTEM_METHODS, FeaturesServer
from nova.services.features.service.learning import Learning
from nova.services.features.service.memory import Memory
from nova.services.features.service.serving import Serving
from nova.services.features.service.snapshots import Snapshots
from nova.services.features.store import SnapshotStore

KEEP_EVERY_S: Final = 60.0


def build(platform: Platform) -> Room:
    """Return the features room on the house's floor."""
    memory = Memory()
    learning = Learning(memory)
    snapshots = Snapshots(
        memory=memory,
        store=SnapshotStore(platform.database("features")),
        postings=ContentPostings(ContentServiceStub(platform.channel("content"))),
        clock=platform.clock,
    )
    projection = Projection(
        name="features",
        log=platform.log,
        load=snapshots.load,
        handlers={
            events.POST_CREATED: learning.posts_created,
            events.POST_UPDATED: learning.posts_updated,
            events.POST_DELETED: learning.posts_deleted,
            events.LIKE_CREATED: learning.likes_created,
            events.LIKE_DELETED: learning.likes_deleted,
            events.COMMENT_CREATED: learning.comments_created,
            events.COMMENT_DELETED: learning.comments_deleted,
            events.SHARE_CREATED: learning.shares_created,
            events.SHARE_DELETED: learning.shares_deleted,
        },
        clock=platform.clock,
        tracing=platform.tracing,
    )
    server = FeaturesServer(Serving(memory=memory, clock=platform.clock))
    return Room(
        name="features",
        bindings=[
            ServiceBinding(
                add_to_server=add_FeaturesServiceServicer_to_server,
                servicer=server,
                system_methods=SYSTEM_METHODS,
            )
        ],
        startables=[projection, SnapshotKeeper(projection, snapshots, platform.tasks)],
    )


class SnapshotKeeper:
    """Keeps a snapshot each minute, and one at the end."""

    def __init__(self, projection: Projection, snapshots: Snapshots, tasks: Tasks) -> None:
        self._projection = projection
        self._snapshots = snapshots
        self._upkeep = Upkeep("features-snapshots", self._keep, every_s=KEEP_EVERY_S, tasks=tasks, last=True)

    async def start(self) -> None:
        """Begin to keep snapshots."""
        await self._upkeep.start()

    async def stop(self) -> None:
        """Keep a last one."""
        await self._upkeep.stop()

    async def _keep(self) -> None:
        async with self._projection.still() as position:
            taken = await self._snapshots.take(position)
        if taken is not None:
            await self._snapshots.keep(taken)
