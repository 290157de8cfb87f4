"""The real engines, a set of this program's own to break: Kafka, Neo4j, PgBouncer, two PostgreSQL, Redis and S3.

`tools/engines` starts them, in another folder and at other ports than `make engines` does: what that has fetched and
built is used again, what it keeps and runs is not touched. What was killed the same tool starts again, on its data.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import nova
from nova.app.ports import free_range
from nova.platform.errors import Unavailable
from nova.platform.tasks import to_its_end

PRIMARY: Final = "real primary"
REPLICA: Final = "real replica"
POOLER: Final = "real PgBouncer"
REAL_REDIS: Final = "real Redis"
KAFKA: Final = "real Kafka"
REGISTRY: Final = "real registry"
NEO4J: Final = "real Neo4j"
OBJECTS: Final = "real S3"

_SOURCES: Final = Path(nova.__file__).resolve().parents[1]
_TOOL: Final = _SOURCES / "tools" / "engines"
MADE: Final = _SOURCES / ".nova-engines"
_NAMES: Final = {
    PRIMARY: "postgres",
    REPLICA: "replica",
    POOLER: "pgbouncer",
    REAL_REDIS: "redis",
    KAFKA: "kafka",
    REGISTRY: "registry",
    NEO4J: "neo4j",
    OBJECTS: "s3",
}
"""What the tool calls each, in the order in which they start."""
_PORTS: Final = 100
KAFKA_LINK: Final = 3
_FETCHED: Final = (
    "kafka/lib",
    "kafka/.checked",
    "neo4j/lib",
    "neo4j/.checked",
    "registry/home",
    "registry/.checked",
)
"""Each with the note of the pin that it is of."""
_TOOL_S: Final = 120.0
_BUILT: Final = ("pgbouncer/pgbouncer", "pgbouncer/.checked")
"""Where the system has none."""


@dataclass(frozen=True, slots=True)
class _Tool:
    """`tools/engines`, for the engines in one folder."""

    folder: Path
    first_port: int
    linked: bool

    async def do(self, verb: str, names: Sequence[str]) -> str:
        """`start` or `stop` some; return what it says when they answer, or have ended. Raises `Unavailable` with it.

        Who is cancelled waits for it: what the tool has begun to start can only be stopped when it has.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tools.engines",
            verb,
            *names,
            cwd=_SOURCES,
            env={
                **os.environ,
                "NOVA_ENGINES": str(self.folder),
                "NOVA_ENGINES_PORT": str(self.first_port),
                **({"NOVA_ENGINES_LINKED": "on"} if self.linked else {}),
            },
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        (said, _), ending = await to_its_end(process.communicate(), within_s=_TOOL_S)
        if ending:
            raise asyncio.CancelledError
        words = said.decode(errors="replace").strip()
        if process.returncode != 0:
            raise Unavailable(f"`tools/engines {verb}`: {words}")
        return words


@dataclass(frozen=True, slots=True)
class RealEngine:
    """One of them, by the name that the tool has for it."""

    tool: _Tool
    name: str

    @property
    def pid(self) -> int:
        """Of its main process, as the tool has written it down."""
        return int((self.tool.folder / self.name / "pid").read_text().split()[0])

    async def start(self) -> None:
        """Start it again after it was killed; return when it answers. Raises `Unavailable`."""
        await self.tool.do("start", [self.name])


@dataclass(frozen=True, slots=True)
class RealEngines:
    """All of them; `variables` are what a platform is to be told, to stand on them, `versions` are for people."""

    by_name: Mapping[str, RealEngine]
    variables: Mapping[str, str]
    versions: str

    @property
    def pids(self) -> Sequence[int]:
        """Of the main process of each."""
        return [engine.pid for engine in self.by_name.values()]


def not_fetched(made: Path = MADE) -> str | None:
    """Say why there can be no such engines here; None where there can. `made` is the folder of `make engines`."""
    if not _TOOL.is_dir():
        return "the real engines are started from Nova's sources, and these are not here"
    if all((made / part).exists() for part in _FETCHED):
        return None
    return f"`make engines` has not fetched the real engines into {made}"


@asynccontextmanager
async def real_engines(folder: Path, *, linked: bool = False) -> AsyncIterator[RealEngines]:
    """Run a new set of them in `folder` for the length of the block. Raises `Unavailable`, also where none are.

    `linked`: Kafka sends its clients to the port of a link, `KAFKA_LINK` above its own.
    """
    if (missing := not_fetched()) is not None:
        raise Unavailable(f"There are no real engines: {missing}.")
    _equip(folder, MADE)
    tool = _Tool(folder, free_range(_PORTS), linked)
    try:
        said = await tool.do("start", list(_NAMES.values()))
        yield RealEngines(
            {name: RealEngine(tool, known) for name, known in _NAMES.items()},
            _variables(folder / "env"),
            versions_of(said),
        )
    finally:
        await tool.do("stop", list(_NAMES.values()))


def versions_of(said: str) -> str:
    """Return the engines with their versions, of what the tool says when it has started them."""
    lines = [line.split() for line in said.splitlines()]
    return ", ".join(f"{name} {version}" for name, version, *_ in lines if name in _NAMES.values())


@asynccontextmanager
async def real_engines_if(wanted: bool, folder: Path) -> AsyncIterator[RealEngines | None]:
    """Run real engines where they are wanted; else yield None, and whoever starts next brings embedded ones."""
    if not wanted:
        yield None
        return
    async with real_engines(folder) as engines:
        yield engines


def _equip(folder: Path, made: Path) -> None:
    """Put what was fetched into the folders where the tool looks for it."""
    for part in (*_FETCHED, *_BUILT):
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        if (made / part).is_dir():
            (folder / part).symlink_to(made / part)
        elif (made / part).exists():
            shutil.copy2(made / part, folder / part)


def _variables(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines())
