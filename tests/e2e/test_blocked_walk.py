"""Who may not see something walks every field and every list, and finds nothing of it: no id, no handle, no text.

The walk is made from the schema. That it would find what is there is shown by those who may see it.
"""

import os
from dataclasses import dataclass

import httpx
import pytest

from tests.e2e.crawl import Crawl, Found, Place, wandered
from tests.e2e.nova import Nova
from tests.e2e.schema import Catalogue, Ways, introspected
from tests.e2e.town import Town, built
from tests.waiting import until

PROMISED_S = 1.0
WAYS = int(os.environ.get("NOVA_E2E_WAYS", "60"))
"""Random deep ways that each of the seven viewers goes. 10,000 are promised: 1,429 by each."""

pytestmark = pytest.mark.timeout(300 + WAYS)

_DELETED = ("bo:post:everyone_deleted", "bo:media:everyone_deleted", "tia:comment:at_deleted")
_PRIVATE = ("per:post:", "per:media:", "per:story:", "per:storymedia:", "fay:comment:at_per")
_FOLLOWERS = tuple(
    f"{label}followers"
    for label in ("bo:post:", "bo:media:", "bo:story:", "bo:storymedia:", "tia:comment:at_bo_", "vic:comment:at_bo_")
)  # fmt: skip
_CHOSEN = tuple(label.replace("followers", "chosen") for label in _FOLLOWERS)
_EDITS = ("bo:post:everyone_edited:edits",)
_UNDER_BO = (
    "tia:comment:at_bo_", "vic:comment:at_bo_", "vic:comment:under_bo", "tia:comment:under_bo",
)  # fmt: skip
_OF_VIC = (
    "vic:post:", "vic:media:", "vic:story:", "vic:storymedia:", "vic:comment:",
    "bo:comment:under_vic", "bo:comment:at_vic", "tia:comment:under_bo_at_vic",
)  # fmt: skip

HIDDEN = {
    "vic": (*_DELETED, *_EDITS, *_PRIVATE, "bo:", *_UNDER_BO),
    "bo": (*_DELETED, *_PRIVATE, *_OF_VIC),
    "tia": (*_DELETED, *_EDITS, *_PRIVATE),
    "sam": (*_DELETED, *_EDITS, *_PRIVATE, *_FOLLOWERS, *_CHOSEN),
    "pat": (*_DELETED, *_EDITS, *_PRIVATE, *_FOLLOWERS, *_CHOSEN),
    "fay": (*_DELETED, *_EDITS, *_CHOSEN),
    "per": (*_DELETED, *_EDITS, *_CHOSEN),
}
"""What each viewer may not see, by the beginnings of labels. All else he must see."""


@dataclass
class Walked:
    """The town after `bo` blocked `vic`, and what each viewer found in it; `before` holds walks from before.

    `scrolls` holds, by mode, how the feed went on that `vic` had begun to scroll before.
    """

    town: Town
    catalogue: Catalogue
    ways: Ways
    before: dict[str, Found]
    after: dict[str, Found]
    scrolls: dict[str, httpx.Response]


@pytest.fixture(scope="module")
async def walked(nova: Nova) -> Walked:
    town, catalogue = await built(nova), Catalogue(await introspected(nova))
    bo, vic = town.people["bo"], town.people["vic"]
    ways = Ways(
        kinds=town.kinds(),
        targets=[bo.id, town.people["yan"].id],
        handles=[person.handle for person in town.people.values()],
    )
    await until_fed(town)
    before = {name: await Crawl(nova, catalogue, town.people[name], ways).run() for name in ("vic", "bo")}
    kept = {mode: await cursor(town, mode) for mode in ("RANKED", "FOLLOWING")}
    await town.delete("bo:post:everyone_deleted")
    await nova.do("blockUser", "user { id }", bo, userId=vic.id)
    await until(lambda: is_gone(town), within_s=PROMISED_S)
    scrolls = {mode: await scrolled(town, mode, after) for mode, after in kept.items()}
    after = {name: await Crawl(nova, catalogue, town.people[name], ways).run() for name in HIDDEN}
    return Walked(town, catalogue, ways, before, after, scrolls)


async def until_fed(town: Town) -> None:
    """Wait until the feeds have heard of everything."""

    async def fed() -> bool:
        seen = await town.nova.feed(town.people["tia"])
        return {town.ids["bo:post:chosen"], town.ids["zoe:post:everyone"]} <= set(seen)

    await until(fed)


async def cursor(town: Town, mode: str) -> str:
    """Return the cursor of the first post of `vic`'s feed: the rest of that scroll is decided by then."""
    document = f"{{ homeFeed(first: 1, mode: {mode}) {{ pageInfo {{ endCursor }} }} }}"
    end: str = (await town.nova.ask(document, by=town.people["vic"])).data["homeFeed"]["pageInfo"][
        "endCursor"
    ]
    return end


async def scrolled(town: Town, mode: str, after: str) -> httpx.Response:
    """Return the rest of a scroll of `vic`'s feed."""
    document = (
        "query($after: String, $mode: FeedMode!) { homeFeed(first: 50, after: $after, mode: $mode) "
        "{ edges { node { id caption author { id handle } } } pageInfo { hasNextPage } } }"
    )
    return await town.nova.post(document, {"after": after, "mode": mode}, by=town.people["vic"])


async def is_gone(town: Town) -> bool:
    """Return whether `bo` and his things do not exist for `vic`, by id, by handle and in the feed."""
    vic, bo = town.people["vic"], town.people["bo"]
    ids = [thing_id for thing_id in town.kinds() if thing_id in town.marks(*labels(town, ("bo:",)))]
    document = (
        "query($ids: [ID!]!, $handle: String!) { nodes(ids: $ids) { id } user(handle: $handle) { id } "
        "homeFeed(mode: FOLLOWING) { edges { node { id } } } }"
    )
    data = (await town.nova.ask(document, {"ids": ids, "handle": bo.handle}, by=vic)).data
    fed = {edge["node"]["id"] for edge in data["homeFeed"]["edges"]}
    return data["nodes"] == [None] * len(ids) and data["user"] is None and not fed & set(ids)


def labels(town: Town, beginnings: tuple[str, ...]) -> list[str]:
    return [label for label in town.ids if label.startswith(beginnings)]


async def test_the_walk_reaches_every_field_of_the_schema(walked: Walked) -> None:
    reached = {one for found in walked.before.values() for one in found.fields}
    assert {
        (kind.name, name) for kind in walked.catalogue.kinds.values() for name in kind.fields
    } - reached == set()


async def test_before_the_block_the_walk_finds_all_that_it_must_not_find_later(walked: Walked) -> None:
    town = walked.town
    hidden_later = set(labels(town, HIDDEN["vic"])) - set(labels(town, (*_EDITS, *_PRIVATE)))
    marks = town.marks(*hidden_later)
    assert walked.before["vic"].betrays(marks) == sorted(marks)
    assert walked.before["bo"].betrays(town.marks(*_EDITS)) == sorted(town.marks(*_EDITS))


@pytest.mark.parametrize("name", HIDDEN)
async def test_a2_a4_a_walk_finds_nothing_hidden_and_all_else(walked: Walked, name: str) -> None:
    town, found = walked.town, walked.after[name]
    hidden = labels(town, HIDDEN[name])
    assert found.betrays(town.marks(*hidden)) == []
    shown = town.marks(*(set(town.ids) - set(hidden)))
    assert sorted(shown - set(found.betrays(shown))) == []


@pytest.mark.parametrize("name", HIDDEN)
async def test_a2_counts_equal_the_lists_of_the_same_viewer(walked: Walked, name: str) -> None:
    assert walked.after[name].miscounted() == []


async def test_a2_random_ways_of_any_depth_find_nothing_hidden(walked: Walked) -> None:
    town = walked.town
    for seed, name in enumerate(HIDDEN):
        answers = await wandered(
            town.nova, walked.catalogue, town.people[name], walked.ways, count=WAYS, seed=seed
        )
        assert len(answers) > WAYS / 3, "most ways were refused: they are not worth walking"
        marks = town.marks(*labels(town, HIDDEN[name]))
        assert Found(seen=answers).betrays(marks) == [], name


@pytest.mark.parametrize("mode", ["RANKED", "FOLLOWING"])
async def test_a2_a_scroll_that_began_before_the_block_shows_nothing_more_of_it(
    walked: Walked, mode: str
) -> None:
    answer = walked.scrolls[mode].json()
    assert "errors" not in answer, answer
    assert answer["data"]["homeFeed"]["edges"] != []
    assert answer["data"]["homeFeed"]["pageInfo"]["hasNextPage"] is False
    marks = walked.town.marks(*labels(walked.town, ("bo:",)))
    assert Found(seen=[walked.scrolls[mode].text]).betrays(marks) == []


async def test_a2_the_blocker_meets_whom_he_blocks_on_one_list_alone(walked: Walked) -> None:
    vic = walked.town.people["vic"].id
    lists = [key for key, entries in walked.after["bo"].lists.items() if vic in entries]
    assert lists == [(Place("Viewer", ""), "blocked")]


async def test_a2_no_path_and_no_suggestion_leads_through_the_blocker(walked: Walked) -> None:
    town = walked.town
    people = town.people
    document = (
        "query($yan: ID!, $zoe: ID!) { viewer { user { yan: pathTo(userId: $yan) { handle } "
        "zoe: pathTo(userId: $zoe) { handle } suggested { user { handle } mutualCount mutuals { handle } } } } }"
    )
    variables = {"yan": people["yan"].id, "zoe": people["zoe"].id}
    me = (await town.nova.ask(document, variables, by=people["vic"])).data["viewer"]["user"]
    assert me["yan"] is None
    assert [user["handle"] for user in me["zoe"]] == [people[name].handle for name in ("vic", "tia", "zoe")]
    assert me["suggested"] == [
        {
            "user": {"handle": people["zoe"].handle},
            "mutualCount": 1,
            "mutuals": [{"handle": people["tia"].handle}],
        }
    ]


async def test_a2_a4_a_path_through_closed_lists_is_walked_by_those_alone_who_may_see_them(
    walked: Walked,
) -> None:
    town = walked.town
    people = town.people
    document = (
        "query($from: ID!, $to: ID!) { node(id: $from) { ... on User { pathTo(userId: $to) { handle } } } }"
    )
    variables = {"from": people["fay"].id, "to": people["kim"].id}
    for name in HIDDEN:
        path = (await town.nova.ask(document, variables, by=people[name])).data["node"]["pathTo"]
        whole = [{"handle": people[one].handle} for one in ("fay", "per", "kim")]
        assert path == (whole if name in {"fay", "per"} else None), name
