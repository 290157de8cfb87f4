"""Projections by name, wherever they are held: in this process, in another one, or in several."""

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from nova.app.compared import Compared
from nova.platform.errors import NotFound, NovaError
from nova.platform.verification import Rebuildable, Verifiable

ALL: Final = "all"


class Held(Protocol):
    """Some projections. A name means its parts too (`graph` has `graph.neo4j`), and `all` means every one."""

    async def names(self) -> Sequence[str]:
        """Return the names of all that are held."""
        ...

    async def refill(self, name: str) -> int:
        """Empty and fill again what of `name` lies in an engine of its own; return how many that were."""
        ...

    async def verify(self, name: str) -> Sequence[Compared]:
        """Return a line for each that `name` means, compared with its truth; none where none is held here."""
        ...


class Here:
    """Projections of this process, as they are when it is asked: some come to be while it starts.

    Their lines name it, unless they are `at_rest`: in no process's memory.
    """

    def __init__(self, projections: Callable[[], Mapping[str, Verifiable]], *, at_rest: bool = False) -> None:
        self._projections = projections
        self._pid = None if at_rest else os.getpid()

    async def names(self) -> Sequence[str]:
        """Return the names of all."""
        return list(self._projections())

    async def refill(self, name: str) -> int:
        """Fill again what lies in an engine of its own."""
        able = [one for one in self._meant(name).values() if isinstance(one, Rebuildable)]
        for one in able:
            await one.rebuild()
        return len(able)

    async def verify(self, name: str) -> Sequence[Compared]:
        """Compare one after the other."""
        meant = self._meant(name)
        return [Compared.of(one, await kept.verify(), pid=self._pid) for one, kept in meant.items()]

    def _meant(self, name: str) -> Mapping[str, Verifiable]:
        held = self._projections()
        return {one: held[one] for one in meant(held, name)}


class Together:
    """Projections that several hold. One that is away matters to whoever asks for what he may hold."""

    def __init__(self, held: Sequence[Held]) -> None:
        self._held = held

    async def names(self) -> Sequence[str]:
        """Return the names of all."""
        return [
            name for names in await asyncio.gather(*(one.names() for one in self._held)) for name in names
        ]

    async def refill(self, name: str) -> int:
        """Have each fill again what it holds of `name`."""
        return sum([await one.refill(name) for one in await self._holders(name)])

    async def verify(self, name: str) -> Sequence[Compared]:
        """Have each compare what it holds of `name`."""
        return [line for one in await self._holders(name) for line in await one.verify(name)]

    async def _holders(self, name: str) -> Sequence[Held]:
        told = await asyncio.gather(*(self._told(one) for one in self._held))
        holders = [one for one, names in told if not isinstance(names, NovaError) and meant(names, name)]
        for _, names in told:
            if isinstance(names, NovaError) and (name == ALL or not holders):
                raise names
        return holders

    async def _told(self, one: Held) -> tuple[Held, Sequence[str] | NovaError]:
        try:
            return one, await one.names()
        except NovaError as error:
            return one, error


def meant(names: Iterable[str], name: str) -> list[str]:
    """Return which of `names` somebody means by `name`."""
    return [one for one in names if name in {ALL, one, one.partition(".")[0]}]


async def compare(held: Held, name: str, *, again: bool = False) -> Sequence[Compared]:
    """Compare what `name` means with its truth; with `again`, after what lies in an engine of its own is filled again.

    Raises `NotFound` for a name that is none, or has nothing that can be filled again.
    """
    if again and not await held.refill(name) and meant(await held.names(), name):
        raise NotFound(f"{name} is made anew whenever a Nova starts: compare it with --verify.")
    compared = await held.verify(name)
    if not compared:
        known = ", ".join((*await held.names(), ALL))
        raise NotFound(f"There is no projection {name!r}: use one of {known}.")
    return compared
