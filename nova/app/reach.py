"""The engines for a command that is not `up`: those of the Nova that runs, those configured, or started for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nova.app import rooms
from nova.app.instance import NotRunning, running
from nova.app.prepare import log_of
from nova.app.sources import Sources, engines_of, of_config, of_engines
from nova.platform.config import Config
from nova.platform.errors import NotFound
from nova.platform.log.port import EventLog


class NothingHere(NotFound):
    """The data folder has never been used."""


@asynccontextmanager
async def engines(config: Config, *, begin: bool = False) -> AsyncIterator[Sources]:
    """Yield where the engines of this configuration answer, for as long as the block runs.

    Raises `NothingHere` where engines would have to be made that were never there, unless that is the wish:
    `begin`. Then an administrator's URL of PostgreSQL is needed: database, roles and schemas are made first.
    """
    data, configured = config.server.data, config.engines
    if not begin and configured.postgres_url is not None and configured.redis_url is not None:
        yield of_config(config, rooms.ROOMS)
        return
    try:
        sources = running(data).sources
    except NotRunning:
        if not begin and configured.postgres_url is None and not (data / "postgres").exists():
            raise NothingHere(
                f"There is no data in {data}: begin with `nova up`, or name the folder with NOVA_DATA."
            ) from None
        async with engines_of(config, data, rooms.ROOMS) as started:
            yield of_engines(started, config)
    else:
        yield sources


@asynccontextmanager
async def event_log(config: Config) -> AsyncIterator[EventLog]:
    """Yield the event log."""
    async with engines(config) as sources, log_of(sources) as log:
        yield log
