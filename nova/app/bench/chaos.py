"""Each part broken in turn under load: what goes on, what is left out and said, how it comes back, what is lost.

A row is played by people of its own: some write, under idempotency keys, until each act is answered; one reads the home
feed. When the part is whole again, and every event has had its effect, all that can be seen is compared with what was
acknowledged.
"""

import asyncio
import itertools
import shutil
import tempfile
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from nova.app.bench.chaos_load import WHOLE_S, Crowd, Reader, Written, crowd
from nova.app.bench.chaos_rows import FAULT_S, HANGS_S, Act, Row, acts_of
from nova.app.bench.chaos_stage import Stage
from nova.app.bench.chaos_witnesses import InFault
from nova.app.bench.figures import Figure, Result, quantile
from nova.app.bench.neo4j_follows import compared_follows
from nova.app.bench.open_loop import Load, at_rate
from nova.app.bench.own_nova import described
from nova.app.bench.proof import Found, drained, proof
from nova.app.progress import progress
from nova.platform.config import Config, World
from nova.platform.errors import InvalidArgument, NovaError, Timeout, Unavailable
from nova.platform.rpc.call import DEFAULT_TIMEOUT_S

READS_A_S: Final = 10.0
READ_S: Final = DEFAULT_TIMEOUT_S + 1
"""A home feed that takes longer has not come: by then the gateway has long given up whatever it waited for."""

WRITES_A_S: Final = 4.0
"""So many at least are answered where writes go on: a quarter of what four people do who think for 0.2 s."""

_BEFORE_S: Final = 2.0
_SOON_S: Final = 0.25
_PATIENCE_S: Final = 30.0
_LOOK_EVERY_S: Final = 0.1
_TOLD: Final = 2
"""So many sentences are printed of whatever was not right."""

_NOTES: Final = (
    f"A fault begins once every page of {_BEFORE_S:g} s has come, 95 % within {_SOON_S:g} s;",
    f"  after {_PATIENCE_S:g} s, however late. It lasts {FAULT_S:g} s, what hangs {HANGS_S:g} s, or as the row needs;",
    "  it looks itself whether what it breaks is broken.",
    "  What is killed is killed again whenever it serves; its keeper starts it.",
    "  A real engine that is killed is started after that time, and the fault ends once it answers.",
    f"reads: home feeds that came within {READ_S:g} s, of those asked for in the fault, also with something left out",
    "  that is named; without feed it is the rest of the page.",
    "named: what they said was left out, of which the row must allow each. silent: missing, and nothing said so.",
    "acked: writes; each is sent until it is answered. in fault: of these in it. writes: that of all sent in it.",
    "refused: UNAVAILABLE or TIMEOUT, then sent again.",
    "no answer: requests without one. wrong: any other code. lost, doubled: seen less, or more, than acked.",
    "  Where Neo4j is, it must hold what the ledger does: another hash is a loss and a double.",
    "  An event that became a dead letter is lost.",
    "unproved: the row came to no end, so that nothing was compared; then lost and doubled stay empty.",
    "back: from the end of the fault until all serves, a page is whole, and a new post gets into a feed.",
    "wrong, too: what a row's witness met: who signs in under wrong clocks, a moderator's act while identity is away,",
    "  a killed room that does not start while Redis or Kafka hangs; and what is named that is not broken.",
    "Goals: reads ≥ 99 % but for the gateway, writes ≥ 99 % where they do not need what is broken;",
    "  silent, wrong, lost, doubled, unproved 0; no answer 0 but for the gateway; back ≤ 15 s, of Redis ≤ 60 s.",
)


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of one row. `failure` says why it came to no end; `found` is there only once all was compared."""

    row: Row
    people: Crowd | None = None
    reads: Load | None = None
    written: Written | None = None
    found: Found | None = None
    back_s: float = WHOLE_S
    failure: str | None = None


async def chaos(config: Config, only: str = "") -> Result:
    """Play all rows, or those whose names hold `only`.

    Raises `InvalidArgument` where there are none, and `Unavailable` where this machine allows none of them.
    """
    told, where = progress(quiet=False), described(World.NONE, processes=True)
    figures: list[Figure] = []
    remarks: dict[str, str] = {}
    acts = chosen(acts_of(config), only)
    for act in acts:
        if (missing := act.missing()) is not None:
            remarks |= {row.name: f"not done here: {missing}" for row in act.rows}
            continue
        waiting = deque(act.rows)
        while waiting:
            told.step(f"Starting the platform for {len(waiting)} rows")
            for outcome in await _played(act, waiting, where):
                figures += figures_of(outcome)
                remarks[outcome.row.name] = remark_of(outcome)
    if not figures:
        raise Unavailable(f"No row can be played here: {'; '.join(sorted(set(remarks.values())))}.")
    return Result(
        benchmark="chaos",
        machine=where,
        figures=figures,
        notes=_NOTES,
        by_case=True,
        remarks=remarks,
    )


def chosen(acts: Sequence[Act], only: str) -> Sequence[Act]:
    """Return the acts with those rows alone whose names hold `only`. Raises `InvalidArgument`."""
    found = [replace(act, rows=[row for row in act.rows if only.lower() in row.name.lower()]) for act in acts]
    found = [act for act in found if act.rows]
    if not found:
        names = "; ".join(row.name for act in acts for row in act.rows)
        raise InvalidArgument(f"No row of chaos has {only!r} in its name. They are: {names}.")
    return found


async def _played(act: Act, waiting: "deque[Row]", where: dict[str, str]) -> list[Outcome]:
    """Play rows on one stage, until there are no more, or one has left it in ruins; `where` is told its engines.

    Where it does not even stand, none of its rows is proved.
    """
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="nova-chaos-") as folder:
        try:
            async with act.place(Path(folder) / "data") as stage:
                where |= {"real engines": stage.versions} if stage.versions else {}
                await _play(stage, waiting, outcomes)
        except NovaError as error:
            why = f"The platform does not start, or end: {error.message}"
            outcomes += [Outcome(row=row, failure=why) for row in waiting]
            waiting.clear()
    return outcomes


async def _play(stage: Stage, waiting: "deque[Row]", outcomes: list[Outcome]) -> None:
    told, numbers = progress(quiet=False), itertools.count()
    while waiting and not (outcomes and outcomes[-1].failure):
        row = waiting.popleft()
        told.step(row.name)
        outcomes.append(await _measured(stage, row, numbers))


async def _measured(stage: Stage, row: Row, numbers: "itertools.count[int]") -> Outcome:
    outcome = Outcome(row=row)
    try:
        people = outcome.people = await crowd(stage, numbers, walks=row.walks, rest=row.without_feed)
        in_fault = await row.witness(people)
        async with people.writing(), _reading(people.reader, outcome) as reading:
            await calm(people.reader)
            before = people.written
            async with row.fault(stage):
                reading.begin()
                await _witnessed(in_fault, row.fault_s)
            healed, outcome.written = time.monotonic(), people.written.since(before)
            reading.end()
            await people.becomes_whole()
            outcome.back_s = time.monotonic() - healed
        await _drained(stage)
        outcome.found = await _compared(stage, people)
    except NovaError as error:
        outcome.failure = f"{error.message} Its logs: {_kept(stage.below.log.path.parent)}"
    return outcome


class _Reading:
    """Home feeds that are asked for from one moment to another."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._ended = asyncio.Event()
        self._load: asyncio.Task[Load] | None = None

    def begin(self) -> None:
        """Ask from now on."""
        most = int(READS_A_S * WHOLE_S)
        self._load = asyncio.create_task(
            at_rate(self._reader.read, rate=READS_A_S, calls=most, ended=self._ended)
        )

    def end(self) -> None:
        """Ask no more."""
        self._ended.set()

    async def load(self) -> Load | None:
        """Return what came of all that was asked for, once that is known; None where nothing was."""
        return None if self._load is None else await self._load


@asynccontextmanager
async def _reading(reader: Reader, outcome: Outcome) -> AsyncIterator[_Reading]:
    """Yield what reads; what came of it goes to the outcome, however the block ends."""
    reading = _Reading(reader)
    try:
        yield reading
    finally:
        reading.end()
        outcome.reads = await reading.load()


async def _witnessed(in_fault: InFault, fault_s: float) -> None:
    """Return when a fault has lasted long enough; what was to be done in it is done or broken off."""
    looking = asyncio.ensure_future(in_fault())
    await asyncio.sleep(fault_s)
    looking.cancel()
    with suppress(asyncio.CancelledError):
        await looking


async def _compared(stage: Stage, people: Crowd) -> Found:
    """Compare all that can be seen with what was acknowledged. Raises `Timeout` where there is nothing to compare."""
    found = await proof(stage.asks, people.everybody, people.reacted_to)
    found.lost += await stage.newly_buried()
    if stage.neo4j_url is not None:
        follows = await compared_follows(stage.below.sources, stage.neo4j_url)
        found.compare("follows in Neo4j", expected=[follows.from_truth], seen=[follows.in_use])
    return found


async def calm(reader: Reader) -> None:
    """Read until every page of some seconds comes, and soon: what a start, or the row before, left to do is over.

    An engine in Java that has just started takes a core for its compiler. Where pages stay late, the machine is not
    this one's alone: then all that come will do.
    """
    began, early = time.monotonic(), replace(reader, rest=False, named={}, silent=[], wrong=[])
    while True:
        load = await at_rate(early.read, rate=READS_A_S, calls=int(READS_A_S * _BEFORE_S))
        waited_s = time.monotonic() - began
        if load.holds(_SOON_S) or (not load.errors and waited_s > _PATIENCE_S):
            return
        if waited_s > WHOLE_S:
            raise Timeout(f"The platform does not answer all pages after {WHOLE_S:g} s, with nothing broken.")


def _kept(logs: Path) -> Path:
    """Copy a folder of logs to where it outlives the platform; return where."""
    kept = Path(tempfile.mkdtemp(prefix="nova-chaos-"))
    shutil.copytree(logs, kept, dirs_exist_ok=True)
    return kept


async def _drained(stage: Stage) -> None:
    until = time.monotonic() + WHOLE_S
    while not await drained(stage.below.sources):
        if time.monotonic() > until:
            raise Timeout(f"Not every event had its effect {WHOLE_S:g} s after.")
        await asyncio.sleep(_LOOK_EVERY_S)


def figures_of(outcome: Outcome) -> list[Figure]:
    """Return what is told of a row."""
    row, people, reads, found = outcome.row, outcome.people, outcome.reads, outcome.found
    name, figures = row.name, []
    ends = [
        Figure(name=f"{name}, unproved", value=int(found is None), unit="", goal=0),
        Figure(name=f"{name}, back", value=outcome.back_s, unit="s", goal=row.back_s),
    ]
    if people is None:
        return ends
    writers = people.everybody
    if reads is not None:
        soon = sum(seconds <= READ_S for seconds in reads.seconds)
        share = 100 * soon / (len(reads.seconds) + len(reads.errors))
        figures.append(Figure(name=f"{name}, reads", value=share, unit="%", least=row.reads_percent))
        if reads.seconds:
            figures.append(Figure(name=f"{name}, p95", value=quantile(reads.seconds, 0.95) * 1000, unit="ms"))
    if outcome.written is not None:
        figures += _written(row, outcome.written)
    counts: dict[str, tuple[int, float | None]] = {
        "silent": (len(people.reader.silent), 0),
        "acked": (sum(len(writer.acts) for writer in writers), None),
        "refused": (sum(writer.told.refused.total() for writer in writers), None),
        "no answer": (sum(writer.told.unanswered for writer in writers), 0 if row.answers else None),
        "wrong": (len(_wrong(row, people)), 0),
    }
    if found is not None:
        counts |= {"lost": (len(found.lost), 0), "doubled": (len(found.doubled), 0)}
    figures += [
        Figure(name=f"{name}, {column}", value=count, unit="", goal=goal)
        for column, (count, goal) in counts.items()
    ]
    return [*figures, *ends]


def _written(row: Row, written: Written) -> list[Figure]:
    """Return how many writes were answered in the fault, and their share of all that was sent in it."""
    sent = written.acked + written.refused
    # Of nothing that was sent nothing was answered.
    share = 100 * written.acked / sent if sent else 0.0
    least = None if row.writes_percent is None else int(WRITES_A_S * row.fault_s)
    return [
        Figure(name=f"{row.name}, writes", value=share, unit="%", least=row.writes_percent),
        Figure(name=f"{row.name}, in fault", value=written.acked, unit="", least=least),
    ]


def remark_of(outcome: Outcome) -> str:
    """Return in words what was named, and the first of whatever was not right."""
    people, failure, found = outcome.people, outcome.failure, outcome.found or Found()
    if people is None:
        return failure or ""
    unanswered = Counter(error.message for error in outcome.reads.errors) if outcome.reads else Counter[str]()
    not_right = {
        "reads": [f"{many} times {why}" for why, many in unanswered.most_common()],
        "silent": people.reader.silent,
        "wrong": _wrong(outcome.row, people),
        "lost": found.lost,
        "doubled": found.doubled,
    }
    sentences = [f"{what}: {one}" for what, many in not_right.items() for one in many[:_TOLD]]
    named = ", ".join(people.reader.named) or "nothing"
    return "; ".join([f"named: {named}", *([failure] if failure else []), *sentences])


def _wrong(row: Row, people: Crowd) -> list[str]:
    reader = people.reader
    return [
        *reader.wrong,
        *(one for writer in people.everybody for one in writer.told.wrong),
        *(f"{name} is left out, which is not broken" for name in reader.named if not row.may_name(name)),
    ]
