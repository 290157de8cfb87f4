"""All projections of a house by name, and how they compare with their truth."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from nova.app.compared import Compared
from nova.app.house import House
from nova.platform.db.digest import Digest
from nova.platform.errors import NotFound
from nova.platform.verification import Rebuildable, Verifiable, Verification, settled
from nova.services.graph.store import census as graph
from nova.services.identity.store import census as identity
from nova.services.user.store import census as user

ALL: Final = "all"


class Copies:
    """Compares what one room copied of another. The copy follows by events: a difference must stay to be one."""

    def __init__(
        self, *, truth: Callable[[], Awaitable[Digest]], copy: Callable[[], Awaitable[Digest]]
    ) -> None:
        self._truth = truth
        self._copy = copy

    async def verify(self) -> Verification:
        """Read both, and compare."""
        return await settled(self._compare)

    async def _compare(self) -> Verification:
        truth, copy = await self._truth(), await self._copy()
        return Verification(entries=truth.facts, in_use=copy.hash, from_truth=truth.hash)


def projections_of(house: House) -> dict[str, Verifiable]:
    """Return the projections of a house that holds all rooms."""
    of_rooms = {name: one for room in house.built.values() for name, one in room.projections.items()}
    database = house.database
    return {
        "profiles": Copies(
            truth=lambda: identity.accounts(database("identity")),
            copy=lambda: user.profiles(database("user")),
        ),
        "restrictions": Copies(
            truth=lambda: user.restrictions(database("user")),
            copy=lambda: graph.restrictions(database("graph")),
        ),
        **of_rooms,
    }


async def compare(projections: Mapping[str, Verifiable], name: str, *, again: bool = False) -> list[Compared]:
    """Verify the projection `name` with its parts (`graph` has `graph.neo4j`), or `all`.

    With `again`, what lies in an engine of its own is first emptied and filled again. Raises `NotFound` for a name that
    is none, or has nothing that can be filled again.
    """
    named = {one: kept for one, kept in projections.items() if name in {ALL, one, one.partition(".")[0]}}
    if not named:
        known = ", ".join((*projections, ALL))
        raise NotFound(f"There is no projection {name!r}: use one of {known}.")
    if again:
        await _rebuild(name, list(named.values()))
    return [Compared.of(one, await kept.verify()) for one, kept in named.items()]


async def _rebuild(name: str, named: Sequence[Verifiable]) -> None:
    able = [one for one in named if isinstance(one, Rebuildable)]
    if not able:
        raise NotFound(f"{name} is made anew whenever a Nova starts: compare it with --verify.")
    for one in able:
        await one.rebuild()
