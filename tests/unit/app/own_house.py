"""A house in a test's own folder, on the embedded engines that all tests of a worker share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from nova.app import reach, rooms
from nova.app.engines.embedded import Engines
from nova.app.prepare import prepare
from nova.app.sources import Sources
from nova.platform.config import Config
from nova.platform.configure import load


def configured(engines: Engines, folder: Path, **more: str) -> Config:
    """Return what such a house is told, and more than that where a test says so."""
    return load(
        {
            "NOVA_POSTGRES_URL": engines.postgres_dsn(),
            "NOVA_REDIS_URL": engines.redis_url,
            "NOVA_DATA": str(folder / "data"),
            **more,
        }
    )


@asynccontextmanager
async def prepared(config: Config) -> AsyncIterator[Sources]:
    """Yield the engines with everything made that rooms need, and no key that was sealed in another folder.

    Such a key is of no use to this house, and makes it wait before it signs with one of its own.
    """
    async with reach.engines(config) as sources:
        await prepare(sources, rooms.ROOMS)
        await _forget_signing_keys(sources)
        yield sources
        await _forget_signing_keys(sources)


async def _forget_signing_keys(sources: Sources) -> None:
    connection = await asyncpg.connect(sources.room_dsns["identity"])
    await connection.execute("DELETE FROM signing_keys")
    await connection.close()
