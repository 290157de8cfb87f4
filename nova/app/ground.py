"""What a platform stands on in either shape: engines that answer, schemas in place, and the world asked for."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TextIO, cast

from nova.app import rooms
from nova.app.engines.embedded import Engines
from nova.app.log_file import LogFile
from nova.app.prepare import prepare
from nova.app.progress import Progress
from nova.app.seed import Plan, Seeder, plan_of
from nova.app.sources import Sources, engines_of, of_engines, store_of
from nova.app.world.blobs import WorldBlobs
from nova.platform.blobs import Blobs
from nova.platform.config import Config
from nova.platform.telemetry.log import set_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Engines, where they answer, the world if there is one, and the file of this process's logs."""

    engines: Engines
    sources: Sources
    plan: Plan | None
    log: LogFile


@asynccontextmanager
async def ground(config: Config, told: Progress) -> AsyncIterator[Ground]:
    """Yield the ground of a platform; the logs of this process go to its file meanwhile."""
    data = config.server.data
    told.step(first_step(config))
    async with engines_of(config, data, rooms.ROOMS) as engines:
        with LogFile(engines.folder.log("nova")) as log, _logs_in(log, config):
            sources = of_engines(engines, config)
            await prepare(sources, rooms.ROOMS)
            await Seeder(config, sources, told).seed(config.server.world)
            yield Ground(engines=engines, sources=sources, plan=plan_of(data), log=log)


def first_step(config: Config) -> str:
    """Return what people read first: which engines are started, unless servers of their own are named for all."""
    named = {"PostgreSQL": config.engines.postgres_url, "Valkey": config.engines.redis_url}
    missing = [name for name, url in named.items() if url is None]
    return f"Starting {' and '.join(missing)}" if missing else "Reaching PostgreSQL and Redis"


def blobs_of(config: Config) -> Blobs:
    """Return the object store; where a world lives it draws that world's pictures when they are first asked for."""
    plan, store = plan_of(config.server.data), store_of(config)
    return Blobs(store) if plan is None else WorldBlobs.of(store, seed=plan.seed)


@contextmanager
def _logs_in(file: LogFile, config: Config) -> Iterator[None]:
    """Send logs to a file inside the block: the terminal is for people."""
    level = logging.getLevelNamesMapping()[config.telemetry.log_level.upper()]
    set_up(stream=cast("TextIO", file), level=level)
    try:
        yield
    finally:
        set_up(level=logging.WARNING, console=True)
