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
from nova.app.bench.strangers import strangers
from nova.app.bench.tour import tour
from nova.app.cli_command import MISSED
from nova.platform.config import Config
from nova.platform.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """One benchmark. `takes` are the options that change what it measures: `measure` has them by name.

    processes: in the other shape of the platform. real: on the real engines. only: the cases whose names hold a text.
    """

    name: str
    sentence: str
    measure: Callable[..., Awaitable[Result]]
    takes: frozenset[str] = frozenset()


async def _beside(name: str, _config: Config) -> Result:
    """Run a benchmark of the repository, which brings the engines that it needs."""
    return await beside.measure(name)


_SHAPES: Final = frozenset({"processes"})
_ENGINES: Final = frozenset({"real"})

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
            takes=_SHAPES | _ENGINES,
        ),
        Benchmark(
            name="events",
            sentence="from a commit to its effects in other rooms, by topic: 19 kinds of deeds at a constant rate",
            measure=events,
            takes=_SHAPES | _ENGINES,
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
            takes=_SHAPES,
        ),
        Benchmark(
            name="strangers",
            sentence="who is refused at the port of every room: no certificate, a strange or an old one, no good token",
            measure=strangers,
        ),
        Benchmark(
            name="overload",
            sentence="five times the home pages that can be served: what is answered, and how soon",
            measure=overload,
            takes=_SHAPES,
        ),
        Benchmark(
            name="chaos",
            sentence="each part killed, hung or cut off under load: what goes on, what is lost; --only chooses rows",
            measure=chaos,
            takes=frozenset({"only"}),
        ),
        *(
            Benchmark(name=name, sentence=sentence, measure=partial(_beside, name))
            for name, sentence in beside.sentences().items()
        ),
    )
}


async def run_benchmark(config: Config, name: str, *, as_json: bool, **options: object) -> int:
    """Run a benchmark and print what it found; 3 when an objective is missed. Raises `NotFound`.

    `options` are those of the command; False and None: not given. Raises `click.UsageError` for one that changes
    nothing of this benchmark.
    """
    if name not in BENCHMARKS:
        raise NotFound(f"There is no benchmark {name!r}: use one of {', '.join(BENCHMARKS)}.")
    chosen = BENCHMARKS[name]
    given = {option: value for option, value in options.items() if value not in (False, None)}
    for option in given.keys() - chosen.takes:
        raise click.UsageError(f"{name} knows no --{option}: leave it out.")
    result = await chosen.measure(config, **given)
    click.echo(json.dumps(result.document()) if as_json else result.table())
    return 0 if result.met else MISSED
