"""`nova doctor`: is all here that Nova needs, and what to do where it is not."""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from functools import partial
from typing import Final

import click

from nova.app.engines.addresses import connect, ping, presentable
from nova.app.engines.errors import EngineError
from nova.app.engines.folder import DataFolder, default_run_base, fits
from nova.app.engines.postgres_find import find_postgres
from nova.app.engines.valkey import find_valkey
from nova.app.instance import NotRunning, running
from nova.native.build import require_current
from nova.native.errors import DebugNativeBuild, StaleNativeBuild
from nova.platform.blobs import Blobs
from nova.platform.clock import SystemClock
from nova.platform.config import Config, Server
from nova.platform.engine_knobs import Neo4jUrl
from nova.platform.errors import Timeout, Unavailable
from nova.platform.object_store import bucket_of

_LEAST_FREE_MB: Final = 512


class Broken(Exception):
    """A check that failed; the sentence says what to do."""


async def examine(config: Config) -> int:
    """Print one line a check; return the exit code: 1 when something is broken."""
    server = config.server
    checks: dict[str, Callable[[], Awaitable[str]]] = {
        "native core": _native,
        "PostgreSQL": lambda: _postgres(config),
        "Valkey": lambda: _redis(config),
        "objects": lambda: _objects(config),
        **({} if config.engines.neo4j_url is None else {"Neo4j": partial(_neo4j, config.engines.neo4j_url)}),
        "data folder": lambda: _folder(server),
        "port": lambda: _port(server),
    }
    failed = 0
    for name, check in checks.items():
        try:
            click.echo(f"ok      {name:<12} {await check()}")
        except (Broken, EngineError, DebugNativeBuild, StaleNativeBuild) as error:
            failed += 1
            click.echo(f"broken  {name:<12} {error}")
    return 1 if failed else 0


async def _native() -> str:
    require_current()
    return "a release build of these sources"


async def _postgres(config: Config) -> str:
    url = config.engines.postgres_url
    if url is None:
        found = await asyncio.to_thread(find_postgres)
        return f"{found.major} of {found.source}: {found.folder}"
    connection = await connect(url.reveal())
    version = connection.get_server_version()
    await connection.close()
    return f"{version.major}.{version.minor} at {presentable(url.reveal())}"


async def _redis(config: Config) -> str:
    url = config.engines.redis_url
    if url is None:
        return str(await asyncio.to_thread(find_valkey))
    await ping(url.reveal())
    return f"answers at {presentable(url.reveal())}"


async def _objects(config: Config) -> str:
    """Whether the bucket answers, if there is one, and lets us read."""
    bucket = bucket_of(config.engines)
    if bucket is None:
        return f"in {config.server.data / 'blobs'}"
    async with aclosing(Blobs.s3(bucket)) as blobs:
        with _at(str(bucket.url)):
            await blobs.reach()
    return f"answers at {bucket.url}"


async def _neo4j(url: Neo4jUrl) -> str:
    # Only here: those who run without Neo4j need not have its driver loaded.
    from nova.platform.neo4j import Neo4j  # noqa: PLC0415
    from nova.services.graph.store.neo4j import require_version  # noqa: PLC0415

    where = presentable(url.reveal())
    async with aclosing(Neo4j(url, clock=SystemClock())) as neo4j:
        with _at(where):
            version = await require_version(neo4j)
    return f"{'.'.join(map(str, version))} at {where}"


@contextmanager
def _at(where: str) -> Iterator[None]:
    """Ask an engine in the block. Raises `Broken`, with where it is, if that does not answer."""
    try:
        yield
    except (Unavailable, Timeout) as error:
        raise Broken(f"{where}: {error.message}") from error


async def _folder(server: Server) -> str:
    """Whether the folder, or the place where it will be made, can be written, and sockets have a place."""
    folder = DataFolder(server.data).path
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=nearest):
            free_mb = shutil.disk_usage(nearest).free // 2**20
    except OSError as error:
        raise Broken(f"{nearest} cannot be written ({error.strerror}): choose another with --data") from error
    if free_mb < _LEAST_FREE_MB:
        raise Broken(f"{nearest} has {free_mb} MB left: make room, or choose another folder with --data")
    base = default_run_base()
    if not fits(base):
        raise Broken(f"{base} is too long a path for sockets: set XDG_RUNTIME_DIR to a short folder")
    return f"{folder}, {free_mb:,} MB free; sockets in {base}"


async def _port(server: Server) -> str:
    """Whether the gateway can have its port, or has it already."""
    where = f"{server.host}:{server.port}"
    try:
        with socket.create_server((server.host, server.port), family=_family(server.host)):
            return f"{where} is free"
    except OSError as error:
        try:
            instance = running(server.data)
        except NotRunning:
            raise Broken(f"{where} cannot be had ({error.strerror}): choose another with --port") from error
        return f"{instance.url} is answered by process {instance.pid}"


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
