"""The configuration of a process: read once by the composition root, typed, frozen, explained.

Every knob has a default that works on a laptop, a sentence, and one `NOVA_*` variable.
`nova.platform.configure` reads them.
"""

from dataclasses import dataclass, field, fields
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Self

from nova.platform.engine_knobs import Engines
from nova.platform.errors import NotFound
from nova.platform.knobs import Knob, Row, Secret, rows
from nova.platform.log.kafka_security import KafkaSecurity
from nova.platform.mail.knobs import MailKnobs
from nova.platform.rpc.tls import Tls
from nova.platform.telemetry.knobs import TelemetryKnobs

ROOMS = (
    "identity", "user", "graph", "social", "content", "media", "video", "chat",
    "notification", "search", "features", "ranking", "feed", "analytics", "live",
)  # fmt: skip
"""The rooms by number, from 1: the number is the offset of the room's port."""

DEVELOPMENT_SECRET = Secret("nova-development-secret-change-me")


class Environment(StrEnum):
    """Where the process runs."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class World(StrEnum):
    """Which sample world is seeded."""

    NONE = "none"
    SMALL = "small"
    MEDIUM = "medium"
    BIG = "big"


class PersistedQueries(StrEnum):
    """Which documents the gateway runs."""

    OFF = "off"
    APQ = "apq"
    TRUSTED = "trusted"


class Networks(str):
    """IP networks with commas, as 10.0.0.0/8,fd00::/8; or none."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Raise ValueError when a part is no network."""
        found = super().__new__(cls, text)
        for network in found.all():
            try:
                ip_network(network)
            except ValueError as error:
                raise ValueError(f"write networks as 10.0.0.0/8, with commas: {error}.") from None
        return found

    def all(self) -> list[str]:
        """Return each network."""
        return [part.strip() for part in self.split(",") if part.strip()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The process itself."""

    environment: Annotated[
        Environment,
        Knob(
            "NOVA_ENVIRONMENT",
            "development or production; production refuses whatever is only fit for a laptop.",
        ),
    ] = Environment.DEVELOPMENT
    host: Annotated[str, Knob("NOVA_HOST", "The address on which the gateway listens.")] = "127.0.0.1"
    port: Annotated[
        int,
        Knob("NOVA_PORT", "The port on which the gateway listens; 0 takes a free one.", least=0, most=65535),
    ] = 8080
    hosts: Annotated[
        str,
        Knob(
            "NOVA_HOSTS",
            "The host names that the gateway answers for, with commas; names of the loopback always are.",
        ),
    ] = ""
    trusted_proxies: Annotated[
        Networks,
        Knob(
            "NOVA_TRUSTED_PROXIES",
            "The networks, with commas, of proxies before the gateway: of them it believes X-Forwarded-For.",
        ),
    ] = Networks("")  # noqa: RUF009 - it cannot be changed
    grpc_host: Annotated[str, Knob("NOVA_GRPC_HOST", "The address on which a room listens for gRPC.")] = (
        "127.0.0.1"
    )
    grpc_port_base: Annotated[
        int,
        Knob(
            "NOVA_GRPC_PORT_BASE",
            "A room listens on this port plus its number (1 identity … 15 live).",
            least=1024,
            most=65535 - 2 * len(ROOMS),
        ),
    ] = 7000
    grpc_target: Annotated[
        str,
        Knob(
            "NOVA_GRPC_TARGET",
            "Where a process finds the rooms that it does not hold; {room}, {port} and {spare} are filled in.",
        ),
    ] = "127.0.0.1:{port}"
    data: Annotated[Path, Knob("NOVA_DATA", "The folder that holds all that Nova keeps on this machine.")] = (
        Path(".nova")
    )
    world: Annotated[
        World, Knob("NOVA_WORLD", "The sample world that `nova up` seeds: none, small, medium, big.")
    ] = World.SMALL
    grpc_spare: Annotated[
        bool,
        Knob(
            "NOVA_GRPC_SPARE",
            "on: a room listens on its spare port, 15 above its own, beside the one that it replaces.",
        ),
    ] = False
    control: Annotated[
        Path | None,
        Knob(
            "NOVA_CONTROL",
            "A Unix socket for `nova rebuild`: a room answers there for what it has in memory; one a process.",
        ),
    ] = None
    drain_s: Annotated[
        float,
        Knob(
            "NOVA_DRAIN_S",
            "Seconds in which a process ends once it is told to; calls in progress get three quarters of them.",
            least=0,
            most=600,
        ),
    ] = 30.0

    def grpc_port(self, room: str) -> int:
        """Return the port of a room; raises `NotFound` for a name that is none."""
        if room not in ROOMS:
            raise NotFound(f"There is no room named {room!r}: use one of {', '.join(ROOMS)}.")
        return self.grpc_port_base + 1 + ROOMS.index(room)

    def grpc_address(self, room: str) -> str:
        """Return where other processes find a room."""
        port = self.grpc_port(room)
        return self.grpc_target.format(room=room, port=port, spare=port + len(ROOMS))

    def grpc_listens_at(self, room: str) -> str:
        """Return where this process listens as a room."""
        return f"{self.grpc_host}:{self.grpc_port_here(room)}"

    def grpc_port_here(self, room: str) -> int:
        """Return the port at which this process listens as a room: its own, or its spare one."""
        return self.grpc_port(room) + (len(ROOMS) if self.grpc_spare else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one address or one person may ask for. The unit is the field, not the request."""

    enabled: Annotated[
        bool,
        Knob(
            "NOVA_LIMITS", "off lifts the rate limits and load shedding (not the cost limits), for load runs."
        ),
    ] = True
    ip_rate: Annotated[
        float, Knob("NOVA_LIMIT_IP_RATE", "Requests a second that one IP address may send.", least=0.1)
    ] = 100.0
    ip_burst: Annotated[
        int, Knob("NOVA_LIMIT_IP_BURST", "Requests that one IP address may send at once.", least=1)
    ] = 10
    mutations_per_min: Annotated[
        int, Knob("NOVA_LIMIT_MUTATIONS", "Mutations that a user may run in any minute.", least=1)
    ] = 10
    queries_per_min: Annotated[
        int, Knob("NOVA_LIMIT_QUERIES", "Queries that a user may run in any minute.", least=1)
    ] = 100
    premium_per_min: Annotated[
        int,
        Knob(
            "NOVA_LIMIT_PREMIUM", "Queries and mutations together of a premium user in any minute.", least=1
        ),
    ] = 1000
    gateways: Annotated[
        int,
        Knob(
            "NOVA_GATEWAYS",
            "How many gateways serve: while Redis is lost, each grants its part of a limit.",
            least=1,
        ),
    ] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphQL:
    """What the gateway accepts."""

    persisted: Annotated[
        PersistedQueries,
        Knob(
            "NOVA_PERSISTED_QUERIES",
            "off: full documents; apq: clients may register a hash; trusted: the manifest's only.",
        ),
    ] = PersistedQueries.APQ
    trusted_documents: Annotated[
        Path | None,
        Knob("NOVA_TRUSTED_DOCUMENTS", "The manifest of trusted documents: a JSON file of id and document."),
    ] = None
    cost: Annotated[int, Knob("NOVA_QUERY_COST", "The highest cost of one operation.", least=1)] = 1000
    depth: Annotated[int, Knob("NOVA_QUERY_DEPTH", "The deepest nesting of one operation.", least=1)] = 10
    backend_calls: Annotated[
        int, Knob("NOVA_BACKEND_CALLS", "Calls to rooms that one operation may make.", least=1)
    ] = 10
    tokens: Annotated[int, Knob("NOVA_QUERY_TOKENS", "Lexical tokens of one document.", least=1)] = 2000
    introspection: Annotated[
        bool | None,
        Knob("NOVA_INTROSPECTION", "on or off; unset is on in development and off in production."),
    ] = None
    body_bytes: Annotated[int, Knob("NOVA_BODY_BYTES", "The largest request body, in bytes.", least=1)] = (
        1 << 20
    )
    answer_bytes: Annotated[
        int, Knob("NOVA_ANSWER_BYTES", "The largest answer of one operation, in bytes.", least=1)
    ] = 2 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The tokens that identity issues."""

    issuer: Annotated[str, Knob("NOVA_TOKEN_ISSUER", "The `iss` of every token.")] = "nova-auth"
    audience: Annotated[str, Knob("NOVA_TOKEN_AUDIENCE", "The `aud` of an access token.")] = "nova"
    access_s: Annotated[
        int, Knob("NOVA_ACCESS_TOKEN_S", "Life of an access token, in seconds.", least=60, most=86_400)
    ] = 3600
    refresh_s: Annotated[
        int, Knob("NOVA_REFRESH_TOKEN_S", "Life of a refresh token, in seconds.", least=60)
    ] = 30 * 86_400
    leeway_s: Annotated[
        int, Knob("NOVA_TOKEN_LEEWAY_S", "Clock difference that is forgiven, in seconds.", least=0, most=300)
    ] = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheKnobs:
    """The two layers of every cache."""

    local_ttl_s: Annotated[
        float, Knob("NOVA_CACHE_LOCAL_TTL_S", "Life of a value in the process, in seconds.", least=1)
    ] = 60.0
    redis_ttl_s: Annotated[
        float, Knob("NOVA_CACHE_REDIS_TTL_S", "Life of a value in Redis, in seconds.", least=1)
    ] = 300.0
    local_entries: Annotated[
        int, Knob("NOVA_CACHE_LOCAL_ENTRIES", "Values that one cache keeps in the process.", least=16)
    ] = 10_000
    poll_s: Annotated[
        float,
        Knob(
            "NOVA_CACHE_POLL_S",
            "How often lost invalidations are looked for; bounds stale reads.",
            least=0.05,
            most=0.5,
        ),
    ] = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What must not be known outside."""

    secret: Annotated[
        Secret,
        Knob(
            "NOVA_SECRET",
            "At least 32 characters; the keys of cursors are derived from it.",
            parts=frozenset({"gateway"}),
        ),
    ] = DEVELOPMENT_SECRET
    secret_before: Annotated[
        Secret | None,
        Knob(
            "NOVA_SECRET_BEFORE",
            "While that one is replaced: the other, whose cursors are taken too.",
            parts=frozenset({"gateway"}),
        ),
    ] = None
    identity_kek: Annotated[
        Secret | None,
        Knob(
            "NOVA_IDENTITY_KEK",
            "At least 32 characters that seal the signing keys; unset keeps a random one in the data folder.",
            parts=frozenset({"identity"}),
        ),
    ] = None
    identity_kek_before: Annotated[
        Secret | None,
        Knob(
            "NOVA_IDENTITY_KEK_BEFORE",
            "While that one is replaced: the other, by which keys are opened and links are taken too.",
            parts=frozenset({"identity"}),
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything a process is told from outside."""

    server: Server = field(default_factory=Server)
    engines: Engines = field(default_factory=Engines)
    kafka: KafkaSecurity = field(default_factory=KafkaSecurity)
    limits: Limits = field(default_factory=Limits)
    graphql: GraphQL = field(default_factory=GraphQL)
    tokens: Tokens = field(default_factory=Tokens)
    mail: MailKnobs = field(default_factory=MailKnobs)
    cache: CacheKnobs = field(default_factory=CacheKnobs)
    telemetry: TelemetryKnobs = field(default_factory=TelemetryKnobs)
    tls: Tls = field(default_factory=Tls)
    secrets: Secrets = field(default_factory=Secrets)


def describe(config: Config) -> list[Row]:
    """Return one row a knob, with secrets masked, in the order in which they are declared."""
    return [row for entry in fields(config) for row in rows(entry.name, getattr(config, entry.name))]
