"""Who connects in a storm: copies of each room and of the gateway, relays, and as many clients as are missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

POOL: Final = 8
CROWD: Final = 12
"""Callers of a room's pool of 8: some of them always wait for a connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Callers that share a pool of `size` connections under a room's role; `copy`: they are a copy of that room."""

    room: str
    size: int
    callers: int
    copy: bool


def parties(rooms: Sequence[str], *, copies: int, clients: int) -> list[Party]:
    """Return the copies of each room, and as many clients of one connection each as are missing to `clients`."""
    own = [Party(room=room, size=POOL, callers=CROWD, copy=True) for _ in range(copies) for room in rooms]
    rest = clients - len(own) * POOL
    if rest < 0:
        raise ValueError(f"{copies} copies of {len(rooms)} rooms are more than {clients} connections")
    single = [Party(room=rooms[place % len(rooms)], size=1, callers=1, copy=False) for place in range(rest)]
    return [*own, *single]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How many copies there are of each room, of the gateway, and of the relay."""

    rooms: int
    copies: int
    gateways: int
    relays: int

    @property
    def bells(self) -> int:
        """Connections straight at PostgreSQL on which somebody listens: every process has one."""
        return self.rooms * self.copies + self.gateways + self.relays

    @property
    def relaying(self) -> int:
        """Connections of relays, which go past the pooler: one a room."""
        return self.relays * self.rooms

    def at_most(self, pooled: int) -> int:
        """Return the connections of the primary where PgBouncer has all that it may have, which is `pooled`."""
        return pooled + self.bells + self.relaying

    def at_replica(self, pool: int) -> int:
        """Return the connections of the replica where every copy of every room has its whole `pool` there."""
        return self.rooms * self.copies * pool
