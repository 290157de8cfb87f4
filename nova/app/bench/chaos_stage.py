"""The platform that `nova bench chaos` breaks: a process a part, as `nova up --processes` runs it, but in hand.

Here the benchmark itself is the supervisor, so that it knows every process, and can set links, clocks and namespaces
between them. What keeps the parts running is the same.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias
from uuid import UUID

from nova.app.bench.chaos_links import Link, kafka_link, neo4j_link, postgres_link, redis_link
from nova.app.bench.client import Clients
from nova.app.bench.own_nova import SHEDDING_ALONE
from nova.app.bench.real_engines import KAFKA, NEO4J, POOLER, REPLICA, RealEngine, RealEngines
from nova.app.engines.server import EngineServer
from nova.app.events import given_up
from nova.app.ground import Ground, ground
from nova.app.log_file import PartLogs
from nova.app.ports import free_port, free_range
from nova.app.prepare import log_of
from nova.app.processes import all_ports, environment_of, processes
from nova.app.progress import progress
from nova.app.supervisor import Part, Supervisor
from nova.platform.config import Config, Environment
from nova.platform.configure import load
from nova.platform.engine_knobs import Neo4jUrl
from nova.platform.knobs import BadConfig

POSTGRES: Final = "PostgreSQL"
REDIS: Final = "Redis"

_CONNECTIONS: Final = 64
_LinkTo: TypeAlias = Callable[[str, Path], tuple[Link, str]]
_Links: TypeAlias = Mapping[str, tuple[str, _LinkTo]]
_LINKS: Final[_Links] = {
    POSTGRES: ("NOVA_POSTGRES_URL", postgres_link),
    REDIS: ("NOVA_REDIS_URL", redis_link),
}
_REAL_LINKS: Final[_Links] = {
    REPLICA: ("NOVA_POSTGRES_REPLICA_URL", postgres_link),
    POOLER: ("NOVA_POSTGRES_POOLER_URL", postgres_link),
    KAFKA: ("NOVA_KAFKA_BOOTSTRAP", kafka_link),
    NEO4J: ("NOVA_NEO4J_URL", neo4j_link),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One that runs. `links` and `real` engines are by engine, where there are any; `data` is its data folder.

    `versions` are those of the real engines, and `replica_url` is that of their replica; "" without. `buried` are the
    dead letters that are known already.
    """

    data: Path
    below: Ground
    supervisor: Supervisor
    asks: Clients
    links: Mapping[str, Link]
    real: Mapping[str, RealEngine]
    versions: str
    replica_url: str
    neo4j_url: Neo4jUrl | None
    buried: set[tuple[str, UUID]] = field(default_factory=set)

    @property
    def engines(self) -> Mapping[str, EngineServer]:
        """The embedded engines, by name."""
        known = {POSTGRES: self.below.engines.postgres, REDIS: self.below.engines.valkey}
        return {name: server for name, server in known.items() if server is not None}

    async def newly_buried(self) -> list[str]:
        """Return in words what groups of consumers have given up since the last time."""
        async with log_of(self.below.sources) as log:
            letters = [letter async for letter in given_up(log)]
        new = [one for one in letters if (one.group, one.record.id) not in self.buried]
        self.buried.update((one.group, one.record.id) for one in new)
        return [f"{one.topic}, given up by {one.group}: {one.why}" for one in new]

    async def serves(self) -> bool:
        """Return whether every part says that it can serve, and every embedded engine runs."""
        parts = await asyncio.gather(*(self.supervisor.serves(name) for name in self.supervisor.parts))
        return all(parts) and all(engine.serving for engine in self.engines.values())


def _as_it_is(part: Part, _config: Config) -> Part:
    return part


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """How a stage differs from another platform: by links, by real engines, by knobs, and in each part."""

    linked: bool = False
    real: RealEngines | None = None
    knobs: Mapping[str, str] = field(default_factory=dict)
    fit: Callable[[Part, Config], Part] = _as_it_is


@asynccontextmanager
async def stage(data: Path, fitting: Fitting) -> AsyncIterator[Stage]:
    """Run a platform without a world for the length of the block. Load is shed as by default.

    On engines of its own, embedded or real, or on those that NOVA_POSTGRES_URL and NOVA_REDIS_URL name. Raises
    `BadConfig` in production.
    """
    async with AsyncExitStack() as stack:
        environ, links = _environ(data, fitting), dict[str, Link]()
        if fitting.linked and fitting.real is not None:
            # Before anybody comes: Kafka sends all its clients to its link, this program too.
            environ, links = await _linked(environ, data, _REAL_LINKS, stack)
        config = load(environ)
        if config.server.environment is Environment.PRODUCTION:
            raise BadConfig(
                "NOVA_ENVIRONMENT", "production", "nobody breaks what others depend on: unset it."
            )
        below = await stack.enter_async_context(ground(config, progress(quiet=True)))
        environment = environment_of(config, below, environ)
        if fitting.linked and fitting.real is None:
            environment, links = await _linked(environment, data, _LINKS, stack)
        logs = stack.enter_context(PartLogs(below.log.path.parent))
        supervisor = await stack.enter_async_context(
            processes(
                config,
                environment,
                run=below.engines.folder.run,
                write=logs.write,
                fit=lambda part: fitting.fit(part, config),
            )
        )
        url = f"http://{config.server.host}:{config.server.port}/graphql"
        asks = Clients(url, most=_CONNECTIONS)
        stack.push_async_callback(asks.aclose)
        yield Stage(
            data=data,
            below=below,
            supervisor=supervisor,
            asks=asks,
            links=links,
            real=fitting.real.by_name if fitting.real else {},
            versions=fitting.real.versions if fitting.real else "",
            replica_url=fitting.real.variables["NOVA_POSTGRES_REPLICA_URL"] if fitting.real else "",
            neo4j_url=config.engines.neo4j_url,
        )


def _environ(data: Path, fitting: Fitting) -> dict[str, str]:
    return {
        **os.environ,
        **SHEDDING_ALONE,
        "NOVA_WORLD": "none",
        "NOVA_DATA": str(data),
        "NOVA_PORT": str(free_port()),
        # Each room has a port, and a spare one above all of these.
        "NOVA_GRPC_PORT_BASE": str(free_range(all_ports())),
        **(fitting.real.variables if fitting.real else {}),
        **fitting.knobs,
    }


async def _linked(
    environment: Mapping[str, str], data: Path, wanted: _Links, stack: AsyncExitStack
) -> tuple[dict[str, str], dict[str, Link]]:
    """Set a link before each engine that is to have one; return what is told of them."""
    folder, told, links = data.with_name("links"), dict(environment), dict[str, Link]()
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, (variable, link_to) in wanted.items():
        links[name], told[variable] = link_to(environment[variable], folder)
        await stack.enter_async_context(links[name].standing())
    return told, links
