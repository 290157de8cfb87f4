"""How social is put together."""

from nova.api.content.v1.content_pb2_grpc import ContentServiceStub
from nova.api.graph.v1.graph_pb2_grpc import GraphServiceStub
from nova.api.social.v1.social_pb2_grpc import add_SocialServiceServicer_to_server
from nova.platform.consumer import Consumer
from nova.platform.db.idempotency import Once
from nova.platform.platform import Platform
from nova.platform.room import Room
from nova.platform.rpc.binding import ServiceBinding
from nova.services.social.clients import ContentPosts, GraphPeople
from nova.services.social.consumers import Consumers
from nova.services.social.events import POST_DELETED
from nova.services.social.server import SocialServer
from nova.services.social.service.comments import Comments
from nova.services.social.service.counters import CachedCounters, TotalsCodec
from nova.services.social.service.reactions import Reactions
from nova.services.social.service.reading import Reading
from nova.services.social.service.sight import Sight
from nova.services.social.store.audit import CounterAudit
from nova.services.social.store.reactions import ReactionStore
from nova.services.social.store.threads import ThreadStore
from nova.services.social.store.tx import SocialTx, SocialWriter


def build(platform: Platform) -> Room:
    """Return the social room on the house's floor."""
    database = platform.database("social")
    writer, reactions, clock = SocialWriter(database), ReactionStore(database), platform.clock
    sight = Sight(
        posts=ContentPosts(ContentServiceStub(platform.channel("content"))),
        people=GraphPeople(GraphServiceStub(platform.channel("graph"))),
    )
    counters = CachedCounters(store=reactions, cache=platform.caches.open("social.totals", TotalsCodec()))
    reading = Reading(reactions=reactions, threads=ThreadStore(database), counters=counters, sight=sight)
    server = SocialServer(
        reactions=Reactions(writer=writer, counters=counters, sight=sight, clock=clock),
        comments=Comments(writer=writer, reading=reading, counters=counters, sight=sight, clock=clock),
        reading=reading,
        once=Once(database),
    )
    consumer = Consumer(
        group="social",
        database=database,
        tx_type=SocialTx,
        log=platform.log,
        handlers={POST_DELETED: Consumers(counters).posts_deleted},
        clock=clock,
        tracing=platform.tracing,
    )
    return Room(
        name="social",
        bindings=[ServiceBinding(add_to_server=add_SocialServiceServicer_to_server, servicer=server)],
        consumers=[consumer],
        projections={"counters": CounterAudit(database)},
    )
