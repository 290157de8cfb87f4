"""The rows of `nova bench chaos`: which part is broken, how, and what must hold while it is and after."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from nova.app import rooms
from nova.app.bench.chaos_faults import (
    Fault,
    both,
    engine_hung,
    engine_killed,
    hung,
    killed,
    killed_once,
    real_hung,
    real_killed,
    replica_behind,
    resetting,
    slow,
    spared,
)
from nova.app.bench.chaos_places import (
    clock_off,
    cut_off,
    full,
    linked,
    linked_to_real_engines,
    no_clocks,
    no_room_apart,
    no_small_disk,
    on_real_engines,
    on_small_disk,
    plain,
    with_clocks,
    with_room_apart,
)
from nova.app.bench.chaos_stage import POSTGRES, REDIS, Stage
from nova.app.bench.chaos_witnesses import Witness, arriving, cautious, nobody, serving
from nova.app.bench.real_engines import (
    KAFKA,
    NEO4J,
    OBJECTS,
    POOLER,
    PRIMARY,
    REAL_REDIS,
    REGISTRY,
    REPLICA,
    not_fetched,
)
from nova.app.callers import GATEWAY
from nova.app.processes import RELAY
from nova.platform.auth.epochs import SENSITIVE_AGE_S
from nova.platform.config import Config
from nova.platform.knobs import Secret

FAULT_S: Final = 4.0
HANGS_S: Final = 8.0
"""Longer than a home feed may take: who only waits until all is well again is late."""
READS_PERCENT: Final = 99.0
WRITES_PERCENT: Final = 99.0
BACK_S: Final = 15.0
WARM_S: Final = 60.0
_PAUSE_S: Final = 20.0
"""Longer than a relay waits for anything: another one has long taken its place, where there is another one."""
_BLIND_S: Final = SENSITIVE_AGE_S + 4
_WRITTEN_TO: Final = frozenset({"user", "graph", "content", "social"})
"""The rooms that a post, a like, a comment or a follow goes to, or asks."""
_STARTS_S: Final = 15.0
"""In which a room that was killed is to serve again, though an engine hangs that it may need."""


MayName = Callable[[str], bool]


def anything(_name: str) -> bool:
    """Whether it may be left out of a page, where much depends on what is broken."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One part, broken in one way. `reads_percent` of home feeds must be answered meanwhile, None: no objective.

    `writes_percent` of writes must be, None where some of them need what is broken. `may_name`: whether a page
    may say that something is left out of it. `without_feed`: the rest of a page will do.
    `answers`: the gateway is there, so that no request may go without an answer. `back_s`: until all is whole again.
    `walks`: the reader asks whom he might follow, too. `witness` does something else in the fault, which lasts
    `fault_s`.
    """

    part: str
    how: str
    fault: Fault
    reads_percent: float | None = READS_PERCENT
    writes_percent: float | None = None
    may_name: MayName = anything
    without_feed: bool = False
    answers: bool = True
    back_s: float = BACK_S
    walks: bool = False
    witness: Witness = nobody
    fault_s: float = FAULT_S

    @property
    def name(self) -> str:
        """As the table has it."""
        return f"{self.part} {self.how}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Rows that are played in one place. `missing()` says why they cannot be played here; None where they can."""

    rows: Sequence[Row]
    place: Callable[[Path], AbstractAsyncContextManager[Stage]] = plain
    missing: Callable[[], str | None] = lambda: None


def acts_of(config: Config) -> Sequence[Act]:
    """Return all of them, with what cannot be done here."""
    return [
        _parts(),
        *_engines(config),
        _real(),
        _real_links(),
        _links(),
        _disk(config),
        _clocks(),
        *_apart(config),
    ]


def _parts() -> Act:
    return Act(
        rows=[
            Row(part="nothing", how="broken", fault=spared, writes_percent=WRITES_PERCENT, may_name=_nothing),
            *(
                _room(room, how, fault(room), fault_s)
                for room in rooms.ROOMS
                for how, fault, fault_s in (("killed", killed, FAULT_S), ("hangs", hung, HANGS_S))
            ),
            *(
                Row(
                    part=RELAY,
                    how=how,
                    fault=fault,
                    writes_percent=WRITES_PERCENT,
                    may_name=_nothing,
                    fault_s=fault_s,
                )
                for how, fault, fault_s in (
                    ("killed", killed(RELAY), FAULT_S),
                    ("hangs", hung(RELAY), HANGS_S),
                    ("hangs long", hung(RELAY), _PAUSE_S),
                )
            ),
            *(
                Row(part=GATEWAY, how=how, fault=fault(GATEWAY), reads_percent=None, answers=False)
                for how, fault in (("killed", killed), ("hangs", hung))
            ),
            Row(
                part="identity",
                how="away for long",
                fault=killed("identity"),
                writes_percent=WRITES_PERCENT,
                may_name=_nothing,
                witness=cautious,
                fault_s=_BLIND_S,
            ),
        ]
    )


def _room(room: str, how: str, fault: Fault, fault_s: float) -> Row:
    """Return a row in which a room is missing: the page without it, and the writes that do not need it."""
    return Row(
        part=room,
        how=how,
        fault=fault,
        writes_percent=None if room in _WRITTEN_TO else WRITES_PERCENT,
        may_name=partial(_no_other_room, room),
        without_feed=room == "feed",
        fault_s=fault_s,
    )


def _engines(config: Config) -> Sequence[Act]:
    given = {
        POSTGRES: ("NOVA_POSTGRES_URL", config.engines.postgres_url),
        REDIS: ("NOVA_REDIS_URL", config.engines.redis_url),
    }
    return [
        Act(
            rows=[
                *_killed_and_hung(name, engine_killed(name), engine_hung(name)),
                *(_started_without(name, engine_hung(name), "content", "feed") if name == REDIS else ()),
            ],
            missing=partial(_theirs, variable, url),
        )
        for name, (variable, url) in given.items()
    ]


def _killed_and_hung(engine: str, killed: Fault, hung: Fault) -> Sequence[Row]:
    return [
        Row(
            part=engine,
            how=how,
            fault=fault,
            writes_percent=_writes_percent(engine),
            may_name=_may_name(engine),
            back_s=_back_s(engine),
            walks=engine == NEO4J,
            fault_s=fault_s,
        )
        for how, fault, fault_s in (("killed", killed, FAULT_S), ("hangs", hung, HANGS_S))
    ]


def _started_without(engine: str, fault: Fault, *names: str) -> Sequence[Row]:
    return [
        Row(
            part=f"{engine} hangs,",
            how=f"{room} killed",
            fault=both(fault, killed_once(room)),
            reads_percent=None,
            back_s=WARM_S,
            witness=serving(room, after_s=_STARTS_S),
            fault_s=_STARTS_S + 3,
        )
        for room in names
    ]


def _real() -> Act:
    return Act(
        rows=[
            Row(
                part="real engines",
                how="unbroken",
                fault=spared,
                writes_percent=WRITES_PERCENT,
                may_name=_nothing,
            ),
            *(
                row
                for name in (REPLICA, POOLER, PRIMARY, REAL_REDIS, KAFKA, REGISTRY, NEO4J, OBJECTS)
                for row in _killed_and_hung(name, real_killed(name), real_hung(name))
            ),
            Row(
                part=REPLICA,
                how="lags",
                fault=replica_behind,
                writes_percent=WRITES_PERCENT,
                may_name=_nothing,
            ),
            *_started_without(KAFKA, real_hung(KAFKA), "content"),
        ],
        place=on_real_engines,
        missing=not_fetched,
    )


def _real_links() -> Act:
    return Act(
        rows=[
            Row(
                part=f"{name}, link",
                how=how,
                fault=fault(name),
                writes_percent=_writes_percent(name),
                may_name=_may_name(name),
                walks=name == NEO4J,
            )
            for name in (REPLICA, POOLER, KAFKA, NEO4J)
            for how, fault in (("slow", slow), ("reset", resetting))
        ],
        place=linked_to_real_engines,
        missing=not_fetched,
    )


def _links() -> Act:
    return Act(
        rows=[
            Row(
                part=f"{name}, link",
                how=how,
                fault=fault(name),
                writes_percent=_writes_percent(name),
                back_s=_back_s(name),
            )
            for name in (POSTGRES, REDIS)
            for how, fault in (("slow", slow), ("reset", resetting))
        ],
        place=linked,
    )


def _disk(config: Config) -> Act:
    return Act(
        rows=[Row(part="disk", how="full", fault=full)],
        place=on_small_disk,
        missing=lambda: _elsewhere(config) or no_small_disk(),
    )


def _clocks() -> Act:
    return Act(
        rows=[
            Row(
                part="all clocks" if part is None else f"{part}, clock",
                how=f"{minutes:+d} min",
                fault=partial(clock_off, minutes=minutes, part=part),
                writes_percent=WRITES_PERCENT,
                may_name=_nothing,
                witness=arriving,
            )
            for part in (None, "identity", "content", GATEWAY, RELAY)
            for minutes in (5, -5)
        ],
        place=with_clocks,
        missing=no_clocks,
    )


def _apart(config: Config) -> Sequence[Act]:
    return [
        Act(
            rows=[_room(room, "partitioned", partial(cut_off, room=room), HANGS_S)],
            place=partial(with_room_apart, room=room),
            missing=lambda: _elsewhere(config) or no_room_apart(),
        )
        for room in rooms.ROOMS
    ]


def _theirs(variable: str, url: Secret | None) -> str | None:
    return None if url is None else f"{variable} names a server that is not ours to break"


def _elsewhere(config: Config) -> str | None:
    engines = config.engines
    return _theirs("NOVA_POSTGRES_URL", engines.postgres_url) or _theirs("NOVA_REDIS_URL", engines.redis_url)


def _back_s(engine: str) -> float:
    return WARM_S if engine in (REDIS, REAL_REDIS) else BACK_S


def _writes_percent(engine: str) -> float | None:
    """Return the objective of writes without an engine: nothing is written to what only reads, caches or hears."""
    return None if engine in (POSTGRES, PRIMARY, POOLER) else WRITES_PERCENT


def _may_name(engine: str) -> MayName:
    """Return what may be left out: no page waits for the log or a picture, and memory walks where Neo4j does not."""
    return _nothing if engine in (REPLICA, KAFKA, REGISTRY, NEO4J, OBJECTS) else anything


def _nothing(_name: str) -> bool:
    """Whether it may be left out of a page that does not need what is broken."""
    return False


def _no_other_room(room: str, name: str) -> bool:
    """Whether it may be left out without a room: the room, and sources of a feed, which have names of their own."""
    return name == room or name not in rooms.ROOMS
