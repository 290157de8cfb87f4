"""Timing contenders side by side: check first, then round-robin, on one thread, with rotating inputs.

The figure that counts is the ratio within one run: of wall time, or of CPU time where the machine is busy, for then
the longer calls of a slower peer are interrupted more often, and the wall flatters us.
A run ends with the status 3 when a goal is missed, as `nova bench run` does.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NoReturn

from nova.app.bench.figures import Figure
from nova.app.cli_command import MISSED

ROUNDS = 11
SAMPLE_NS = 5_000_000
WARM_UP_ROUNDS = 2

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
# Settings for older OpenBLAS builds, which would slow the peer down.
_SLOWING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


@dataclass(frozen=True)
class Contender:
    """A way to do the work; `call` gets the number of the turn and picks the inputs of that turn.

    `goal` is the greatest ratio of our time to this peer's that is good enough, `cpu_goal` that of CPU time.
    """

    name: str
    call: Callable[[int], object]
    goal: float | None = None
    cpu_goal: float | None = None


@dataclass(frozen=True)
class Case:
    """One piece of work. `check(turn)` asserts that all contenders give the same answer in that turn.

    `goal_us` is the greatest time of ours that is good enough; `figures` are what a ratio of times does not say.
    """

    name: str
    ours: Contender
    peers: Sequence[Contender]
    turns: int
    check: Callable[[int], None]
    missing: Sequence[str] = ()
    goal_us: float | None = None
    figures: Sequence[Figure] = ()


@dataclass
class Timing:
    """Times of one contender, µs a call."""

    contender: str
    wall_us: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Line:
    """One line of the report. The ratios are our minima over this peer's, of wall and of CPU time; ours has none.

    `goal` and `cpu_goal` are those of the ratios, `goal_us` that of the time; `met` is None where there is no goal.
    Judged are the wall times, or the CPU times with `by_cpu`.
    """

    case: str
    contender: str
    min_us: float
    median_us: float
    cpu_us: float
    ratio: float | None
    cpu_ratio: float | None
    goal: float | None
    cpu_goal: float | None
    goal_us: float | None
    met: bool | None
    by_cpu: bool


def main(module: str, cases: Callable[[], Iterator[Case]]) -> NoReturn:
    """Run the cases of a benchmark module and print a table, or JSON with `--json`."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=cases.__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of a table")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="rounds, at least 9 for figures to publish"
    )
    options = parser.parse_args()
    _on_one_thread(module)
    where = machine()
    lines: list[Line] = []
    figures: list[Figure] = []
    missing: dict[str, list[str]] = {}
    if not options.json:
        print("\n".join(f"{name:8} {value}" for name, value in where.items()))
    for case in cases():
        found = run(case, options.rounds)
        lines += found
        figures += case.figures
        missing[case.name] = list(case.missing)
        if not options.json:
            _print_case(case, found)
    if options.json:
        said = {"lines": [asdict(line) for line in lines], "figures": [asdict(figure) for figure in figures]}
        print(json.dumps({"machine": where, **said, "missing": missing}))
    met = all(line.met is not False for line in lines) and all(figure.met for figure in figures)
    sys.exit(0 if met else MISSED)


def run(case: Case, rounds: int) -> list[Line]:
    """Check a case, time it round-robin, and compare."""
    for turn in range(case.turns):
        case.check(turn)
    contenders = (case.ours, *case.peers)
    timings = [Timing(contender.name) for contender in contenders]
    calls = [_calls_for_a_sample(contender) for contender in contenders]
    turns = [0] * len(contenders)
    for number in range(WARM_UP_ROUNDS + rounds):
        for place in range(len(contenders)):
            at = (place + number) % len(contenders)
            wall, cpu = _sample(contenders[at].call, turns[at], calls[at])
            turns[at] += calls[at]
            if number >= WARM_UP_ROUNDS:
                timings[at].wall_us.append(wall)
                timings[at].cpu_us.append(cpu)
    return [
        _line(case, contender, timing, timings[0])
        for timing, contender in zip(timings, contenders, strict=True)
    ]


def _line(case: Case, contender: Contender, timing: Timing, ours: Timing) -> Line:
    wall, cpu = min(timing.wall_us), min(timing.cpu_us)
    is_peer = timing is not ours
    ratio = min(ours.wall_us) / wall if is_peer else None
    cpu_ratio = min(ours.cpu_us) / cpu if is_peer else None
    goal_us = None if is_peer else case.goal_us
    by_cpu = _is_busy()
    judged = (cpu_ratio, cpu) if by_cpu else (ratio, wall)
    return Line(
        case=case.name,
        contender=timing.contender,
        min_us=wall,
        median_us=statistics.median(timing.wall_us),
        cpu_us=cpu,
        ratio=ratio,
        cpu_ratio=cpu_ratio,
        goal=contender.goal,
        cpu_goal=contender.cpu_goal,
        goal_us=goal_us,
        met=_met((judged[0], contender.goal), (cpu_ratio, contender.cpu_goal), (judged[1], goal_us)),
        by_cpu=by_cpu,
    )


def _is_busy() -> bool:
    """Whether more wants to run than there are processors for it."""
    return os.getloadavg()[0] > (os.cpu_count() or 1)


def _met(*judged: tuple[float | None, float | None]) -> bool | None:
    """Return whether no value exceeds its goal; None where there is no goal."""
    verdicts = [value <= goal for value, goal in judged if value is not None and goal is not None]
    return all(verdicts) if verdicts else None


def machine() -> dict[str, str]:
    """Return what the figures depend on: versions, commit, processor, load."""
    here = Path(__file__).resolve().parents[2]
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=here,
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "python": platform.python_version(),
        "numpy": importlib.metadata.version("numpy"),
        "commit": commit.stdout.strip() or "none",
        "cpu": f"{_processor()}, {os.cpu_count()} cores",
        "load": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "judged": "by CPU time: the machine is busy" if _is_busy() else "by wall time",
    }


def _on_one_thread(module: str) -> None:
    """Start again with the variables that libraries read when they are loaded."""
    wanted = {name: value for name, value in os.environ.items() if name not in _SLOWING} | _ONE_THREAD
    if wanted != dict(os.environ):
        os.execve(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]], wanted)


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _calls_for_a_sample(contender: Contender) -> int:
    """Return how many calls last at least a sample."""
    calls = 1
    while True:
        started = time.perf_counter_ns()
        for turn in range(calls):
            contender.call(turn)
        elapsed = time.perf_counter_ns() - started
        if elapsed >= SAMPLE_NS:
            return calls
        calls = max(calls * 2, int(calls * SAMPLE_NS / max(elapsed, 1)))


def _sample(call: Callable[[int], object], first_turn: int, calls: int) -> tuple[float, float]:
    """Return wall and CPU time of a call in µs, over one sample."""
    cpu = time.process_time_ns()
    wall = time.perf_counter_ns()
    for turn in range(first_turn, first_turn + calls):
        call(turn)
    wall = time.perf_counter_ns() - wall
    cpu = time.process_time_ns() - cpu
    return wall / calls / 1000, cpu / calls / 1000


def _print_case(case: Case, lines: Sequence[Line]) -> None:
    print(f"\n{case.name}")
    print(f"  {'':34}{'min µs':>10}{'median':>10}{'CPU':>10}{'ratio':>9}{'of CPU':>9}  goal")
    for line in lines:
        ratios = [f"{ratio:.3f}" if ratio is not None else "" for ratio in (line.ratio, line.cpu_ratio)]
        print(
            f"  {line.contender:34}{line.min_us:10.1f}{line.median_us:10.1f}{line.cpu_us:10.1f}"
            f"{ratios[0]:>9}{ratios[1]:>9}  {_verdict(line)}".rstrip()
        )
    for figure in case.figures:
        print(figure.line())
    for name in case.missing:
        print(f"  {name:34}   missing")


def _verdict(line: Line) -> str:
    """Return the goals of a line and whether they are met."""
    named = [(line.goal, ""), (line.cpu_goal, " of CPU"), (line.goal_us, " µs")]
    goals = [f"≤ {goal:g}{what}" for goal, what in named if goal is not None]
    return f"{', '.join(goals)}: {'met' if line.met else 'MISSED'}" if goals else ""
