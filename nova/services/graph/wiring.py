"""How graph is put together."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nova.api.graph.v1.graph_pb2_grpc import add_GraphServiceServicer_to_server
from nova.api.user.v1.user_pb2_grpc import UserServiceStub
from nova.platform.consumer import Consumer
from nova.platform.db.idempotency import Once
from nova.platform.engine_knobs import Neo4jUrl
from nova.platform.platform import Platform
from nova.platform.room import Room
from nova.platform.rpc.binding import ServiceBinding
from nova.services.graph import events
from nova.services.graph.clients import UserRestrictions, UserTerms
from nova.services.graph.consumers import Ears
from nova.services.graph.network import Network
from nova.services.graph.projection import GraphProjection
from nova.services.graph.server import GraphServer
from nova.services.graph.service.following import Following
from nova.services.graph.service.hearing import Hearing
from nova.services.graph.service.reading import Reading
from nova.services.graph.service.recording import Recorder
from nova.services.graph.service.suggesting import Suggesting
from nova.services.graph.store.ledger import Ledger
from nova.services.graph.store.tx import GraphTx, GraphWriter
from nova.services.graph.walks import SteadyWalks, Walks, WalksInMemory

if TYPE_CHECKING:
    from nova.services.graph.projection_neo4j import Neo4jProjection


def build(platform: Platform) -> Room:
    """Return the graph room on the house's floor."""
    database, clock = platform.database("graph"), platform.clock
    users = UserServiceStub(platform.channel("user"))
    network, ledger = Network(), Ledger(database)
    recorder = Recorder(network)
    hearing = Hearing(recorder=recorder, clock=clock)
    projection = GraphProjection(
        network=network,
        ledger=ledger,
        restrictions=UserRestrictions(users),
        log=platform.log,
        tasks=platform.tasks,
        clock=clock,
        tracing=platform.tracing,
    )
    platform.health.add("graph-adjacency", projection.check)
    memory = WalksInMemory(network, clock)
    url = platform.config.engines.neo4j_url
    outside = None if url is None else _neo4j(platform, url, ledger)
    walks = memory if outside is None else SteadyWalks(outside.walks, memory)
    server = GraphServer(
        following=Following(
            writer=GraphWriter(database),
            ledger=ledger,
            users=UserTerms(users),
            hearing=hearing,
            recorder=recorder,
            clock=clock,
        ),
        reading=Reading(network=network, walks=walks, ledger=ledger, clock=clock),
        suggesting=Suggesting(network=network, walks=walks, clock=clock),
        once=Once(database),
    )
    ears = Ears(hearing)
    consumer = Consumer(
        group="graph",
        database=database,
        tx_type=GraphTx,
        log=platform.log,
        handlers={
            events.USER_CREATED: ears.accounts_opened,
            events.PROFILE_UPDATED: ears.profiles_updated,
            events.BLOCK_CREATED: ears.blocks_created,
            events.BLOCK_DELETED: ears.blocks_deleted,
        },
        clock=clock,
        tracing=platform.tracing,
    )
    room = Room(
        name="graph",
        bindings=[ServiceBinding(add_to_server=add_GraphServiceServicer_to_server, servicer=server)],
        consumers=[consumer],
        startables=[projection],
        projections={"graph": projection},
    )
    return room if outside is None else outside.beside(room)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outside:
    """What an engine outside adds to the room."""

    walks: Walks
    consumer: Consumer[GraphTx]
    projection: "Neo4jProjection"

    def beside(self, room: Room) -> Room:
        """Return the room with it."""
        return replace(
            room,
            consumers=[*room.consumers, self.consumer],
            startables=[*room.startables, self.projection],
            projections={**room.projections, "graph.neo4j": self.projection},
        )


def _neo4j(platform: Platform, url: Neo4jUrl, ledger: Ledger) -> _Outside:
    # Only here: those who run without Neo4j need not wait for its driver to load.
    from nova.platform.neo4j import Neo4j  # noqa: PLC0415
    from nova.services.graph.projection_neo4j import GROUP, Neo4jProjection  # noqa: PLC0415
    from nova.services.graph.store.neo4j import FollowsInNeo4j  # noqa: PLC0415

    neo4j = Neo4j(url, clock=platform.clock)
    follows = FollowsInNeo4j(neo4j)
    projection = Neo4jProjection(
        neo4j=neo4j, follows=follows, ledger=ledger, log=platform.log, tasks=platform.tasks
    )
    consumer = Consumer(
        group=GROUP,
        database=platform.database("graph"),
        tx_type=GraphTx,
        log=platform.log,
        handlers={
            events.FOLLOW_CREATED: projection.followed,
            events.FOLLOW_DELETED: projection.unfollowed,
        },
        clock=platform.clock,
        tracing=platform.tracing,
    )
    return _Outside(walks=follows, consumer=consumer, projection=projection)
