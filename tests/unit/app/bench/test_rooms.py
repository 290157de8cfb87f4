"""Rooms are loaded at their own ports, in both shapes: a little, and nobody judges the figures here."""

from unittest.mock import AsyncMock

import click
import pytest
from google.protobuf.message import Message

from nova.api.feed.v1.feed_pb2 import FeedItem, GetHomePageResponse
from nova.api.graph.v1.graph_pb2 import FOLLOW_STATE_NONE, FollowUserResponse
from nova.api.identity.v1.identity_pb2 import RefreshSessionResponse, Tokens
from nova.api.ranking.v1.ranking_pb2 import RankedPosts, RankHomeResponse
from nova.api.social.v1.social_pb2 import LikePostResponse, PostState
from nova.app.bench import machine, rooms, scene
from nova.app.bench.catalog import BENCHMARKS, run_benchmark
from nova.app.bench.doors import TIMEOUT_S, Doors, caller_of
from nova.app.bench.open_loop import Load, at_rate
from nova.app.bench.people_cases import people_cases
from nova.app.bench.post_cases import post_cases
from nova.app.bench.room_case import Case, window
from nova.app.bench.scene import Guest, Scene
from nova.app.rooms import ROOMS
from nova.platform.config import Config, Server, World
from nova.platform.errors import InvalidArgument, Unavailable


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    small = {
        "SECONDS": 0.2,
        "LADDER_S": 0.1,
        "UPWARDS": (2,),
        "DOWNWARDS": (),
        "WARM_UP": 1,
        "FEWEST": 4,
        "_REST_S": 0.0,
    }
    for name, value in small.items():
        monkeypatch.setattr(rooms, name, value)
    monkeypatch.setattr(scene, "GUESTS", 3)
    monkeypatch.setattr(machine, "calm", AsyncMock(return_value=True))


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("little")
@pytest.mark.parametrize("shape", ["one process", "a process a room"])
async def test_every_room_is_asked_at_its_own_port(shape: str) -> None:
    result = await BENCHMARKS["rooms"].measure(Config(), processes=shape != "one process")
    assert result.machine["shape"].startswith(shape)
    asked = {figure.name.partition(" ")[0] for figure in result.figures}
    assert asked == set(ROOMS)
    found = {figure.name: figure for figure in result.figures}
    assert found["social LikePost, p95"].goal == 20
    assert found["feed GetHomePage, a next one, p95"].goal == 50
    lost = {name: figure.value for name, figure in found.items() if name.endswith(", lost") and figure.value}
    assert not lost
    assert "content CreatePost" in result.table()


async def test_it_needs_people_and_others_have_one_shape(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InvalidArgument, match="NOVA_WORLD"):
        await rooms.rooms(Config(server=Server(world=World.NONE)))
    with pytest.raises(click.UsageError, match="knows no --processes"):
        await run_benchmark(Config(), "tour", processes=True, as_json=False)
    assert capsys.readouterr().out == ""


def guest(handle: str, *strangers: bytes) -> Guest:
    return Guest(
        user_id=handle.encode(),
        handle=handle,
        token=f"token of {handle}",
        strangers=strangers,
        unliked=[b"p"],
        home=b"",
    )


SCENE = Scene(
    guests=[guest("ada", b"x", b"y"), guest("kofi", b"z")],
    password="secret",
    refresh_tokens=["first", "second"],
    posts=[(b"p", b"x"), (b"q", b"y")],
)


def case(name: str) -> Case:
    every = (*people_cases(SCENE), *post_cases(SCENE))
    return next(one for one in every if one.name.startswith(name))


def test_a_write_changes_something_at_every_turn() -> None:
    asked = [case("FollowUser").asked(turn) for turn in range(7)]
    assert [(one.method, one.request.user_id) for one in asked] == [  # type: ignore[attr-defined] # of both
        ("FollowUser", b"x"), ("FollowUser", b"z"), ("FollowUser", b"y"),
        ("UnfollowUser", b"x"), ("UnfollowUser", b"z"), ("UnfollowUser", b"y"), ("FollowUser", b"x"),
    ]  # fmt: skip
    assert [one.token for one in asked[:3]] == ["token of ada", "token of kofi", "token of ada"]


def test_a_window_goes_round() -> None:
    assert [window("abcde", turn, 2) for turn in range(4)] == [["a", "b"], ["c", "d"], ["e", "a"], ["b", "c"]]
    assert window("abc", 5, 20) == ["a", "b", "c"]


async def answered_by(monkeypatch: pytest.MonkeyPatch, name: str, answer: Message) -> Load:
    """Return what comes of three calls of a case that are all answered alike."""
    doors = Doors(7000, None)
    monkeypatch.setattr(doors, "ask", AsyncMock(return_value=answer.SerializeToString()))
    trial = rooms.Trial(doors, case(name), holder=0, platform=[0])
    return await at_rate(trial._call, rate=1000.0, calls=3)


@pytest.mark.parametrize(
    ("name", "answer", "lost"),
    [
        ("GetHomePage, a first", GetHomePageResponse(items=[FeedItem()]), 0),
        ("GetHomePage, a first", GetHomePageResponse(items=[FeedItem()], degraded=["ranking"]), 3),
        ("GetHomePage, a next", GetHomePageResponse(), 3),
        ("RankHome", RankHomeResponse(ranked=RankedPosts(scores=[1.0]), degraded=["graph"]), 3),
        ("LikePost", LikePostResponse(state=PostState(viewer_has_liked=True)), 1),
        ("FollowUser", FollowUserResponse(state=FOLLOW_STATE_NONE), 3),
    ],
)
async def test_an_answer_that_lacks_something_is_a_call_that_was_lost(
    monkeypatch: pytest.MonkeyPatch, name: str, answer: Message, lost: int
) -> None:
    load = await answered_by(monkeypatch, name, answer)
    assert (len(load.errors), len(load.seconds)) == (lost, 3 - lost)
    assert load.holds(1.0) is (lost == 0)


async def test_a_refresh_token_is_used_once(monkeypatch: pytest.MonkeyPatch) -> None:
    refreshed = RefreshSessionResponse(tokens=Tokens(refresh_token="next"))
    load = await answered_by(monkeypatch, "RefreshSession", refreshed)
    assert not load.errors
    asked = case("RefreshSession").asked
    assert {asked(turn).request.refresh_token for turn in range(2)} == {"first", "second"}  # type: ignore[attr-defined]
    with pytest.raises(Unavailable, match="waits for an answer"):
        asked(2)


def test_a_method_is_called_by_a_part_that_may() -> None:
    assert (caller_of("content", "GetPosts"), caller_of("ranking", "RankHome")) == ("gateway", "feed")
    assert caller_of("features", "GetPostRows") == "ranking"


def test_what_was_lost_waited_until_the_deadline() -> None:
    load = Load(seconds=[0.01] * 90, errors=[Unavailable()] * 10, lasted_s=2.0)
    spent = rooms.Spent(room_s=0.1, all_s=0.2, client_s=0.05)
    found = {
        figure.name.rpartition(", ")[2]: figure
        for figure in rooms.figures_of(case("LikePost"), load, spent, holds=25.0)
    }
    assert (found["p50"].value, found["p95"].value, found["lost"].value) == (10.0, TIMEOUT_S * 1000, 10)
    assert not found["p95"].met
    assert not found["lost"].met
    assert (found["rate"].value, found["holds"].value) == (45.0, 25.0)
    assert [round(found[f"{who} CPU"].value) for who in ("room", "all", "client")] == [1000, 2000, 500]


@pytest.mark.parametrize(
    ("bears", "loaded", "held"),
    [
        (1000.0, [100, 200, 400, 800, 1600], 800.0),
        (150.0, [100, 200], 100.0),
        (30.0, [25], 25.0),
        (10.0, [25, 12.5], 0.0),
    ],
)
async def test_the_ladder_ends_at_the_first_step_that_says_enough(
    monkeypatch: pytest.MonkeyPatch, bears: float, loaded: list[float], held: float
) -> None:
    rates = []

    async def loaded_at(_: object, *, rate: float, calls: int) -> Load:
        rates.append(rate)
        return Load(seconds=[0.001 if rate <= bears else 1.0] * calls, errors=[], lasted_s=1.0)

    monkeypatch.setattr(rooms, "at_rate", loaded_at)
    monkeypatch.setattr(rooms, "_REST_S", 0.0)
    trial = rooms.Trial(Doors(7000, None), case("LikePost"), holder=0, platform=[0])
    first = await loaded_at(None, rate=50.0, calls=20)
    assert (await trial._holds(first), rates[1:]) == (held, loaded)
