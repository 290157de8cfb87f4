"""Which projections a name means, which of them are filled again, and who is asked where others hold them."""

import os
import stat
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

import pytest

from nova.app.compared import Compared
from nova.app.control import HeldAt, controlled
from nova.app.held import Held, Here, Together, compare
from nova.platform.errors import NotFound, Unavailable
from nova.platform.verification import Verifiable, Verification


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


class Away:
    """Another process that is away."""

    async def names(self) -> Sequence[str]:
        raise Unavailable("away")

    async def refill(self, _: str) -> int:
        raise Unavailable("away")

    async def verify(self, _: str) -> Sequence[Compared]:
        raise Unavailable("away")


class MakeHeld(Protocol):
    """Has projections held by their names."""

    async def __call__(self, **projections: Verifiable) -> Held: ...


@pytest.fixture(params=["here", "in another process", "in several"])
async def held_as(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MakeHeld]:
    """Each way to hold projections in turn; to whoever asks they are alike."""
    async with AsyncExitStack() as stack:

        async def at_socket(name: str, **projections: Verifiable) -> Held:
            path = tmp_path / f"{name}.sock"
            await stack.enter_async_context(controlled(path, Here(lambda: projections)))
            return HeldAt(lambda: path)

        async def made(**projections: Verifiable) -> Held:
            if request.param == "here":
                return Here(lambda: projections)
            if request.param == "in another process":
                return await at_socket("all", **projections)
            each = [await at_socket(name, **{name: one}) for name, one in projections.items()]
            return Together([await at_socket("none"), *each])

        yield made


async def equal(held: Held, name: str, *, again: bool = False) -> list[tuple[str, bool]]:
    return [(line.name, line.equal) for line in await compare(held, name, again=again)]


async def test_a_name_means_its_parts_too(held_as: MakeHeld) -> None:
    held = await held_as(**{"graph": InMemory(), "graph.neo4j": InAnEngine(), "graphics": InMemory()})
    graph, neo4j, graphics = ("graph", True), ("graph.neo4j", False), ("graphics", True)
    assert await equal(held, "graph") == [graph, neo4j]
    assert await equal(held, "graph.neo4j") == [neo4j]
    assert await equal(held, "all") == [graph, neo4j, graphics]


async def test_what_lies_in_an_engine_is_filled_again_before_it_is_compared(held_as: MakeHeld) -> None:
    held = await held_as(**{"graph": InMemory(), "graph.neo4j": InAnEngine()})
    assert await equal(held, "graph", again=True) == [("graph", True), ("graph.neo4j", True)]


@pytest.mark.parametrize(
    ("name", "again", "why"),
    [
        ("neo4j", False, "no projection 'neo4j': use one of graph, feed, all"),
        ("neo4j", True, "no projection 'neo4j': use one of graph, feed, all"),
        ("graph", True, "graph is made anew whenever a Nova starts"),
    ],
)
async def test_nothing_of_that_name_or_nothing_to_fill_again(
    held_as: MakeHeld, name: str, again: bool, why: str
) -> None:
    held = await held_as(graph=InMemory(), feed=InMemory())
    with pytest.raises(NotFound, match=why):
        await compare(held, name, again=again)


async def test_one_that_is_away_matters_to_who_asks_for_all_or_for_what_it_may_hold() -> None:
    held = Together([Away(), Here(lambda: {"graph": InMemory()})])
    assert await equal(held, "graph") == [("graph", True)]
    for name in ("all", "feed"):
        with pytest.raises(Unavailable, match="away"):
            await compare(held, name)


async def test_a_line_says_whose_memory_was_compared() -> None:
    for at_rest, pid in ((False, os.getpid()), (True, None)):
        (line,) = await compare(Here(lambda: {"graph": InMemory()}, at_rest=at_rest), "graph")
        assert line.pid == pid


async def test_what_befalls_a_process_that_is_asked_is_told(tmp_path: Path) -> None:
    path = tmp_path / "nova.sock"
    async with controlled(path, Away()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(Unavailable, match="away"):
            await compare(HeldAt(lambda: path), "graph")
    assert not path.exists()
    with pytest.raises(Unavailable, match="does not answer at"):
        await compare(HeldAt(lambda: path), "graph")


async def test_there_can_be_no_socket_where_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no socket at"):
        async with controlled(tmp_path / "nowhere" / "nova.sock", Away()):
            pass
