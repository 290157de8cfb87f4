"""How the gateway is put together: the only file that names its concrete classes."""

from collections.abc import Mapping
from dataclasses import dataclass

from nova.api.content.v1.content_pb2_grpc import ContentServiceStub
from nova.api.feed.v1.feed_pb2_grpc import FeedServiceStub
from nova.api.graph.v1.graph_pb2_grpc import GraphServiceStub
from nova.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
from nova.api.social.v1.social_pb2_grpc import SocialServiceStub
from nova.api.user.v1.user_pb2 import Profile
from nova.api.user.v1.user_pb2_grpc import UserServiceStub
from nova.gateway.app import GatewayApp, Route
from nova.gateway.cards import Cards
from nova.gateway.context import RequestContext, Rooms
from nova.gateway.documents import Documents
from nova.gateway.engine import Engine, Store
from nova.gateway.http.account_pages import RESET_PASSWORD_PAGE, VERIFY_EMAIL_PAGE
from nova.gateway.http.graphql import GraphQLRoute
from nova.gateway.http.graphql_socket import SocketRoute
from nova.gateway.http.media import PREFIX, MediaRoute
from nova.gateway.http.request import host_names
from nova.gateway.http.sign_in import SignInRoutes
from nova.gateway.http.site import KeySet, Operations, Playground
from nova.gateway.limits import Limits
from nova.gateway.persisted import RegisteredDocuments, TrustedDocuments
from nova.gateway.rates import Rates
from nova.gateway.readers import Readers
from nova.gateway.schema.root import build_schema
from nova.gateway.server import GatewayServer
from nova.gateway.shedding import OBJECTIVE_S, Shedding
from nova.platform.cache.codec import ProtoCodec
from nova.platform.config import Config
from nova.platform.limits.address import IpLimiter
from nova.platform.limits.quota import Quotas
from nova.platform.limits.user import UserLimiter
from nova.platform.platform import Platform
from nova.policy.caches import PROFILES


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The gateway of one process: `server.start()` opens the door, `server.stop()` closes it."""

    app: GatewayApp
    sockets: SocketRoute
    server: GatewayServer


def build(platform: Platform) -> Gateway:
    """Return the gateway on the house's floor. The caches must not have been started before."""
    config = platform.config
    rooms = Rooms(
        identity=IdentityServiceStub(platform.channel("identity")),
        user=UserServiceStub(platform.channel("user")),
        graph=GraphServiceStub(platform.channel("graph")),
        content=ContentServiceStub(platform.channel("content")),
        social=SocialServiceStub(platform.channel("social")),
        feed=FeedServiceStub(platform.channel("feed")),
    )
    rates = _rates(platform)
    engine = _engine(platform, rooms, rates)
    sockets = SocketRoute(
        engine=engine,
        verifier=platform.verifier,
        revocations=platform.revocations,
        rates=rates,
        clock=platform.clock,
        tracing=platform.tracing,
    )
    names = [*config.server.hosts.split(","), config.server.host]
    app = GatewayApp(
        routes=_routes(platform, rooms, engine),
        prefixes={
            "/playground/": Route("playground", {"GET": Playground().file}),
            PREFIX: Route("media", {"GET": MediaRoute(platform.blobs)}),
        },
        socket=sockets,
        hosts=host_names(names),
        rates=rates,
        health=platform.health,
        tracing=platform.tracing,
    )
    server = GatewayServer(
        app,
        sockets,
        host=config.server.host,
        port=config.server.port,
        drain_s=config.server.drain_s,
        trusted_proxies=config.server.trusted_proxies.all(),
        most_message_bytes=config.graphql.body_bytes,
    )
    return Gateway(app=app, sockets=sockets, server=server)


def _engine(platform: Platform, rooms: Rooms, rates: Rates | None) -> Engine:
    config = platform.config
    limits = _limits(config)
    schema = build_schema()
    cards = Cards(platform.caches.open(PROFILES, ProtoCodec(Profile)))
    manifest, secrets = config.graphql.trusted_documents, config.secrets

    def readers(context: RequestContext) -> Readers:
        return Readers(context, cards)

    return Engine(
        schema=schema,
        documents=Documents(schema, limits=limits, introspection=config.graphql.introspection is not False),
        store=Store(
            mode=config.graphql.persisted,
            registered=RegisteredDocuments(platform.redis),
            trusted=TrustedDocuments.read(manifest) if manifest else TrustedDocuments({}),
        ),
        rooms=rooms,
        readers=readers,
        verifier=platform.verifier,
        rates=rates,
        shedding=Shedding(platform.strain) if config.limits.enabled else None,
        secrets=[one.reveal() for one in (secrets.secret, secrets.secret_before) if one is not None],
        limits=limits,
    )


def _routes(platform: Platform, rooms: Rooms, engine: Engine) -> Mapping[str, Route]:
    graphql = GraphQLRoute(engine, platform.verifier, most_bytes=platform.config.graphql.body_bytes)
    sign_in = SignInRoutes(rooms.identity, platform.verifier)
    operations = Operations(platform.health)
    keys = KeySet(rooms.identity, platform.clock)
    return {
        "/graphql": Route("graphql", {"GET": graphql, "POST": graphql}, objective_s=OBJECTIVE_S),
        "/playground": Route("playground", {"GET": Playground().page}),
        "/auth/login": Route("auth", {"POST": sign_in.login}),
        "/auth/refresh": Route("auth", {"POST": sign_in.refresh}),
        "/auth/logout": Route("auth", {"POST": sign_in.logout}),
        "/verify-email": Route("account", {"GET": VERIFY_EMAIL_PAGE}),
        "/reset-password": Route("account", {"GET": RESET_PASSWORD_PAGE}),
        "/.well-known/jwks.json": Route("keys", {"GET": keys}),
        "/livez": Route("health", {"GET": operations.live}, unmetered=True),
        "/readyz": Route("health", {"GET": operations.ready}, unmetered=True),
        "/metrics": Route("metrics", {"GET": operations.metrics}, unmetered=True),
    }


def _rates(platform: Platform) -> Rates | None:
    limits = platform.config.limits
    if not limits.enabled:
        return None
    return Rates(
        addresses=IpLimiter(rate=limits.ip_rate, burst=limits.ip_burst, clock=platform.clock),
        people=UserLimiter(platform.redis, gateways=limits.gateways, clock=platform.clock),
        quotas=Quotas.configured(limits),
    )


def _limits(config: Config) -> Limits:
    graphql = config.graphql
    return Limits(
        depth=graphql.depth,
        cost=graphql.cost,
        backend_calls=graphql.backend_calls,
        tokens=graphql.tokens,
        answer_bytes=graphql.answer_bytes,
    )
