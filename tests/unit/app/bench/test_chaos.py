"""The chaos table, on made data: which rows there are, what a row tells, and links that are slow or cut."""

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock

import pytest

from nova.app.authority import issue_all
from nova.app.bench import chaos
from nova.app.bench.catalog import run_benchmark
from nova.app.bench.chaos import Outcome, chosen, figures_of, remark_of
from nova.app.bench.chaos_faults import killed, spared
from nova.app.bench.chaos_links import Link, postgres_link, redis_link
from nova.app.bench.chaos_load import POSTS, Crowd, Reader
from nova.app.bench.chaos_places import clock_off, moved_apart, refusal
from nova.app.bench.chaos_rows import Act, Row, acts_of
from nova.app.bench.chaos_stage import Stage
from nova.app.bench.chaos_witnesses import InFault, arriving
from nova.app.bench.client import Clients
from nova.app.bench.figures import Figure
from nova.app.bench.open_loop import Load
from nova.app.bench.proof import Found
from nova.app.bench.town import Person
from nova.app.bench.writers import Told
from nova.app.processes import parts_of
from nova.app.rooms import ROOMS
from nova.platform.config import Config
from nova.platform.configure import load
from nova.platform.errors import InvalidArgument, Timeout, Unavailable


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


def reader() -> Reader:
    return Reader(cast("Any", None), Person(id="u", token="t"))


def page(posts: int, **more: object) -> dict[str, Any]:
    return {"data": {"homeFeed": {"edges": [{}] * posts}}, "extensions": {}, **more}


def error(code: str) -> dict[str, object]:
    return {"message": "no", "extensions": {"code": code}}


def test_a_page_that_lacks_something_must_say_so() -> None:
    judge = reader()
    judge.take(page(POSTS), "FOLLOWING")
    judge.take(page(1), "RANKED")
    judge.take(page(0, extensions={"degraded": ["graph"]}), "FOLLOWING")
    judge.take(page(0, errors=[error("UNAVAILABLE")]), "FOLLOWING")
    assert (judge.silent, judge.wrong, [*judge.named]) == ([], [], ["graph"])
    judge.take(page(POSTS - 1), "FOLLOWING")
    judge.take(page(0), "RANKED")
    assert judge.silent == [f"FOLLOWING: {POSTS - 1} of {POSTS} posts", "RANKED: 0 of 1 posts"]


def test_who_asks_whom_he_might_follow_must_be_told_somebody() -> None:
    judge = reader()
    judge.walks = True
    for suggested, errors in (([{}], {}), ([], {"errors": [error("UNAVAILABLE")]}), ([], {})):
        answer = page(POSTS, **errors)
        answer["data"]["viewer"] = {"user": {"suggested": suggested}}
        judge.take(answer, "FOLLOWING")
    assert judge.silent == ["nobody is suggested"]


def test_no_feed_is_no_answer_and_only_two_codes_are_right() -> None:
    judge = reader()
    for answer in (
        {"data": {"homeFeed": None}, "errors": [error("TIMEOUT")]},
        {"data": None, "errors": [error("INTERNAL")]},
    ):
        with pytest.raises(Unavailable):
            judge.take(answer, "RANKED")
    assert len(judge.wrong) == 1


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


def outcome(*, lost: int = 0, unanswered: int = 0, answers: bool = True) -> Outcome:
    judge, told = reader(), Told(unanswered=unanswered)
    told.refused.update({"UNAVAILABLE": 3})
    judge.named["graph"] = None
    writer = SimpleNamespace(acts=[None] * 40, told=told)
    quiet = SimpleNamespace(acts=[None] * 2, told=Told())
    people = cast("Crowd", SimpleNamespace(reader=judge, everybody=[writer, quiet], targets=[]))
    return Outcome(
        row=Row(part="graph", how="killed", fault=killed("graph"), answers=answers),
        people=people,
        reads=Load(seconds=[0.02] * 39, errors=[Unavailable("no feed, TIMEOUT")], lasted_s=4.0),
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


def test_without_a_gateway_nobody_is_answered() -> None:
    found = by_column(figures_of(outcome(unanswered=7, answers=False)))
    assert found["no answer"].met


async def test_a_row_without_a_proof_is_not_met(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever keeps the proof from being made, after the fault or in it, lost and doubled are not told as 0."""
    (tmp_path / "log").touch()
    log = SimpleNamespace(path=tmp_path / "log")
    place = cast("Stage", SimpleNamespace(below=SimpleNamespace(log=log)))
    played = outcome()
    people = SimpleNamespace(**vars(played.people), writing=contextlib.nullcontext, becomes_whole=AsyncMock())
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


def people_who_meet(answers: Mapping[str, Any]) -> Crowd:
    """Return a crowd whose reader asks a platform that gives one answer to each kind of document."""

    async def exchange(document: str, *_: object, **__: object) -> Any:
        return next(answer for word, answer in answers.items() if word in document)

    asks = cast("Clients", SimpleNamespace(exchange=exchange))
    return cast("Crowd", SimpleNamespace(reader=Reader(asks, Person(id="u", token="t")), handle="ada"))


async def broken_off(in_fault: InFault) -> None:
    """Look until something was met, and end."""
    looking = asyncio.ensure_future(in_fault())
    for _ in range(20):
        await asyncio.sleep(0)
    looking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await looking


async def test_who_signs_in_under_a_wrong_clock_must_be_let_in_and_read() -> None:
    tokens = {"data": {"signIn": {"userErrors": [], "tokens": {"accessToken": "new"}}}}
    people = people_who_meet({"signIn": tokens, "homeFeed": page(POSTS)})
    await broken_off(await arriving(people))
    assert people.reader.wrong == []
    refused = {"data": None, "errors": [error("UNAUTHENTICATED")]}
    people = people_who_meet({"signIn": tokens, "homeFeed": refused})
    await broken_off(await arriving(people))
    assert any("UNAUTHENTICATED" in wrong for wrong in people.reader.wrong)
    people = people_who_meet({"signIn": refused})
    await broken_off(await arriving(people))
    assert people.reader.wrong[-1] == "nobody could sign in and read: no answer came"


def test_a_row_that_came_to_no_end_says_why() -> None:
    ruined = outcome()
    ruined.reads, ruined.found, ruined.failure = None, None, "The platform is not whole after 120 s."
    assert "reads" not in by_column(figures_of(ruined))
    assert remark_of(ruined) == "named: graph; The platform is not whole after 120 s."


def test_a_link_leads_to_where_a_url_does(tmp_path: Path) -> None:
    _, dsn = postgres_link("postgresql://nova@/nova?host=/run/x&port=5432", tmp_path)
    assert dsn == f"postgresql://nova@/nova?host={tmp_path}&port=5432"
    _, dsn = postgres_link("postgresql://a:b@db.example:6000/nova", tmp_path)
    assert dsn == f"postgresql://a:b@/nova?host={tmp_path}&port=6000"
    assert (
        redis_link("redis://:pw@cache:6380/2", tmp_path)[1] == f"unix://default:pw@{tmp_path}/redis.sock?db=2"
    )
    assert redis_link("unix:///run/v.sock", tmp_path)[1] == f"unix://{tmp_path}/redis.sock?db=0"


@pytest.fixture
async def echo(tmp_path: Path) -> AsyncIterator[Link]:
    """A link to a server that sends back what it is sent."""

    async def serve(incoming: asyncio.StreamReader, outgoing: asyncio.StreamWriter) -> None:
        while data := await incoming.read(100):
            outgoing.write(data)
        outgoing.close()

    server = await asyncio.start_unix_server(serve, tmp_path / "server")
    link = Link(str(tmp_path / "link"), str(tmp_path / "server"))
    async with link.standing():
        yield link
    server.close()


async def sent(reader_: asyncio.StreamReader, writer: asyncio.StreamWriter, word: bytes) -> bytes:
    """Send a word; return what comes back, nothing where the connection ends."""
    writer.write(word)
    try:
        return await reader_.read(100)
    except ConnectionResetError:
        return b""


async def test_a_link_passes_slows_and_cuts(echo: Link, tmp_path: Path) -> None:
    ends = await asyncio.open_unix_connection(tmp_path / "link")
    assert await sent(*ends, b"word") == b"word"
    async with echo.slow(0.01):
        assert await sent(*ends, b"slow") == b"slow"
    async with echo.resetting():
        assert await sent(*ends, b"lost") == b""
    ends[1].close()
    ends = await asyncio.open_unix_connection(tmp_path / "link")
    assert await sent(*ends, b"again") == b"again"
    ends[1].close()


async def test_a_link_to_nobody_cuts_at_once(tmp_path: Path) -> None:
    async with Link(str(tmp_path / "link"), str(tmp_path / "nobody")).standing():
        incoming, outgoing = await asyncio.open_unix_connection(tmp_path / "link")
        assert await incoming.read() == b""
        outgoing.close()


async def test_clocks_are_set_and_set_right_again(tmp_path: Path) -> None:
    (tmp_path / "clocks").mkdir()
    parts = SimpleNamespace(parts=["content", "feed"])
    place = cast("Stage", SimpleNamespace(data=tmp_path / "data", supervisor=parts))

    def told() -> dict[str, str]:
        return {clock.name: clock.read_text() for clock in (tmp_path / "clocks").iterdir()}

    async with clock_off(place, minutes=5, part="feed"):
        assert told() == {"feed": "+5m\n"}
    async with clock_off(place, minutes=-5):
        assert told() == {"content": "-5m\n", "feed": "-5m\n"}
    assert set(told().values()) == {"+0m\n"}


def test_the_room_apart_is_found_and_finds_the_others(tmp_path: Path) -> None:
    config = load({"NOVA_DATA": str(tmp_path)})
    issue_all(tmp_path / "certificates")
    parts = parts_of(config, {}, tmp_path / "certificates")
    moved = {part.name: moved_apart("social", part, config) for part in parts}
    targets = {part.environment["NOVA_GRPC_TARGET"] for part in moved.values()}
    assert targets == {"ipv4:198.18.0.1:{port},198.18.0.2:{port}"}
    apart = [name for name, part in moved.items() if "netns" in part.command]
    assert apart == ["social"]
    assert moved["social"].environment["NOVA_GRPC_HOST"] == "198.18.0.2"
    assert moved["social"].moved is None


def test_what_the_machine_does_not_allow_is_said() -> None:
    assert refusal("true-that-is-nowhere") in {
        "there is no `true-that-is-nowhere`",
        "only root may `true-that-is-nowhere`",
    }
