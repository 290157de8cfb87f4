"""The chaos table, on made data: which rows there are, what a row tells, and links that are slow or cut."""

import contextlib
import itertools
from collections import deque
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock

import pytest

from nova.app.bench import chaos
from nova.app.bench.catalog import run_benchmark
from nova.app.bench.chaos import Outcome, chosen, figures_of, remark_of
from nova.app.bench.chaos_faults import killed, spared
from nova.app.bench.chaos_load import POSTS, Crowd, Reader, Written
from nova.app.bench.chaos_rows import Act, Row, acts_of
from nova.app.bench.chaos_stage import Stage
from nova.app.bench.client import Clients
from nova.app.bench.figures import Figure
from nova.app.bench.open_loop import Load
from nova.app.bench.proof import Found
from nova.app.bench.town import Person
from nova.app.bench.writers import Told
from nova.app.rooms import ROOMS
from nova.platform.config import Config
from nova.platform.configure import load
from nova.platform.errors import InvalidArgument, Timeout, Unavailable
from tests.unit.app.bench.pages import error, page, reader


def names(acts: "list[Act]") -> list[str]:
    return [row.name for act in acts for row in act.rows]


def test_every_part_is_broken() -> None:
    found = names(list(acts_of(Config())))
    assert len(found) == len(set(found))
    assert {
        f"{part} {how}" for part in (*ROOMS, "relay", "PostgreSQL", "Redis") for how in ("killed", "hangs")
    } < {*found}
    assert {"gateway killed", "PostgreSQL, link slow", "Redis, link reset", "disk full"} < {*found}
    clocks = {
        f"{part}, clock {minutes} min"
        for part in ("identity", "gateway", "relay")
        for minutes in ("+5", "-5")
    }
    assert {"all clocks +5 min", *clocks, *(f"{room} partitioned" for room in ROOMS)} < {*found}
    assert {"gateway hangs", "relay hangs long", "identity away for long", "real replica lags"} < {*found}
    links = {
        f"real {part}, link {how}"
        for part in ("replica", "PgBouncer", "Kafka", "Neo4j")
        for how in ("slow", "reset")
    }
    assert links < {*found}


def test_rows_are_chosen_by_a_part_of_their_names() -> None:
    acts = acts_of(Config())
    assert names(list(chosen(acts, "redis"))) == [
        "Redis killed",
        "Redis hangs",
        "Redis hangs, content killed",
        "Redis hangs, feed killed",
        "real Redis killed",
        "real Redis hangs",
        "Redis, link slow",
        "Redis, link reset",
    ]
    with pytest.raises(InvalidArgument, match="They are: nothing broken; identity killed; "):
        chosen(acts, "no such part")


def test_what_a_page_may_leave_out_follows_from_what_is_broken() -> None:
    rows = {row.name: row for act in acts_of(Config()) for row in act.rows}
    named = ("social", "graph", "slates")
    for name, allowed in {
        "social hangs": {"social", "slates"},
        "graph partitioned": {"graph", "slates"},
        "relay hangs": set(),
        "real Kafka killed": set(),
        "all clocks +5 min": set(),
        "PostgreSQL hangs": {*named},
    }.items():
        assert {one for one in named if rows[name].may_name(one)} == allowed, name


def test_writes_have_an_objective_where_they_do_not_need_what_is_broken() -> None:
    needed = {row.name for act in acts_of(Config()) for row in act.rows if row.writes_percent is None}
    assert {"social killed", "content partitioned", "PostgreSQL hangs", "real PgBouncer killed"} < needed
    assert not needed & {
        "feed hangs",
        "Redis killed",
        "relay killed",
        "real Kafka hangs",
        "real Neo4j killed",
    }


def test_an_engine_of_the_users_own_is_left_alone() -> None:
    config = load({"NOVA_POSTGRES_URL": "postgresql://nova@elsewhere/nova"})
    missing = {row.name: act.missing() for act in acts_of(config) for row in act.rows}
    theirs = "NOVA_POSTGRES_URL names a server that is not ours to break"
    for name in ("PostgreSQL killed", "PostgreSQL hangs", "disk full", "social partitioned"):
        assert missing[name] == theirs
    assert (missing["Redis killed"], missing["PostgreSQL, link slow"]) == (None, None)


@pytest.mark.usefixtures("capsys")
async def test_only_is_for_benchmarks_of_many_cases() -> None:
    with pytest.raises(Exception, match="knows no --only"):
        await run_benchmark(Config(), "tour", only="home", as_json=False)


class Pages:
    """Refuses the first pages."""

    def __init__(self, refused: int) -> None:
        self.asked = 0
        self._refused = refused

    async def exchange(self, *_: object, **__: object) -> dict[str, Any]:
        self.asked += 1
        return {"errors": [error("UNAVAILABLE")]} if self.asked <= self._refused else page(POSTS)


async def test_a_fault_waits_until_all_pages_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chaos, "READS_A_S", 1000.0)
    monkeypatch.setattr(chaos, "_BEFORE_S", 0.01)
    pages = Pages(refused=12)
    waits = Reader(cast("Clients", pages), Person(id="u1", token="t"))
    await chaos.calm(waits)
    assert pages.asked == 30
    assert not waits.named
    monkeypatch.setattr(chaos, "WHOLE_S", 0.0)
    with pytest.raises(Timeout, match="with nothing broken"):
        await chaos.calm(Reader(cast("Clients", Pages(refused=1000)), Person(id="u1", token="t")))


@pytest.mark.parametrize(("patience_s", "reads"), [(60.0, 3), (0.0, 1)])
async def test_a_fault_waits_for_pages_that_come_soon_for_a_while(
    monkeypatch: pytest.MonkeyPatch, patience_s: float, reads: int
) -> None:
    loads = [Load(seconds=[late_s] * 20, errors=[], lasted_s=2.0) for late_s in (0.9, 0.3, 0.1)]
    reading = AsyncMock(side_effect=loads)
    monkeypatch.setattr(chaos, "at_rate", reading)
    monkeypatch.setattr(chaos, "_PATIENCE_S", patience_s)
    await chaos.calm(reader())
    assert reading.await_count == reads


def outcome(*, lost: int = 0, unanswered: int = 0, late: int = 0, **more: Any) -> Outcome:
    judge, told = reader(), Told(unanswered=unanswered)
    told.refused.update({"UNAVAILABLE": 3})
    judge.named["graph"] = None
    writer = SimpleNamespace(acts=[None] * 40, told=told)
    quiet = SimpleNamespace(acts=[None] * 2, told=Told())
    people = cast("Crowd", SimpleNamespace(reader=judge, everybody=[writer, quiet], targets=[]))
    return Outcome(
        row=Row(part="graph", how="killed", fault=killed("graph"), **more),
        people=people,
        reads=Load(
            seconds=[0.02] * (39 - late) + [6.1] * late,
            errors=[Unavailable("no feed, TIMEOUT")],
            lasted_s=4.0,
        ),
        written=Written(acked=30, refused=10),
        found=Found(lost=[f"post: {number}" for number in range(lost)]),
        back_s=2.5,
    )


def by_column(figures: "list[Figure]") -> dict[str, Figure]:
    return {figure.name.removeprefix("graph killed, "): figure for figure in figures}


def test_a_row_tells_what_was_answered_and_what_became_of_it() -> None:
    found = by_column(figures_of(outcome(lost=3, unanswered=1)))
    assert found["reads"].value == pytest.approx(97.5)
    assert {column for column, figure in found.items() if not figure.met} == {"reads", "lost", "no answer"}
    assert [found[column].value for column in ("acked", "refused", "lost", "doubled", "back")] == [
        42,
        3,
        3,
        0,
        2.5,
    ]
    assert (
        remark_of(outcome(lost=3))
        == "named: graph; reads: 1 times no feed, TIMEOUT; lost: post: 0; lost: post: 1"
    )


def test_a_page_that_comes_too_late_has_not_come() -> None:
    assert by_column(figures_of(outcome(late=19)))["reads"].value == pytest.approx(50.0)


@pytest.mark.parametrize(
    ("percent", "fault_s", "missed"),
    [(None, 4.0, set[str]()), (75.0, 4.0, set[str]()), (99.0, 4.0, {"writes"}), (75.0, 8.0, {"in fault"})],
)
def test_writes_go_on_that_do_not_need_what_is_broken(
    percent: float | None, fault_s: float, missed: set[str]
) -> None:
    found = by_column(figures_of(outcome(writes_percent=percent, fault_s=fault_s)))
    assert {column for column in ("writes", "in fault") if not found[column].met} == missed
    assert (found["writes"].value, found["in fault"].value) == (75.0, 30)


def test_what_is_not_broken_is_not_left_out() -> None:
    found = by_column(figures_of(outcome(may_name=lambda name: name == "ranking")))
    assert not found["wrong"].met
    assert "wrong: graph is left out, which is not broken" in remark_of(
        outcome(may_name=lambda name: name == "ranking")
    )
    assert by_column(figures_of(outcome(may_name=lambda name: name == "graph")))["wrong"].met


async def test_where_no_row_can_be_played_nothing_is_met(monkeypatch: pytest.MonkeyPatch) -> None:
    act = Act(rows=[Row(part="disk", how="full", fault=spared)], missing=lambda: "only root may `mount`")
    monkeypatch.setattr(chaos, "acts_of", lambda _config: [act])
    with pytest.raises(Unavailable, match="No row can be played here: not done here: only root may `mount`"):
        await chaos.chaos(Config(), only="disk")


def test_without_a_gateway_nobody_is_answered() -> None:
    found = by_column(figures_of(outcome(unanswered=7, answers=False)))
    assert found["no answer"].met


async def test_a_row_without_a_proof_is_not_met(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever keeps the proof from being made, after the fault or in it, lost and doubled are not told as 0."""
    (tmp_path / "log").touch()
    log = SimpleNamespace(path=tmp_path / "log")
    place = cast("Stage", SimpleNamespace(below=SimpleNamespace(log=log)))
    played = outcome()
    written = Written(acked=0, refused=0)
    people = SimpleNamespace(
        **vars(played.people), written=written, writing=contextlib.nullcontext, becomes_whole=AsyncMock()
    )
    monkeypatch.setattr(chaos, "crowd", AsyncMock(return_value=people))
    monkeypatch.setattr(chaos, "calm", AsyncMock())
    monkeypatch.setattr(chaos, "at_rate", AsyncMock(return_value=played.reads))
    monkeypatch.setattr(chaos, "_drained", AsyncMock(side_effect=Timeout("Not every event had its effect.")))
    row = Row(part="graph", how="killed", fault=spared, reads_percent=None, fault_s=0.0)
    found = by_column(figures_of(await chaos._measured(place, row, itertools.count())))
    assert not found["unproved"].met
    assert found["acked"].value == 42
    assert {"lost", "doubled"}.isdisjoint(found)
    proved = by_column(figures_of(outcome()))
    assert (proved["unproved"].value, proved["lost"].met) == (0, True)


async def test_rows_whose_stage_does_not_stand_are_not_proved() -> None:
    def nowhere(_data: Path) -> contextlib.AbstractAsyncContextManager[Stage]:
        raise Unavailable("No engine answers.")

    rows = [Row(part="graph", how=how, fault=spared) for how in ("killed", "hangs")]
    waiting = deque(rows)
    outcomes = await chaos._played(Act(rows=rows, place=nowhere), waiting, {})
    assert [outcome.row for outcome in outcomes] == rows
    assert not waiting
    for outcome in outcomes:
        unproved, back = figures_of(outcome)
        assert (unproved.met, back.met) == (False, False)
        assert remark_of(outcome).endswith("No engine answers.")


def test_a_row_that_came_to_no_end_says_why() -> None:
    ruined = outcome()
    ruined.reads, ruined.found, ruined.failure = None, None, "The platform is not whole after 120 s."
    assert "reads" not in by_column(figures_of(ruined))
    assert remark_of(ruined) == "named: graph; The platform is not whole after 120 s."
