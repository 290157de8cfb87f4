"""All projections of a house by name, and how they compare with their truth."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from nova.app.compared import Compared
from nova.app.house import House
from nova.platform.db.digest import Digest
from nova.platform.errors import NotFound
from nova.platform.verification import Verifiable, Verification, settled
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


async def compare(projections: Mapping[str, Verifiable], name: str) -> list[Compared]:
    """Verify the projection `name`, or `all`. Raises `NotFound` for a name that is none."""
    if name != ALL and name not in projections:
        known = ", ".join((*projections, ALL))
        raise NotFound(f"There is no projection {name!r}: use one of {known}.")
    names = projections if name == ALL else (name,)
    return [Compared.of(one, await projections[one].verify()) for one in names]
