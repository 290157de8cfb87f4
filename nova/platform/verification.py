"""Comparing a projection that is in use with one made anew from its truth."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

TRIES: Final = 5
_PAUSE_S: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """How many entries the truth holds, the hash of what is in use, and that of what was made from the truth."""

    entries: int
    in_use: str
    from_truth: str

    @property
    def equal(self) -> bool:
        """Whether both hold the same facts."""
        return self.in_use == self.from_truth


class Verifiable(Protocol):
    """A projection that can be compared with its truth."""

    async def verify(self) -> Verification:
        """Make it anew beside the one in use, and compare the two."""
        ...


@runtime_checkable
class Rebuildable(Verifiable, Protocol):
    """A projection in an engine of its own: what is wrong in it outlives a start, and is put right by this."""

    async def rebuild(self) -> None:
        """Empty it, and fill it again from the truth."""
        ...


class Audit:
    """Verifies what follows events: `caught_up` waits for those that are on their way, `compare` compares."""

    def __init__(
        self, compare: Callable[[], Awaitable[Verification]], *, caught_up: Callable[[], Awaitable[None]]
    ) -> None:
        self._compare = compare
        self._caught_up = caught_up

    async def verify(self) -> Verification:
        """Compare, after all events until now are applied."""
        return await settled(self._once)

    async def _once(self) -> Verification:
        await self._caught_up()
        return await self._compare()


async def settled(compare: Callable[[], Awaitable[Verification]]) -> Verification:
    """Compare until both are equal, five times at most.

    While others write, the two are of different moments: only a difference that stays is one.
    """
    for _ in range(TRIES - 1):
        verification = await compare()
        if verification.equal:
            return verification
        await asyncio.sleep(_PAUSE_S)
    return await compare()
