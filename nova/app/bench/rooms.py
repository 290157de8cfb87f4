"""Each room at its own gRPC port: what one request takes at a constant rate, and up to which rate its objective holds.

In one process the rooms share a loop, and answer in plain text; as a process each they answer over mutual TLS. Only
the room that is asked is under load, with the rooms and engines that it asks itself: embedded, or real ones.
"""

import asyncio
import itertools
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nova.app.bench import machine
from nova.app.bench.doors import TIMEOUT_S, Doors
from nova.app.bench.figures import Figure, Result, quantile
from nova.app.bench.open_loop import Load, at_rate
from nova.app.bench.own_nova import OwnNova, described, own_nova
from nova.app.bench.people_cases import people_cases
from nova.app.bench.post_cases import post_cases
from nova.app.bench.real_engines import real_engines_if
from nova.app.bench.room_case import Case
from nova.app.bench.scene import scene_of
from nova.app.ports import free_range
from nova.app.processes import all_ports
from nova.platform.config import Config, World
from nova.platform.errors import InvalidArgument, Unavailable

SECONDS: Final = 3.0
UPWARDS: Final = (2, 4, 8, 16, 32)
"""The client of this program gives out before the last."""
DOWNWARDS: Final = (1 / 2, 1 / 4)
LADDER_S: Final = 1.5
FEWEST: Final = 20
"""Calls of a load: below, a 95th percentile says nothing."""
WARM_UP: Final = 10
_REST_S: Final = 0.5

_NOTES: Final = (
    "A call is timed from when it was due, at a constant rate; one that was lost counts as 5 s.",
    "lost: not answered, or with less than was asked for: a page that says what is left out of it is lost.",
    "holds: the highest rate that met the objective, of steps from a quarter to 32 times the rate of the figures.",
    "room CPU: of the process that holds the room, a call; all CPU: with every other room and the engines.",
    "client CPU: of this program, which takes it from the same cores: rates are what both bear, not a room's most.",
    "Designed for, a room alone: user 5-10 ms p50, 25-40 ms p99, 15,000/s (1 CPU, 2 GB);",
    "  content 8-15, 35-60, 12,000/s (1 CPU, 2 GB); feed 12-25, 50-100, 8,000/s (2 CPU, 4 GB). Not loaded so far here.",
    "The gateway is designed for 15-30 ms, 80-120 ms and 10,000/s (2 CPU, 4 GB): `nova bench overload` finds its peak.",
)


class Incomplete(Unavailable):
    """An answer that lacks something, such as a page that says which of its sources were left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """CPU seconds of a load: of the room's process, of all processes of the platform, and of the client."""

    room_s: float
    all_s: float
    client_s: float


async def rooms(config: Config, *, processes: bool = False, real: bool = False) -> Result:
    """Start a Nova in a folder of its own, and load one method of one room after another."""
    world = config.server.world
    if world is World.NONE:
        raise InvalidArgument("Rooms need people: unset NOVA_WORLD, or choose small, medium or big.")
    # Each room has a port, and a spare one above all of these.
    base = free_range(all_ports())
    with tempfile.TemporaryDirectory(prefix="nova-bench-") as folder:
        data, option = Path(folder) / "data", "--processes" if processes else "--listen"
        async with (
            real_engines_if(real, Path(folder) / "engines") as engines,
            own_nova(data, world, option, engines=engines, knobs={"NOVA_GRPC_PORT_BASE": str(base)}) as nova,
        ):
            where = described(world, processes=processes, engines=engines)
            doors = Doors(base, data / "certificates" if processes else None)
            try:
                figures, missed = await _measured(nova, doors, processes=processes)
            finally:
                await doors.aclose()
    return Result(
        benchmark="rooms", machine=where, figures=figures, notes=_NOTES, by_case=True, remarks=missed
    )


async def _measured(nova: OwnNova, doors: Doors, *, processes: bool) -> tuple[list[Figure], dict[str, str]]:
    """Return the figures of all cases, and of those that lost calls the reason of the first."""
    figures, missed, apart = list[Figure](), dict[str, str](), processes and machine.can_be_watched()
    scene = await scene_of(nova, doors)
    await machine.calm(nova.pid)  # what a start leaves to do is not the first case's
    for case in (*people_cases(scene), *post_cases(scene)):
        holder = machine.ending_with(nova.pid, "serve", case.room) if apart else nova.pid
        trial = Trial(doors, case, holder=holder, platform=nova.pids)
        figures += await trial.figures()
        if trial.missed:
            missed[case.title] = f"lost: {trial.missed[0]}"
    return figures, missed


class Trial:
    """One case, measured. `holder` is the process that holds the room, `platform` those from which all others came.

    `missed` says of each call of the figures that was lost why.
    """

    def __init__(self, doors: Doors, case: Case, *, holder: int, platform: Sequence[int]) -> None:
        self._doors = doors
        self._case = case
        self._holder = holder
        self._platform = platform
        self._turns = itertools.count()
        self.missed: list[str] = []

    async def figures(self) -> list[Figure]:
        """Warm up, load at the rate of the figures, then at higher ones."""
        await at_rate(self._call, rate=self._case.rate, calls=WARM_UP)
        watched = machine.can_be_watched()
        room, everything = machine.CpuWatch(self._holder, alone=True), machine.CpuWatch(*self._platform)
        began_s = time.process_time()
        load = await self._load(self._case.rate, SECONDS)
        spent = Spent(
            room_s=room.spent_s(), all_s=everything.spent_s(), client_s=time.process_time() - began_s
        )
        self.missed = [error.message for error in load.errors]
        holds = await self._holds(load)
        return figures_of(self._case, load, spent if watched else None, holds=holds)

    async def _call(self, _: int) -> None:
        """Ask at the next turn. Raises a `NovaError`, also where an answer lacks something of what was asked for."""
        asked = self._case.asked(next(self._turns))
        request = asked.request.SerializeToString()
        answer = await self._doors.ask(self._case.room, asked.method, request, asked.token)
        if not asked.whole(answer):
            raise Incomplete(f"{asked.method} was answered with less than was asked for.")

    async def _load(self, rate: float, seconds: float) -> Load:
        return await at_rate(self._call, rate=rate, calls=max(int(rate * seconds), FEWEST))

    async def _holds(self, load: Load) -> float:
        """Return the highest rate of the ladder that meets the objective, after the load at its middle; 0 for none."""
        goal_s = self._case.goal_ms / 1000
        held = self._case.rate if load.holds(goal_s) else 0.0
        for factor in UPWARDS if held else DOWNWARDS:
            await asyncio.sleep(_REST_S)  # what the last step left to do is not this one's
            rate = self._case.rate * factor
            holds = (await self._load(rate, LADDER_S)).holds(goal_s)
            if holds:
                held = rate
            if holds is (factor < 1):
                break
        return held


def figures_of(case: Case, load: Load, spent: Spent | None, *, holds: float) -> list[Figure]:
    """Return what is told of a case."""
    name, calls = case.title, len(load.seconds) + len(load.errors)
    seconds = [*load.seconds, *([TIMEOUT_S] * len(load.errors))]
    figures = [
        Figure(name=f"{name}, p50", value=quantile(seconds, 0.5) * 1000, unit="ms"),
        Figure(name=f"{name}, p95", value=quantile(seconds, 0.95) * 1000, unit="ms", goal=case.goal_ms),
        Figure(name=f"{name}, p99", value=quantile(seconds, 0.99) * 1000, unit="ms"),
        Figure(name=f"{name}, lost", value=len(load.errors), unit="", goal=0),
        Figure(name=f"{name}, rate", value=load.rate, unit="/s"),
        Figure(name=f"{name}, holds", value=holds, unit="/s"),
    ]
    if spent is None:
        return figures
    shares = {"room": spent.room_s, "all": spent.all_s, "client": spent.client_s}
    return figures + [
        Figure(name=f"{name}, {who} CPU", value=cpu_s / calls * 1e6, unit="µs")
        for who, cpu_s in shares.items()
    ]
