"""Which projections a name means, and which of them are filled again."""

import pytest

from nova.app.projections import compare
from nova.platform.errors import NotFound
from nova.platform.verification import Verification


class InMemory:
    """A projection that is made anew at each start; it holds what its truth holds."""

    holds = "truth"

    async def verify(self) -> Verification:
        return Verification(entries=1, in_use=self.holds, from_truth="truth")


class InAnEngine(InMemory):
    """A projection that keeps what is wrong until it is filled again."""

    holds = "something else"

    async def rebuild(self) -> None:
        self.holds = "truth"


async def test_a_name_means_its_parts_too() -> None:
    projections = {"graph": InMemory(), "graph.neo4j": InAnEngine(), "graphics": InMemory()}
    equal = {name: [(line.name, line.equal) for line in await compare(projections, name)]
             for name in ("graph", "graph.neo4j", "all")}  # fmt: skip
    assert equal == {
        "graph": [("graph", True), ("graph.neo4j", False)],
        "graph.neo4j": [("graph.neo4j", False)],
        "all": [("graph", True), ("graph.neo4j", False), ("graphics", True)],
    }


async def test_what_lies_in_an_engine_is_filled_again_before_it_is_compared() -> None:
    projections = {"graph": InMemory(), "graph.neo4j": InAnEngine()}
    assert [line.equal for line in await compare(projections, "graph", again=True)] == [True, True]


@pytest.mark.parametrize(("name", "again"), [("neo4j", False), ("graph", True)])
async def test_nothing_of_that_name_or_nothing_to_fill_again(name: str, again: bool) -> None:
    with pytest.raises(NotFound):
        await compare({"graph": InMemory()}, name, again=again)
