"""The composition root: some rooms in this process, on the floor that they stand on.

`nova up` puts all rooms into one house; `nova serve ROOM` puts one, and reaches the others over TCP. A room
cannot tell the difference.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

import structlog

from nova.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
from nova.app import rooms
from nova.app.callers import GATEWAY, closed
from nova.app.ending import Drain
from nova.app.identity_view import IdentityKeySource, IdentityRevocationFeed, RevocationListener
from nova.app.neighbours import FirstKeys, started
from nova.app.ports import PortTaken
from nova.app.prepare import log_of
from nova.app.sources import Sources, store_of
from nova.platform.auth.actor import Actor
from nova.platform.auth.caution import Caution
from nova.platform.auth.epochs import RevocationFollower, RevocationView
from nova.platform.auth.keys import KeyRing
from nova.platform.auth.tokens import Verifier
from nova.platform.blobs import Blobs
from nova.platform.cache.caches import Caches
from nova.platform.clock import SystemClock
from nova.platform.config import Config, Environment
from nova.platform.configure import require_own
from nova.platform.db.bell import Bell
from nova.platform.db.database import Database, DatabaseConfig
from nova.platform.health import Health
from nova.platform.housekeeping import Housekeeping
from nova.platform.limits.pace import Pace
from nova.platform.log.postgres import PostgresLog
from nova.platform.platform import Platform
from nova.platform.redis.client import attach
from nova.platform.relay import Relay
from nova.platform.room import Room
from nova.platform.rpc.binding import ServiceBinding
from nova.platform.rpc.call import Middleware
from nova.platform.rpc.certificates import Certificates
from nova.platform.rpc.channel import Channel, LocalChannel, WireChannel
from nova.platform.rpc.local import LocalServer
from nova.platform.rpc.server import WireServer
from nova.platform.rpc.server_chain import server_middlewares
from nova.platform.rpc.standard import by_standard
from nova.platform.strain import Strain
from nova.platform.tasks import Tasks
from nova.platform.telemetry.operations import operations
from nova.platform.telemetry.tracing import Tracing, traces_in, tracing_to
from nova.policy.permissions import SENSITIVE

if TYPE_CHECKING:
    # A process of rooms alone does without GraphQL: half of what the gateway's process imports.
    from nova.gateway.wiring import Gateway

NOTICE_S = 0.5
"""How long before a port is closed those who call or balance are told, so that they go elsewhere in time."""

CALLS_SHARE = 0.75
"""Of the time that a process has to end, the share of the calls in flight."""

TRACES_AT_ONCE = 10
"""Of the traces that strangers ask for: somebody who looks for a fault asks for a few, and then for none."""

_log = structlog.get_logger(__name__)


class House:
    """Rooms of one process. Enter it to have them serve each other; leave it to end them in good order.

    `rooms` are built and served here; a call to any other room goes over TCP. With `listen` each room also
    answers at its own gRPC port. With `certificates`, which name one part, TCP is mutual TLS. `relays` names
    the rooms whose outboxes this process empties into the log. With `gateway` the door stands open once all
    else does. Raises `BadConfig` where the configuration lacks what one of these parts needs in production.
    """

    def __init__(
        self,
        config: Config,
        sources: Sources,
        *,
        rooms: Sequence[str],
        relays: Sequence[str] = (),
        listen: bool = False,
        gateway: bool = False,
        certificates: Certificates | None = None,
        blobs: Blobs | None = None,
    ) -> None:
        require_own(config, {*rooms, GATEWAY} if gateway else rooms)
        self.config = config
        self.names = tuple(rooms)
        self.built: dict[str, Room] = {}
        self.url = ""
        self.health = Health()
        self.health.begin()
        self.tasks = Tasks()
        self.clock = SystemClock()
        self._strain = Strain()
        self._channels: dict[tuple[str, str], Channel] = {}
        self._certificates = certificates
        parts = [*rooms, *([GATEWAY] if gateway else ()), *(["relay"] if relays else ())]
        self.tracing = _tracing(config, service=f"nova-{parts[0]}" if len(parts) == 1 else "nova")
        self._local = LocalServer(self._middlewares())
        self._revocations = RevocationView(
            clock=self.clock, lifetime_s=config.tokens.access_s, leeway_s=config.tokens.leeway_s
        )
        self._identity = IdentityServiceStub(self.channel("identity"))
        self._keys = KeyRing(IdentityKeySource(self._identity), clock=self.clock)
        self._verifier = self._token_verifier()
        self._caution = Caution(self._revocations, sensitive=SENSITIVE)
        self._sources = sources
        self._relays = tuple(relays)
        self._listen = listen
        self._with_gateway = gateway
        self._blobs = blobs or Blobs(store_of(config))
        self._databases: dict[str, Database] = {}
        self._stack = AsyncExitStack()
        self._drain = Drain(config.server.drain_s)
        self._bell = Bell(sources.log_dsn)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(asyncio.to_thread, self.tracing.close)
            self.platform = await self._floor(stack)
            await self._open_rooms(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all in good order, within what the configuration gives (`drain_s`) from now on."""
        self._drain.begin()
        self.health.drain()
        await self._drain.close(self._stack)

    def channel(self, room: str, *, caller: str = GATEWAY) -> Channel:
        """Return the channel of a part to a room: local where the room is here, TCP elsewhere.

        Over TCP the part is whoever this process's certificate says.
        """
        here = room in self.names
        key = (room, caller if here else "")
        if key not in self._channels:
            self._channels[key] = (
                LocalChannel(self._local, tracing=self.tracing, caller=caller)
                if here
                else WireChannel(
                    self.config.server.grpc_address(room),
                    room=room,
                    tracing=self.tracing,
                    policy=by_standard(room, clock=self.clock),
                    certificates=self._certificates,
                    strain=self._strain,
                )
            )
        return self._channels[key]

    def database(self, room: str) -> Database:
        """Return the database of a room of this process."""
        return self._databases[room]

    async def _floor(self, stack: AsyncExitStack) -> Platform:
        """Open what all rooms stand on."""
        clock, sources, config = self.clock, self._sources, self.config
        stack.push_async_callback(self._blobs.aclose)
        if config.telemetry.metrics_port is not None:
            asked_at = operations(config.server.grpc_host, config.telemetry.metrics_port, self.health)
            await stack.enter_async_context(asked_at)
        redis = await attach(sources.redis_url)
        stack.push_async_callback(redis.aclose)
        stack.push_async_callback(self._close_channels)
        await self._bell.open()
        stack.push_async_callback(self._bell.close)
        self._log = await stack.enter_async_context(log_of(sources, self._bell))
        for room in dict.fromkeys((*self.names, *self._relays)):
            settings = database_config(sources, room, is_served=room in self.names)
            self._databases[room] = await stack.enter_async_context(
                Database(settings, self._bell, self.tracing)
            )
        # Before what they work on: relays and consumers would meet closed pools.
        stack.push_async_callback(self.tasks.aclose)
        self.tasks.spawn("strain", self._strain.watch())
        self.health.add("tasks", self.tasks.check, liveness=True)
        return Platform(
            config=config,
            clock=clock,
            database=self.database,
            redis=redis,
            caches=Caches(redis, sources.redis_url, clock=clock, knobs=config.cache, tasks=self.tasks),
            log=self._log,
            blobs=self._blobs,
            channel=self.channel,
            verifier=self._verifier,
            revocations=self._revocations,
            tasks=self.tasks,
            health=self.health,
            strain=self._strain,
            tracing=self.tracing,
        )

    async def _open_rooms(self, stack: AsyncExitStack) -> None:
        """Build the rooms, let them serve, load what they hold in memory, and begin to hear events."""
        for name in self.names:
            self.built[name] = rooms.build(name, self._platform_of(name))
            self._local.bind(_closed(self.built[name]))
        gateway = self._gateway() if self._with_gateway else None
        # Every cache is open by now, so that the bus knows for whom it listens.
        await self.platform.caches.start()
        stack.push_async_callback(self.platform.caches.aclose)
        await self._local.start()
        stack.push_async_callback(self._local.stop)
        for name in self.names:
            for startable in self.built[name].startables:
                await started(startable, room=name)
                stack.push_async_callback(startable.stop)
        await self._know_tokens(stack)
        # While all that they ask is still there: a batch that has begun comes to its end.
        stack.push_async_callback(self._end, self._moving_events())
        self._keep_clean()
        self.health.open()
        if self._listen:
            await self._open_ports(stack)
        if gateway is not None:
            await self._open_door(gateway, stack)

    async def _open_ports(self, stack: AsyncExitStack) -> None:
        servers: list[WireServer] = []
        stack.push_async_callback(self._close_ports, servers)
        for name in self.names:
            server = self._wire_server(self.built[name])
            await server.start()
            servers.append(server)

    async def _close_ports(self, servers: Sequence[WireServer]) -> None:
        await asyncio.gather(*(server.stop(within_s=self._calls_s) for server in servers))

    @property
    def _calls_s(self) -> float:
        """How long calls in flight may take yet: what then has to end, such as a batch of events, needs time too."""
        return CALLS_SHARE * self._drain.left_s

    def _moving_events(self) -> "list[asyncio.Task[None]]":
        """Begin to empty outboxes and to hear events; return the tasks that do."""
        runs = [(f"relay-{name}", self._relay(name).run()) for name in self._relays]
        runs += [
            (f"consumer-{name}", consumer.run())
            for name in self.names
            for consumer in self.built[name].consumers
        ]
        return [self.tasks.spawn(name, run, critical=True) for name, run in runs]

    def _relay(self, name: str) -> Relay:
        return Relay(
            database=self._databases[name],
            log=self.platform.log,
            topics=rooms.topics_of(name),
            tracing=self.tracing,
        )

    async def _end(self, tasks: "Sequence[asyncio.Task[None]]") -> None:
        await asyncio.gather(*map(self.tasks.cancel, tasks))

    def _gateway(self) -> "Gateway":
        from nova.gateway.wiring import build  # noqa: PLC0415 - see above

        return build(self._platform_of(GATEWAY))

    async def _open_door(self, gateway: "Gateway", stack: AsyncExitStack) -> None:
        server = self.config.server
        try:
            await gateway.server.start()
        except OSError as error:
            raise PortTaken(server.host, server.port, error, instead="another with --port") from error
        stack.push_async_callback(self._close_door, gateway)
        self.url = f"http://{server.host}:{gateway.server.port}"

    async def _close_door(self, gateway: "Gateway") -> None:
        """Let whoever balances hear that this process is no longer ready, before the door closes."""
        if self._listen:
            await asyncio.sleep(NOTICE_S)
        await gateway.server.stop(within_s=self._calls_s)

    def _platform_of(self, part: str) -> Platform:
        """Return the floor as a part of the platform has it: its calls are made in its name."""
        return replace(self.platform, channel=partial(self.channel, caller=part))

    def _keep_clean(self) -> None:
        """Sweep what is over its time: each room's own tables where the room is, the log where the relays are."""
        databases = [self._databases[name] for name in self.names]
        log = self._log if self._relays and isinstance(self._log, PostgresLog) else None
        self.tasks.spawn("housekeeping", Housekeeping(databases=databases, log=log).run())

    async def _know_tokens(self, stack: AsyncExitStack) -> None:
        """Have the keys of tokens, and follow what is revoked. A process with relays alone meets no token."""
        if not self.names and not self._with_gateway:
            return
        await started(FirstKeys(self._keys), room="identity")
        feed = IdentityRevocationFeed(self._identity, self._keys)
        follower = RevocationFollower(self._revocations, feed, tasks=self.tasks, clock=self.clock)
        listener = RevocationListener(self._sources.redis_url, self._revocations)
        for watcher in (follower, listener):
            await watcher.start()
            stack.push_async_callback(watcher.stop)

    def _wire_server(self, room: Room) -> WireServer:
        server = self.config.server
        return WireServer(
            server.grpc_listens_at(room.name),
            # In plain text nobody knows who calls: that is for the loopback of a developer (see `serve`).
            room.bindings if self._certificates is None else _closed(room),
            middlewares=self._middlewares(),
            ready=self.health.is_ready,
            live=self.health.is_live,
            certificates=self._certificates,
            strain=self._strain,
            # For a developer's tools. Whoever took a part over in production is told nothing that it does not call.
            reflection=server.environment is Environment.DEVELOPMENT,
            notice_s=NOTICE_S,
        )

    def _token_verifier(self) -> Verifier:
        tokens = self.config.tokens
        return Verifier(
            self._keys,
            clock=self.clock,
            revocations=self._revocations,
            issuer=tokens.issuer,
            audience=tokens.audience,
            lifetime_s=tokens.access_s,
            leeway_s=tokens.leeway_s,
        )

    def _middlewares(self) -> Sequence[Middleware]:
        # Late: the verifier asks identity over a channel that needs the server whose chain this is.
        async def authenticate(token: str) -> Actor:
            return self._caution.advised(await self._verifier.actor(token))

        return server_middlewares(authenticate=authenticate, tracing=self.tracing)

    async def _close_channels(self) -> None:
        for channel in self._channels.values():
            await channel.close()


def database_config(sources: Sources, room: str, *, is_served: bool) -> DatabaseConfig:
    """Return where the database of a room is, for a process that serves the room or only relays its events.

    Who relays has the rights for that alone. He has a connection a room and no storm of callers: he goes past the
    pooler, and on where that is lost.
    """
    if not is_served:
        return DatabaseConfig(room=room, dsn=sources.outbox_dsns[room])
    pooled = sources.pooled_dsns
    return DatabaseConfig(
        room=room,
        dsn=pooled.get(room, sources.room_dsns[room]),
        replica_dsn=sources.replica_dsns.get(room),
        behind_pooler=room in pooled,
    )


def _closed(room: Room) -> list[ServiceBinding]:
    return [closed(room.name, binding) for binding in room.bindings]


def _tracing(config: Config, *, service: str) -> Tracing:
    telemetry = config.telemetry
    collector = telemetry.otlp_endpoint
    developed = config.server.environment is Environment.DEVELOPMENT
    return tracing_to(
        folder=traces_in(config.server.data),
        otlp_endpoint=None if collector is None else collector.reveal(),
        service=service,
        sample=telemetry.trace_sample,
        asked=None if developed else Pace(telemetry.traces_asked_per_s, burst=TRACES_AT_ONCE),
    )
