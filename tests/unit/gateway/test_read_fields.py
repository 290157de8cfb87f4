"""What is only read is read in one go: the same answers, in the same order, with the same errors, as the library's."""

from typing import Any
from unittest.mock import patch

import pytest
from graphql.execution.executor import Executor

from nova.gateway.schema.content import Media, MediaKind
from tests.unit.gateway.edge import Edge
from tests.unit.gateway.test_home_feed import HOME
from tests.unit.gateway.town import Town

EDGES = "homeFeed(first: 5) { edges { %s } }"
DOCUMENTS = {
    "home": HOME,
    "order": "{ %s }"
    % (EDGES % "why { score source } cursor node { tags likeCount id media { url kind } caption }"),
    "aliases": "{ %s }" % (EDGES % "node { a: caption b: caption caption author { x: id x: id } }"),
    "skipped": "{ %s }" % (EDGES % "cursor @skip(if: true) node { id @include(if: false) caption }"),
    "fragments": "{ %s } fragment F on Post { caption author { ...U } } fragment U on User { handle followerCount }"
    % (EDGES % "node { ...F ... on Node { id } ... { createdAt } }"),
    "typenames": "{ __typename %s }" % (EDGES % "__typename node { __typename author { __typename } }"),
}


async def answer(gate: Edge, viewer: bytes, text: str) -> Any:
    found = (await gate.ask(text, viewer=viewer)).json()
    for error in found.get("errors", ()):
        del error["extensions"]["requestId"]
    return list(_flat(found["data"])), found.get("errors")


def _flat(value: Any, path: str = "") -> Any:
    """Yield each leaf with its path, in the order of the answer."""
    if isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _flat(inner, f"{path}.{name}")
    else:
        yield path, value


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_answers_are_those_of_the_library(
    gate: Edge, town: Town, ada: bytes, bob: bytes, name: str
) -> None:
    for number in range(3):
        town.comment(town.post(bob, f"Post {number}", media=2), ada)
    ours = await answer(gate, ada, DOCUMENTS[name])
    with patch("nova.gateway.engine.ReadingExecutor", Executor):
        assert ours == await answer(gate, ada, DOCUMENTS[name])
    assert ours[1] is None
    assert len(ours[0]) >= 3


@pytest.mark.parametrize(("attribute", "value"), [("id", None), ("kind", "PICTURE"), ("width", "wide")])
async def test_what_cannot_be_read_is_told_as_the_library_tells_it(
    gate: Edge, town: Town, monkeypatch: pytest.MonkeyPatch, attribute: str, value: object
) -> None:
    ada = town.person("ada")
    town.post(town.person("bob"))
    made = Media.of

    def broken(*arguments: Any) -> Media:
        medium = made(*arguments)
        assert medium.kind is MediaKind.IMAGE
        setattr(medium, attribute, value)
        return medium

    monkeypatch.setattr(Media, "of", broken)
    text = "{ %s }" % (EDGES % "node { caption media { id kind width } author { handle } }")
    ours = await answer(gate, ada, text)
    with patch("nova.gateway.engine.ReadingExecutor", Executor):
        assert ours == await answer(gate, ada, text)
    (error,) = ours[1]
    assert error["path"][-1] == attribute
    assert error["extensions"] == {"code": "INTERNAL"}
