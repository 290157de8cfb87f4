"""Who reads and who witnesses while a part is broken: what is a page, what is silence, what is wrong."""

import asyncio
import contextlib
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from nova.app.bench.chaos_load import POSTS, Crowd, Reader
from nova.app.bench.chaos_witnesses import InFault, arriving
from nova.app.bench.client import Clients
from nova.app.bench.town import Person
from nova.platform.errors import Unavailable
from tests.unit.app.bench.pages import error, page, post, reader


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


def test_a_page_whose_reader_or_author_is_nobody_must_say_so() -> None:
    judge = reader()
    answer = page(POSTS)
    answer["data"]["viewer"] = None
    judge.take(answer, "FOLLOWING")
    answer = page(1)
    answer["data"]["homeFeed"]["edges"][0]["node"]["author"] = None
    judge.take(answer, "RANKED")
    assert judge.silent == ["FOLLOWING: nobody reads it", "RANKED: a post by nobody"]


def test_counts_that_are_not_known_are_named() -> None:
    """A post that somebody likes has no zero likes, whatever else the page says is left out."""
    judge = reader(praised="praised")
    for degraded in (["social"], ["ranking"], []):
        answer = page(POSTS, extensions={"degraded": degraded})
        answer["data"]["homeFeed"]["edges"][0] = post("praised", likes=0, comments=2)
        judge.take(answer, "FOLLOWING")
    assert judge.silent == ["FOLLOWING: a post that is liked and commented on has 0 and 2"] * 2


def test_without_feed_the_rest_of_a_page_will_do() -> None:
    rest: dict[str, Any] = {"data": {"homeFeed": None, "viewer": {"user": {"handle": "ada"}}}}
    judge = reader(rest=True)
    judge.take({**rest, "errors": [error("UNAVAILABLE")]}, "RANKED")
    for lacking in (rest, {"data": None, "errors": [error("UNAVAILABLE")]}):
        with pytest.raises(Unavailable, match="no feed"):
            judge.take(lacking, "RANKED")
    with pytest.raises(Unavailable, match="no feed"):
        reader().take({**rest, "errors": [error("UNAVAILABLE")]}, "RANKED")


def test_who_asks_whom_he_might_follow_must_be_told_somebody() -> None:
    judge = reader(walks=True)
    for suggested, errors in (([{}], {}), ([], {"errors": [error("UNAVAILABLE")]}), ([], {})):
        answer = page(POSTS, **errors)
        answer["data"]["viewer"]["user"]["suggested"] = suggested
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
