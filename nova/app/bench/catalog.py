"""The benchmarks by name."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import click

from nova.app.bench import beside
from nova.app.bench.chaos import chaos
from nova.app.bench.events import events
from nova.app.bench.figures import Result
from nova.app.bench.overload import overload
from nova.app.bench.promises import promises
from nova.app.bench.rooms import rooms
from nova.app.bench.storm import storm
from nova.app.bench.tour import tour
from nova.app.cli_command import MISSED
from nova.platform.config import Config
from nova.platform.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """One benchmark. `in_processes` measures the other shape of the platform, where that is something else.

    `measure_some` measures only the cases whose names hold a text, where there are many.
    """

    name: str
    sentence: str
    measure: Callable[[Config], Awaitable[Result]]
    in_processes: Callable[[Config], Awaitable[Result]] | None = None
    measure_some: Callable[[Config, str], Awaitable[Result]] | None = None


async def _beside(name: str, _config: Config) -> Result:
    """Run a benchmark of the repository, which brings the engines that it needs."""
    return await beside.measure(name)


BENCHMARKS: Final = {
    benchmark.name: benchmark
    for benchmark in (
        Benchmark(
            name="tour",
            sentence="a newcomer's first minutes: start, sign-in, home feed, 200 posts seen by a follower",
            measure=tour,
        ),
        Benchmark(
            name="rooms",
            sentence="each room at its own gRPC port, at a constant rate; --processes: a process a room, mutual TLS",
            measure=rooms,
            in_processes=partial(rooms, processes=True),
        ),
        Benchmark(
            name="events",
            sentence="from a commit to its effects in other rooms, by topic: 14 kinds of deeds at a constant rate",
            measure=events,
        ),
        Benchmark(
            name="storm",
            sentence="1,000 clients through PgBouncer, five copies of each room among them, on `make engines`",
            measure=storm,
        ),
        Benchmark(
            name="promises",
            sentence="how soon what has ended is refused at every door, a block hides, and what a forgery costs",
            measure=promises,
            in_processes=partial(promises, processes=True),
        ),
        Benchmark(
            name="overload",
            sentence="five times the home pages that can be served: what is answered, and how soon",
            measure=overload,
            in_processes=partial(overload, processes=True),
        ),
        Benchmark(
            name="chaos",
            sentence="each part killed, hung or cut off under load: what goes on, what is lost; --only chooses rows",
            measure=chaos,
            measure_some=chaos,
        ),
        *(
            Benchmark(name=name, sentence=sentence, measure=partial(_beside, name))
            for name, sentence in beside.sentences().items()
        ),
    )
}


async def run_benchmark(
    config: Config, name: str, *, processes: bool, only: str | None = None, as_json: bool
) -> int:
    """Run a benchmark and print what it found; 3 when an objective is missed. Raises `NotFound`.

    Raises `click.UsageError` for `processes` where a benchmark has one shape only, and for `only` where it has no
    cases to choose from.
    """
    if name not in BENCHMARKS:
        raise NotFound(f"There is no benchmark {name!r}: use one of {', '.join(BENCHMARKS)}.")
    chosen = BENCHMARKS[name]
    measure = chosen.in_processes if processes else chosen.measure
    if measure is None:
        raise click.UsageError(f"{name} has one shape only: leave --processes out.")
    if only is None:
        result = await measure(config)
    elif chosen.measure_some is None:
        raise click.UsageError(f"{name} has no cases to choose from: leave --only out.")
    else:
        result = await chosen.measure_some(config, only)
    click.echo(json.dumps(result.document()) if as_json else result.table())
    return 0 if result.met else MISSED
