"""Overload: five times as many home pages as can be served, and what becomes of those that are let in.

First the peak is sought: more and more pages a second, until what is answered no longer grows. Then five times the
peak arrives, by a schedule that waits for nobody; then half of it.
"""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from nova.app.bench.client import Client, Clients
from nova.app.bench.figures import Figure, Result, quantile
from nova.app.bench.open_loop import at_rate
from nova.app.bench.own_nova import SHEDDING_ALONE, OwnNova, described, own_nova
from nova.app.bench.tour import HOME
from nova.app.bench.visitors import followers, signed_in
from nova.app.bench.writers import LOST_ANSWERS
from nova.platform.config import Config, World
from nova.platform.errors import Internal, InvalidArgument

READERS: Final = 20
FIRST_RATE: Final = 10.0
STEP: Final = 1.35
STEP_S: Final = 12.0
TIMES: Final = 5
OVERLOAD_S: Final = 20.0
AFTERWARDS_S: Final = 12.0
ONSET_S: Final = 2.0
"""So long a load is not judged: it is not yet known to be too much."""

_SLO_MS: Final = 120.0
_MOST_CONNECTIONS: Final = 2000
_NOTES: Final = (
    "A page is timed from when it was due; answered: whole pages, their latencies are of these alone.",
    "The client takes its part of the same cores.",
)


class Outcome(Enum):
    """What came of a visit. `REFUSED` said so at once, and when to come again."""

    ANSWERED = "answered"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One page that was asked for, `due_s` after its load began, and answered or not within `took_s`."""

    due_s: float
    took_s: float
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """The visits of a load of `seconds` at a constant rate."""

    seconds: float
    visits: Sequence[Visit]

    def times(self, outcome: Outcome, *, from_s: float = ONSET_S) -> list[float]:
        """Return the seconds of each visit with this outcome that was due from `from_s` on."""
        return [visit.took_s for visit in self.visits if visit.due_s >= from_s and visit.outcome is outcome]

    def goodput(self) -> float:
        """Return the pages a second that were answered, of those that were due after the onset."""
        return len(self.times(Outcome.ANSWERED)) / (self.seconds - ONSET_S)

    def last_trouble_s(self) -> float:
        """Return when the last visit was due that was not answered; 0 where all were."""
        troubled = (visit.due_s for visit in self.visits if visit.outcome is not Outcome.ANSWERED)
        return max(troubled, default=0.0)


async def overload(config: Config, *, processes: bool = False) -> Result:
    """Start a Nova in a folder of its own, with its limits, and ask too much of it."""
    world = config.server.world
    if world is World.NONE:
        raise InvalidArgument("Pages need people: unset NOVA_WORLD, or choose small, medium or big.")
    where = described(world, processes=processes)
    options = ["--processes"] if processes else []
    with tempfile.TemporaryDirectory(prefix="nova-bench-") as folder:
        async with own_nova(Path(folder) / "data", world, *options, knobs=SHEDDING_ALONE) as nova:
            clients = Clients(nova.graphql, most=_MOST_CONNECTIONS)
            try:
                figures = await _figures(Readers(clients, await _tokens(nova)))
            finally:
                await clients.aclose()
    return Result(benchmark="overload", machine=where, figures=figures, notes=_NOTES)


async def _tokens(nova: OwnNova) -> Sequence[str]:
    client = await Client.connect(nova.graphql)
    try:
        author = nova.handles[0]
        token = await signed_in(client, author, nova.password)
        handles = await followers(client, token, author, most=READERS)
        return [await signed_in(client, handle, nova.password) for handle in handles]
    finally:
        await client.aclose()


class Readers:
    """People who ask for their home page, one after another."""

    def __init__(self, clients: Clients, tokens: Sequence[str]) -> None:
        self._clients = clients
        self._tokens = tokens

    async def come(self, rate: float, seconds: float) -> Wave:
        """Ask for `rate` pages a second."""
        visits: list[Visit] = []
        began = time.perf_counter()

        async def visit(number: int) -> None:
            outcome = await self._asked(self._tokens[number % len(self._tokens)])
            due_s = number / rate
            took_s = time.perf_counter() - began - due_s
            visits.append(Visit(due_s=due_s, took_s=took_s, outcome=outcome))

        await at_rate(visit, rate=rate, calls=max(int(rate * seconds), 1))
        return Wave(seconds=seconds, visits=visits)

    async def _asked(self, token: str) -> Outcome:
        try:
            answer = await self._clients.exchange(HOME, token=token)
        except LOST_ANSWERS:
            return Outcome.FAILED
        if "errors" not in answer and answer["data"]["homeFeed"]["edges"]:
            return Outcome.ANSWERED
        reasons = {error["extensions"].get("reason") for error in answer.get("errors", [])}
        return Outcome.REFUSED if reasons == {"TOO_BUSY"} else Outcome.FAILED


async def _figures(readers: Readers) -> list[Figure]:
    for _ in range(2):  # what is cold is not measured here
        await readers.come(FIRST_RATE, READERS / FIRST_RATE)
    peak = await _peak(readers)
    over = await readers.come(peak * TIMES, OVERLOAD_S)
    after = await readers.come(peak / 2, AFTERWARDS_S)
    return figures_of(peak, over, after)


async def _peak(readers: Readers) -> float:
    """Return the most pages a second that were answered, at any rate up to the first that was far too high."""
    rate, best = FIRST_RATE, 0.0
    while True:
        found = (await readers.come(rate, STEP_S)).goodput()
        best = max(best, found)
        if found < rate / STEP:
            return best
        rate *= STEP


def figures_of(peak: float, over: Wave, after: Wave) -> list[Figure]:
    """Return what is told. Raises `Internal` where nothing was answered."""
    answered, afterwards = over.times(Outcome.ANSWERED), after.times(Outcome.ANSWERED)
    if not answered or not afterwards:
        raise Internal("Under overload not one page was answered.")
    refused = over.times(Outcome.REFUSED)
    onset = [
        visit.took_s for visit in over.visits if visit.due_s < ONSET_S and visit.outcome is Outcome.ANSWERED
    ]
    figures = [
        Figure(name="peak", value=peak, unit="/s"),
        Figure(name="offered", value=len(over.visits) / over.seconds, unit="/s"),
        Figure(name="goodput", value=over.goodput(), unit="/s"),
        Figure(name="goodput, of the peak", value=over.goodput() / peak * 100, unit="%", least=80),
        Figure(name="answered, p50", value=quantile(answered, 0.5) * 1000, unit="ms"),
        Figure(name="answered, p99", value=quantile(answered, 0.99) * 1000, unit="ms", goal=2 * _SLO_MS),
        Figure(name="failed", value=len(over.times(Outcome.FAILED, from_s=0)), unit="", goal=0),
        Figure(name="back to normal after", value=after.last_trouble_s(), unit="s", goal=10),
        Figure(name="afterwards, p50", value=quantile(afterwards, 0.5) * 1000, unit="ms"),
    ]
    if onset:
        figures.append(Figure(name="answered in the onset, max", value=max(onset) * 1000, unit="ms"))
    if refused:
        figures.append(Figure(name="refused, p50", value=quantile(refused, 0.5) * 1000, unit="ms"))
    return figures
