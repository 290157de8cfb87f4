"""What is asked of rooms: one method a case, and at every turn another call of it.

Each turn asks in the name of another guest and about something else, so that no answer is merely kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final, NamedTuple, TypeVar

from google.protobuf.message import Message

from nova.app.bench.scene import Guest, Scene

GOALS_MS: Final = {
    "identity": 50, "user": 30, "graph": 100, "social": 20, "content": 40,
    "features": 10, "ranking": 80, "feed": 50,
}  # fmt: skip
"""The objectives at the 95th percentile, for one request at the room's own port."""

PAGE: Final = 20
A_S: Final = 50.0
T = TypeVar("T")


class Asked(NamedTuple):
    """One call: the method, what it takes, in whose name, and whether an answer has all that was asked for."""

    method: str
    request: Message
    token: str
    whole: Callable[[bytes], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A method of a room under load. `asked` makes the call of a turn; it raises `Unavailable` where it has none.

    `rate` is that of the figures, in calls a second.
    """

    room: str
    name: str
    asked: Callable[[int], Asked]
    rate: float = A_S

    @property
    def goal_ms(self) -> float:
        """The objective of the room."""
        return GOALS_MS[self.room]

    @property
    def title(self) -> str:
        """As the table has it."""
        return f"{self.room} {self.name}"


def guest_of(scene: Scene, turn: int) -> Guest:
    """Return who asks at a turn."""
    return scene.guests[turn % len(scene.guests)]


def window(items: Sequence[T], turn: int, size: int) -> list[T]:
    """Return the next `size` of some things that go round, all of them where there are fewer."""
    size = min(size, len(items))
    start = turn * size % len(items)
    return [*items[start : start + size], *items[: max(start + size - len(items), 0)]]


def pairs_of(
    guests: Sequence[Guest], others: Callable[[Guest], Sequence[bytes]]
) -> Sequence[tuple[Guest, bytes]]:
    """Return every guest with each of his others, the guests taking turns."""
    columns = [[(guest, other) for other in others(guest)] for guest in guests]
    return [pair for row in zip_longest(*columns) for pair in row if pair is not None]


def pair_at(pairs: Sequence[tuple[Guest, bytes]], turn: int) -> tuple[Guest, bytes, bool]:
    """Return the pair of a turn, and whether what began a round before ends now: every turn changes something."""
    guest, other = pairs[turn % len(pairs)]
    return guest, other, turn // len(pairs) % 2 == 1
