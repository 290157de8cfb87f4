"""A Nova of the benchmark's own: another process, in a folder of its own, on engines of its own, embedded or real."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from nova.app.bench import machine
from nova.app.bench.real_engines import RealEngines
from nova.platform.config import World
from nova.platform.errors import Unavailable

SHEDDING_ALONE: Final[Mapping[str, str]] = {
    "NOVA_LIMITS": "on",
    "NOVA_LIMIT_IP_RATE": "1000000",
    "NOVA_LIMIT_IP_BURST": "1000000",
    "NOVA_LIMIT_QUERIES": "100000000",
    "NOVA_LIMIT_MUTATIONS": "100000000",
}
"""Knobs of a Nova that sheds load as any other. Rates are lifted: a benchmark is one address, and few people."""

_READY_S: Final = 300.0
_END_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnNova:
    """One that runs. `started_s` is what it says of its start, `engines` are real ones that are no part of it."""

    graphql: str
    pid: int
    engines: RealEngines | None
    started_s: float
    handles: tuple[str, ...]
    password: str

    @property
    def pids(self) -> list[int]:
        """The processes of which all others of it came, its engines' too."""
        return [self.pid, *(self.engines.pids if self.engines else ())]


def described(world: World, *, processes: bool, engines: RealEngines | None = None) -> dict[str, str]:
    """Return what the figures of one are to be read with: the machine, the world, the shape and the engines."""
    return {
        **machine.machine(),
        "world": world.value,
        "shape": "a process a room, mutual TLS" if processes else "one process",
        "engines": "embedded" if engines is None else engines.versions,
    }


@asynccontextmanager
async def own_nova(
    data: Path,
    world: World,
    *options: str,
    engines: RealEngines | None = None,
    knobs: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[OwnNova]:
    """Run `nova up --still` without rate limits for the length of the block, then end it as a person would.

    `options` are those of `nova up`, `knobs` variables of its environment. It brings its engines unless there are some.
    """
    # Whatever the caller has configured is another Nova's.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NOVA_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "nova.app", "up", "--json", "--still", "--port", "0"),
        *("--world", world.value, "--data", str(data), *options),
        env={**environment, "NOVA_LIMITS": "off", **(engines.variables if engines else {}), **knobs},
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C of the benchmark's ends it by the block below
    )
    try:
        yield await _ready(process, engines)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(_END_S):
            await process.wait()


async def _ready(process: asyncio.subprocess.Process, engines: RealEngines | None) -> OwnNova:
    if process.stdout is None:
        raise ValueError("the process was started without a pipe")
    async with asyncio.timeout(_READY_S):
        line = await process.stdout.readline()
    if not line:
        raise Unavailable("The benchmark's own Nova did not start: it says why above.")
    said = json.loads(line)
    return OwnNova(
        graphql=said["graphql"],
        pid=said["pid"],
        engines=engines,
        started_s=said["started_s"],
        handles=tuple(user["handle"] for user in said["users"]),
        password=said["users"][0]["password"],
    )
