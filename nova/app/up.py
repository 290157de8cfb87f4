"""`nova up`: the whole platform, from the engines to the gateway, with a world in it; in one process, or in many."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nova.app import rooms
from nova.app.callers import GATEWAY
from nova.app.control import SOCKET, controlled
from nova.app.ending import Ending
from nova.app.engines.embedded import Engines
from nova.app.garbage import spare_what_stays
from nova.app.ground import Ground, blobs_of, ground
from nova.app.held import Here
from nova.app.house import House
from nova.app.instance import Instance, announced
from nova.app.living import Living
from nova.app.logins import PASSWORD, SHOWN_HANDLES
from nova.app.processes import platform_of_processes
from nova.app.progress import Progress, progress
from nova.app.projections import projections_of
from nova.app.serve import keep_plain_calls_here
from nova.native.build import require_current
from nova.platform.config import Config
from nova.platform.configure import require_own
from nova.platform.mail.configured import folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What somebody wants to know of a Nova that is ready. `people` says whether there are any to sign in as.

    `mail` is the folder of mails, where no server sends them; `logs` where to look for what went wrong.
    """

    instance: Instance
    data: Path
    people: bool
    started_s: float
    mail: Path | None
    logs: str

    def line(self) -> str:
        """Return one line of JSON."""
        users = [{"handle": h, "password": PASSWORD} for h in SHOWN_HANDLES] if self.people else []
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
            ("Logs", self.logs),
        ]
        if self.mail is not None:
            rows.append(("Mail", f"{self.mail}  (each mail that Nova sends, as an .eml file)"))
        if self.people:
            rows.append(("Sign in as", f"{', '.join(SHOWN_HANDLES)}  (password: {PASSWORD})"))
        lines = [f"  {name:<11} {value}" for name, value in rows]
        return "\n".join([f"Nova is ready in {self.started_s:.1f} s.", "", *lines, "", "Ctrl-C ends it."])


async def up(
    config: Config, *, began: float, as_json: bool, still: bool, processes: bool, listen: bool
) -> None:
    """Run until a signal comes or an engine is lost. Raises what kept it from starting.

    Rooms that are processes of their own listen in any case; with `listen` those of one process do as well.
    """
    require_current()
    told = progress(quiet=as_json)
    running = (
        platform_of_processes(config, told=told)
        if processes
        else platform(config, still=still, listen=listen, told=told)
    )
    try:
        with Ending() as ending:
            async with running as (instance, below):
                told.close()
                started = Started(
                    instance=instance,
                    data=config.server.data,
                    people=below.plan is not None,
                    started_s=time.monotonic() - began,
                    mail=folder(config),
                    logs=f"{below.log.path.parent}  (a file for each part)"
                    if processes
                    else str(below.log.path),
                )
                print(started.line() if as_json else started.table(), flush=True)  # noqa: T201 - the command's answer
                await _until_the_end(ending, below.engines)
    finally:
        told.close()


@asynccontextmanager
async def platform(
    config: Config, *, still: bool, listen: bool, told: Progress
) -> AsyncIterator[tuple[Instance, Ground]]:
    """Yield a running platform in this process: engines, rooms, world, gateway.

    With `listen` each room is also called in plain text at its own port: raises `BadConfig` where that may not be.
    """
    if listen:
        keep_plain_calls_here(config)
    # The house asks too, but by then engines would have been started and a world made.
    require_own(config, (*rooms.ROOMS, GATEWAY))
    async with AsyncExitStack() as stack:
        below = await stack.enter_async_context(ground(config, told))
        told.step("Opening the rooms")
        house = await stack.enter_async_context(
            House(
                config,
                below.sources,
                rooms=rooms.ROOMS,
                relays=rooms.ROOMS,
                listen=listen,
                gateway=True,
                blobs=blobs_of(config),
            )
        )
        socket = below.engines.folder.run / SOCKET
        await stack.enter_async_context(controlled(socket, Here(partial(projections_of, house))))
        instance = Instance(pid=os.getpid(), url=house.url, control=socket, sources=below.sources)
        stack.enter_context(announced(config.server.data, instance))
        if below.plan is not None and not still:
            house.tasks.spawn("living-world", Living(below.plan, house).run())
        spare_what_stays()
        yield instance, below


async def _until_the_end(ending: Ending, engines: Engines) -> None:
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
