"""How graph is put together."""

from nova.api.graph.v1.graph_pb2_grpc import add_GraphServiceServicer_to_server
from nova.api.user.v1.user_pb2_grpc import UserServiceStub
from nova.platform.consumer import Consumer
from nova.platform.db.idempotency import Once
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
    server = GraphServer(
        following=Following(
            writer=GraphWriter(database),
            ledger=ledger,
            users=UserTerms(users),
            hearing=hearing,
            recorder=recorder,
            clock=clock,
        ),
        reading=Reading(network=network, ledger=ledger, clock=clock),
        suggesting=Suggesting(network=network, clock=clock),
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
    return Room(
        name="graph",
        bindings=[ServiceBinding(add_to_server=add_GraphServiceServicer_to_server, servicer=server)],
        consumers=[consumer],
        startables=[projection],
        projections={"graph": projection},
    )
