"""Writers send again until they are answered, and a proof tells what is missing from what is there without need."""

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

from nova.app.bench import proof as proving
from nova.app.bench import writers
from nova.app.bench.proof import Found, proof
from nova.app.bench.town import Person
from nova.app.bench.writers import Mutation, Told, Writer, tried
from nova.platform.errors import Timeout

MADE = {"data": {"createPost": {"userErrors": [], "post": {"id": "p1"}}}}


def refused(code: str) -> dict[str, Any]:
    return {"errors": [{"message": "no", "extensions": {"code": code}}], "data": None}


class Answers:
    """Gives one answer after another, the last one for ever; an exception is raised."""

    def __init__(self, *answers: Mapping[str, Any] | Exception) -> None:
        self.sent: list[Mapping[str, object]] = []
        self._answers = list(answers)

    async def exchange(
        self, _document: str, variables: Mapping[str, object] | None = None, *, token: str = ""
    ) -> Mapping[str, Any]:
        assert token == "t"
        self.sent.append(variables or {})
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "_AGAIN_S", 0.0)
    monkeypatch.setattr(proving, "_AGAIN_S", 0.0)


def writer(asks: Answers) -> Writer:
    return Writer(asks, "ada", Person(id="u1", token="t"), Random(1))


async def test_a_write_is_sent_again_under_its_key_until_it_is_answered() -> None:
    asks = Answers(refused("UNAVAILABLE"), ConnectionResetError(), refused("TIMEOUT"), EOFError(), MADE)
    ada = writer(asks)
    assert await ada.publish() == "p1"
    assert ada.posts == {"ada says 1": "p1"}
    assert len(asks.sent) == 5
    assert asks.sent[0]["input"] == asks.sent[-1]["input"]
    assert (ada.told.refused, ada.told.unanswered) == ({"UNAVAILABLE": 1, "TIMEOUT": 1}, 2)
    assert (ada.told.wrong, ada.told.repeats, len(ada.acts)) == ([], 4, 1)


async def test_who_is_told_when_to_come_again_waits_so_long() -> None:
    told = Told()
    busy = {"errors": [{"extensions": {"code": "UNAVAILABLE", "retryAfter": 1.5}}]}
    asks = Answers(busy, refused("UNAVAILABLE"), MADE)
    assert await tried(asks, Mutation("createPost", "", {}), token="t", told=told) is None
    assert told.again_s == 1.5
    assert await tried(asks, Mutation("createPost", "", {}), token="t", told=told) is None
    assert told.again_s == 0


@pytest.mark.parametrize(
    "answer",
    [
        refused("INTERNAL"),
        {"errors": [{"message": "without a code"}]},
        {"data": {"createPost": {"userErrors": [{"code": "NOT_FOUND", "message": "no"}]}}},
    ],
)
async def test_any_other_answer_is_wrong(answer: Mapping[str, Any]) -> None:
    told = Told()
    assert await tried(Answers(answer), Mutation("createPost", "", {}), token="t", told=told) is None
    assert len(told.wrong) == 1
    assert told.wrong[0].startswith("createPost: ")


async def test_a_writer_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "ANSWERED_S", 0.0)
    ada = writer(Answers(refused("UNAVAILABLE")))
    with pytest.raises(Timeout, match=r"createPost is not answered after 0 s: {'UNAVAILABLE': \d+}"):
        await ada.publish()
    assert (ada.posts, ada.acts) == ({}, [])


def listed(*posts: Mapping[str, str]) -> dict[str, Any]:
    """Both lists of a writer: of his posts, and his feed."""
    nodes = {
        "edges": [{"node": post} for post in posts],
        "pageInfo": {"hasNextPage": False, "endCursor": None},
    }
    return {"data": {"viewer": {"user": {"posts": nodes}}, "homeFeed": nodes}}


POST = {"id": "p1", "caption": "ada says 1"}


async def test_what_shows_a_little_later_is_not_lost() -> None:
    ada = writer(Answers(MADE))
    await ada.publish()
    asks = Answers(listed(POST), listed(), listed(POST), listed(POST))
    assert await proof(asks, [ada], []) == Found()
    assert len(asks.sent) == 4


async def test_what_never_shows_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "_FOLLOWS_S", 0.0)
    ada = writer(Answers(MADE))
    await ada.publish()
    found = await proof(Answers(listed(POST), listed()), [ada], [])
    assert (found.lost, found.doubled) == (["feed of ada: p1"], [])


def test_what_is_missing_is_lost_and_what_is_twice_is_doubled() -> None:
    found = Found()
    found.compare("post", expected=["a", "b", "c"], seen=["c", "a", "a", "x"])
    assert (found.lost, found.doubled) == (["post: b"], ["post: a", "post: x"])
    found = Found()
    found.compare_state("ada follows bob", expected=True, seen=False)
    found.compare_state("bob follows ada", expected=False, seen=True)
    found.compare_state("bob follows eve", expected=True, seen=True)
    assert (found.lost, found.doubled) == (["ada follows bob: yes"], ["bob follows ada: yes"])
