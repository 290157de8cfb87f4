"""What is compared of a house, and what one room has copied of another."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from nova.platform.db.database import Database
from nova.platform.db.digest import Digest
from nova.platform.verification import Verifiable, Verification, settled
from nova.services.graph.store import census as graph
from nova.services.identity.store import census as identity
from nova.services.user.store import census as user

if TYPE_CHECKING:
    from nova.app.house import House


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


def projections_of(house: "House") -> Mapping[str, Verifiable]:
    """Return the projections of a house that holds all rooms."""
    return {**copies(house.database), **held_by(house)}


def held_by(house: "House") -> Mapping[str, Verifiable]:
    """Return the projections of the rooms of a house: what is compared where they are."""
    return {name: one for room in house.built.values() for name, one in room.projections.items()}


def copies(database: Callable[[str], Database]) -> Mapping[str, Verifiable]:
    """Return what lies in the tables of two rooms: no room sees both."""
    return {
        "profiles": Copies(
            truth=lambda: identity.accounts(database("identity")),
            copy=lambda: user.profiles(database("user")),
        ),
        "restrictions": Copies(
            truth=lambda: user.restrictions(database("user")),
            copy=lambda: graph.restrictions(database("graph")),
        ),
    }
