"""Places where a platform can be broken in ways of their own: on a small disk, with clocks in hand, a room apart.

Each needs something of the machine, and says what is missing where that is not there.
"""

import asyncio
import errno
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from nova.app.authority import SUPERVISOR, files_of
from nova.app.bench.chaos_stage import Fitting, Stage, stage
from nova.app.bench.real_engines import real_engines
from nova.app.processes import room_serves
from nova.app.supervisor import Part
from nova.platform.config import Config
from nova.platform.errors import Unavailable
from nova.platform.rpc.certificates import Certificates

_DISK: Final = "512m"
_FILLER: Final = "filler"
_BLOCK: Final = bytes(1 << 16)
_FILL_EVERY_S: Final = 0.05
_FULL_S: Final = 10.0

_CLOCKS: Final = "clocks"
_CLOCK_BY_S: Final = 30
_ENGINES: Final = "engines"

# Of the network that is set aside for benchmarks (RFC 2544, appendix C.2.2).
_HERE: Final = "198.18.0.1"
_APART: Final = "198.18.0.2"
_LINK: Final = "novahere"
_FAR_LINK: Final = "novaapart"
_SPACE: Final = "nova-chaos"
_NOWHERE: Final = "02:00:00:00:00:01"
"""A link address that nobody has: what is sent there arrives nowhere, and the sender does not hear of it."""


@asynccontextmanager
async def plain(data: Path) -> AsyncIterator[Stage]:
    """Run a platform as any other."""
    async with stage(data, Fitting()) as found:
        yield found


@asynccontextmanager
async def linked(data: Path) -> AsyncIterator[Stage]:
    """Run one that reaches its engines by links."""
    async with stage(data, Fitting(linked=True)) as found:
        yield found


@asynccontextmanager
async def on_real_engines(data: Path) -> AsyncIterator[Stage]:
    """Run one on Kafka, Neo4j, and PostgreSQL with a replica and a pooler, none of which anybody else has."""
    async with (
        real_engines(data.with_name(_ENGINES)) as engines,
        stage(data, Fitting(real=engines)) as found,
    ):
        yield found


@asynccontextmanager
async def linked_to_real_engines(data: Path) -> AsyncIterator[Stage]:
    """Run one that reaches Kafka, Neo4j, PgBouncer and the replica by links."""
    async with (
        real_engines(data.with_name(_ENGINES), linked=True) as engines,
        stage(data, Fitting(linked=True, real=engines)) as found,
    ):
        yield found


def no_small_disk() -> str | None:
    """Say why none can be had here; None where one can."""
    with tempfile.TemporaryDirectory() as folder:
        why = refusal("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder)
        return why or refusal("umount", folder)


@asynccontextmanager
async def on_small_disk(data: Path) -> AsyncIterator[Stage]:
    """Run one whose data folder is a disk of its own, in memory and small."""
    data.mkdir(mode=0o700)  # noqa: ASYNC240 - nothing else runs yet
    await _run("mount", "-t", "tmpfs", "-o", f"size={_DISK},mode=0700", "tmpfs", str(data))
    try:
        async with stage(data, Fitting()) as found:
            yield found
    finally:
        await _run("umount", str(data))


@asynccontextmanager
async def full(place: Stage) -> AsyncIterator[None]:
    """Leave no byte on the disk, and take every one that becomes free, for the length of the block."""
    filler = place.data / _FILLER
    filling, until = asyncio.create_task(_fill(filler)), time.monotonic() + _FULL_S
    try:
        while os.statvfs(place.data).f_bavail:
            if filling.done() or time.monotonic() > until:
                raise Unavailable(f"The disk under {place.data} does not become full.")
            await asyncio.sleep(_FILL_EVERY_S)
        yield
    finally:
        filling.cancel()
        with suppress(asyncio.CancelledError):
            await filling
        filler.unlink()


async def _fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as out:
        while True:
            try:
                out.write(_BLOCK)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                await asyncio.sleep(_FILL_EVERY_S)


def no_clocks() -> str | None:
    """Say why clocks cannot be set here; None where they can."""
    return None if _libraries() else "libfaketime is missing (Debian: `apt install libfaketime`)"


def _libraries() -> list[Path]:
    return sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


@asynccontextmanager
async def with_clocks(data: Path) -> AsyncIterator[Stage]:
    """Run one in which the clock of each part can be set: the wall clock alone, not the monotonic one."""
    library, folder = _libraries()[0], data.with_name(_CLOCKS)
    folder.mkdir()

    def fit(part: Part, _config: Config) -> Part:
        clock = folder / part.name
        _set(clock, 0)
        return replace(part, environment={**part.environment, **_faked(library, clock)})

    async with stage(data, Fitting(fit=fit)) as found:
        yield found


@asynccontextmanager
async def clock_off(place: Stage, minutes: int, *, part: str | None = None) -> AsyncIterator[None]:
    """Set the clock of a part, or of all, for the length of the block."""
    clocks = [place.data.with_name(_CLOCKS) / name for name in ([part] if part else place.supervisor.parts)]
    for clock in clocks:
        _set(clock, minutes)
    try:
        for clock in clocks:
            await _require_faked(place.supervisor.pids[clock.name], clock, minutes)
        yield
    finally:
        for clock in clocks:
            _set(clock, 0)


async def _require_faked(pid: int, clock: Path, minutes: int) -> None:
    """Raise `Unavailable` unless a process asks the library for the time, and the library says what the file says."""
    library = _libraries()[0]
    if library.name not in Path(f"/proc/{pid}/maps").read_text():  # noqa: ASYNC240 - no disk is behind it
        raise Unavailable(f"{clock.name} has the machine's own clock: libfaketime is not loaded.")
    told = await asyncio.create_subprocess_exec(
        _found("date"), "+%s", env=_faked(library, clock), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await told.communicate()
    if abs(int(said) - time.time() - 60 * minutes) > _CLOCK_BY_S:
        raise Unavailable(f"The clock of {clock.name} is not {minutes:+d} min off.")


def _faked(library: Path, clock: Path) -> dict[str, str]:
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }


def _set(clock: Path, minutes: int) -> None:
    # A file that is read while it is written would say something else.
    draft = clock.with_suffix(".draft")
    draft.write_text(f"{minutes:+d}m\n")
    draft.replace(clock)


def no_room_apart() -> str | None:
    """Say why no room can have a network of its own here; None where it can."""
    return refusal("ip", "netns", "add", _SPACE) or refusal("ip", "netns", "del", _SPACE)


@asynccontextmanager
async def with_room_apart(data: Path, room: str) -> AsyncIterator[Stage]:
    """Run one of whose rooms one has a network of its own; its engines are reached by their sockets all the same."""
    await _run("ip", "netns", "add", _SPACE)
    try:
        await _run("ip", "link", "add", _LINK, "type", "veth", "peer", "name", _FAR_LINK, "netns", _SPACE)
        for link, address, there in ((_LINK, _HERE, ()), (_FAR_LINK, _APART, ("-n", _SPACE))):
            await _run("ip", *there, "address", "add", f"{address}/30", "dev", link)
            await _run("ip", *there, "link", "set", link, "up")
        knobs = {"NOVA_GRPC_HOST": _HERE}
        async with stage(data, Fitting(knobs=knobs, fit=partial(moved_apart, room))) as found:
            yield found
    finally:
        await _run("ip", "netns", "del", _SPACE)


def moved_apart(room: str, part: Part, config: Config) -> Part:
    """Return a part as it is where `room` is apart: that one moved, all others told where it is."""
    target = {"NOVA_GRPC_TARGET": f"ipv4:{_HERE}:{{port}},{_APART}:{{port}}"}
    if part.name != room:
        return replace(part, environment={**part.environment, **target})
    there = replace(config, server=replace(config.server, grpc_host=_APART))
    own = Certificates(files_of(config.server.data / "certificates", SUPERVISOR), SUPERVISOR)
    return replace(
        part,
        command=(_found("ip"), "netns", "exec", _SPACE, *part.command),
        environment={**part.environment, **target, "NOVA_GRPC_HOST": _APART},
        serves=partial(room_serves, there, own, room),
        moved=None,
    )


@asynccontextmanager
async def cut_off(place: Stage, room: str) -> AsyncIterator[None]:
    """Lose whatever is sent between the room apart and all others, in both directions, and tell nobody."""
    ways = ((), _APART, _LINK), (("-n", _SPACE), _HERE, _FAR_LINK)
    for there, address, link in ways:
        entry = (address, "lladdr", _NOWHERE, "dev", link, "nud", "permanent")
        await _run("ip", *there, "neighbour", "replace", *entry)
    try:
        if await place.supervisor.serves(room):
            raise Unavailable(f"{room} still answers: it is not cut off.")
        yield
    finally:
        for there, address, link in ways:
            await _run("ip", *there, "neighbour", "del", address, "dev", link)


async def _run(*command: str) -> None:
    """Run a command of the system. Raises `Unavailable` with what it says."""
    if (why := await asyncio.to_thread(refusal, *command)) is not None:
        raise Unavailable(why)


def refusal(*command: str) -> str | None:
    """Run a command of the system; return what it says where it fails."""
    if os.geteuid() != 0:
        return f"only root may `{command[0]}`"
    if shutil.which(command[0]) is None:
        return f"there is no `{command[0]}`"
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours, and no shell
    return f"`{' '.join(command)}`: {ended.stderr.strip()}" if ended.returncode else None


def _found(program: str) -> str:
    return shutil.which(program) or program
