"""`nova up`: the whole platform in one process, from the engines to the gateway, with a world in it."""

import asyncio
import json
import logging
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from nova.app import rooms
from nova.app.engines.embedded import Engines
from nova.app.house import House
from nova.app.instance import Instance, announced
from nova.app.living import Living
from nova.app.prepare import prepare
from nova.app.seed import PASSWORD, SHOWN_HANDLES, Seeder, plan_of
from nova.app.sources import of_engines
from nova.app.world.blobs import WorldBlobs
from nova.native.build import require_current
from nova.platform.blobs import Blobs
from nova.platform.config import Config, World
from nova.platform.telemetry.log import set_up

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What a person or a script wants to know of a Nova that is ready."""

    instance: Instance
    data: Path
    world: World
    started_s: float

    def line(self) -> str:
        """Return one line of JSON."""
        users = (
            [] if self.world is World.NONE else [{"handle": h, "password": PASSWORD} for h in SHOWN_HANDLES]
        )
        return json.dumps(
            {
                "ready": True,
                "graphql": self.instance.graphql,
                "playground": f"{self.instance.url}/playground",
                "users": users,
                "data": str(self.data),
                "pid": self.instance.pid,
                "started_s": round(self.started_s, 2),
            }
        )

    def table(self) -> str:
        """Return some lines for a terminal."""
        rows = [
            ("GraphQL", self.instance.graphql),
            ("Playground", f"{self.instance.url}/playground"),
            ("Data", str(self.data)),
            ("Logs", str(self.data / "logs" / "nova.log")),
        ]
        if self.world is not World.NONE:
            rows.append(("Sign in as", f"{', '.join(SHOWN_HANDLES)}  (password: {PASSWORD})"))
        lines = [f"  {name:<11} {value}" for name, value in rows]
        return "\n".join([f"Nova is ready in {self.started_s:.1f} s.", "", *lines, "", "Ctrl-C ends it."])


async def up(config: Config, *, began: float, as_json: bool, still: bool) -> None:
    """Run until a signal comes or an engine is lost. Raises what kept it from starting."""
    require_current()
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ending.set)
    async with platform(config, still=still) as (instance, engines):
        started = Started(
            instance=instance,
            data=config.server.data,
            world=config.server.world,
            started_s=time.monotonic() - began,
        )
        print(started.line() if as_json else started.table(), flush=True)  # noqa: T201 - the command's answer
        await _until_the_end(ending, engines)


@asynccontextmanager
async def platform(config: Config, *, still: bool) -> AsyncIterator[tuple[Instance, Engines]]:
    """Yield a running platform: engines, rooms, world, gateway."""
    data, settings = config.server.data, config.engines
    secret = settings.postgres_role_password
    async with AsyncExitStack() as stack:
        engines = await stack.enter_async_context(
            Engines(
                data,
                rooms=rooms.ROOMS,
                postgres_url=_text(settings.postgres_url),
                redis_url=_text(settings.redis_url),
                role_password=None if secret is None else secret.reveal(),
            )
        )
        _log_to(data, config, stack)
        sources = of_engines(engines)
        await prepare(sources, rooms.ROOMS)
        seeder = Seeder(config, sources)
        await seeder.seed(config.server.world)
        house = await stack.enter_async_context(House(config, sources, rooms=rooms.ROOMS, relays=rooms.ROOMS))
        instance = Instance(pid=os.getpid(), url=house.url, sources=sources)
        stack.enter_context(announced(data, instance))
        plan = plan_of(data)
        if plan is not None and not still:
            house.tasks.spawn("living-world", Living(plan, house).run())
        yield instance, engines


async def _until_the_end(ending: asyncio.Event, engines: Engines) -> None:
    """Return when a signal came; raise when an engine of ours has ended for good."""
    signalled = asyncio.ensure_future(ending.wait())
    lost = asyncio.ensure_future(engines.lost())
    try:
        await asyncio.wait({signalled, lost}, return_when=asyncio.FIRST_COMPLETED)
        if lost.done():
            raise lost.result()
    finally:
        for task in (signalled, lost):
            task.cancel()


def _log_to(data: Path, config: Config, stack: AsyncExitStack) -> None:
    """Send logs to the data folder: the terminal is for people."""
    file = stack.enter_context((data / "logs" / "nova.log").open("a"))
    set_up(stream=file, level=logging.getLevelNamesMapping()[config.telemetry.log_level.upper()])


def _text(url: Any) -> str | None:  # noqa: ANN401 - one of two kinds of URL
    return None if url is None else str(url)


def _blobs(data: Path) -> Blobs:
    """Return the object store; where a world lives it draws that world's pictures when they are first asked for."""
    plan = plan_of(data)
    folder = data / "blobs"
    return Blobs.local(folder) if plan is None else WorldBlobs.of(folder, seed=plan.seed)
