"""The engines for a command that is not `up`: those configured, those of the Nova that runs, or started for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nova.app import rooms
from nova.app.engines.embedded import Engines
from nova.app.instance import NotRunning, running
from nova.app.prepare import log_of
from nova.app.sources import Sources, of_config, of_engines
from nova.platform.config import Config
from nova.platform.log.postgres import PostgresLog


@asynccontextmanager
async def engines(config: Config) -> AsyncIterator[Sources]:
    """Yield where the engines of this configuration answer, for as long as the block runs."""
    if config.engines.postgres_url is not None and config.engines.redis_url is not None:
        yield of_config(config, rooms.ROOMS)
        return
    try:
        sources = running(config.server.data).sources
    except NotRunning:
        async with Engines(config.server.data, rooms=rooms.ROOMS) as started:
            yield of_engines(started)
    else:
        yield sources


@asynccontextmanager
async def event_log(config: Config) -> AsyncIterator[PostgresLog]:
    """Yield the event log."""
    async with engines(config) as sources, log_of(sources) as log:
        yield log
