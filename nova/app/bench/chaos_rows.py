"""The rows of `nova bench chaos`: which part is broken, how, and what must hold while it is and after."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from nova.app import rooms
from nova.app.bench.chaos_faults import (
    Fault,
    engine_hung,
    engine_killed,
    hung,
    killed,
    resetting,
    slow,
)
from nova.app.bench.chaos_stage import POSTGRES, REDIS, Fitting, Stage, stage
from nova.app.callers import GATEWAY
from nova.app.processes import RELAY
from nova.platform.config import Config

READS_PERCENT: Final = 99.0
BACK_S: Final = 15.0
WARM_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One part, broken in one way. `reads_percent` of home feeds must be answered meanwhile, None: no objective.

    `answers`: the gateway is there, so that no request may go without an answer. `back_s`: until all is whole again.
    """

    part: str
    how: str
    fault: Fault
    reads_percent: float | None = READS_PERCENT
    answers: bool = True
    back_s: float = BACK_S

    @property
    def name(self) -> str:
        """As the table has it."""
        return f"{self.part} {self.how}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Rows that are played on one stage. `missing` says why this cannot be done here; None where it can."""

    rows: Sequence[Row]
    fitting: Fitting = field(default_factory=Fitting)
    missing: str | None = None

    def on(self, data: Path) -> AbstractAsyncContextManager[Stage]:
        """Run the platform for these rows."""
        return stage(data, self.fitting)


def acts_of(config: Config) -> Sequence[Act]:
    """Return all of them, with what cannot be done here."""
    return [_parts(), *_engines(config), _links()]


def _parts() -> Act:
    return Act(
        rows=[
            *(
                Row(
                    part=room,
                    how=how,
                    fault=fault(room),
                    # Nobody else has the feed; the rest of the page is there.
                    reads_percent=None if room == "feed" else READS_PERCENT,
                )
                for room in rooms.ROOMS
                for how, fault in (("killed", killed), ("hangs", hung))
            ),
            Row(part=RELAY, how="killed", fault=killed(RELAY)),
            Row(part=RELAY, how="hangs", fault=hung(RELAY)),
            Row(part=GATEWAY, how="killed", fault=killed(GATEWAY), reads_percent=None, answers=False),
        ]
    )


def _engines(config: Config) -> Sequence[Act]:
    given = {
        POSTGRES: ("NOVA_POSTGRES_URL", config.engines.postgres_url),
        REDIS: ("NOVA_REDIS_URL", config.engines.redis_url),
    }
    return [
        Act(
            rows=[
                Row(part=name, how="killed", fault=engine_killed(name), back_s=_back_s(name)),
                Row(part=name, how="hangs", fault=engine_hung(name), back_s=_back_s(name)),
            ],
            missing=None if url is None else f"{variable} names a server that is not ours to break",
        )
        for name, (variable, url) in given.items()
    ]


def _links() -> Act:
    return Act(
        rows=[
            Row(part=f"{name}, link", how=how, fault=fault(name), back_s=_back_s(name))
            for name in (POSTGRES, REDIS)
            for how, fault in (("slow", slow), ("reset", resetting))
        ],
        fitting=Fitting(linked=True),
    )


def _back_s(engine: str) -> float:
    return WARM_S if engine == REDIS else BACK_S
