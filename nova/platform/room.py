"""A room as the composition root sees it: what it serves, what it hears, what runs beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from nova.platform.rpc.binding import ServiceBinding
from nova.platform.verification import Verifiable


class Lifecycle(Protocol):
    """Something that is started before the room serves, and stopped after it no longer does."""

    async def start(self) -> None:
        """Begin; raise when it cannot."""
        ...

    async def stop(self) -> None:
        """End what was begun."""
        ...


class Runnable(Protocol):
    """Something that runs until it is cancelled, such as a consumer."""

    async def run(self) -> None:
        """Work on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """One room, ready to be served.

    `startables` are started in order (projections load here), then the bindings are served, then
    `consumers` run; stopping goes the other way round. `projections` are those that can be compared with
    their truth, by the name that `nova rebuild` knows.
    """

    name: str
    bindings: Sequence[ServiceBinding] = ()
    consumers: Sequence[Runnable] = ()
    startables: Sequence[Lifecycle] = ()
    projections: Mapping[str, Verifiable] = field(default_factory=dict)
