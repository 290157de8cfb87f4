"""Which events were handled: the log may deliver one twice, and a count would count it twice."""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from nova.platform.events import Received

REMEMBERED: Final = 10_000
"""A duplicate comes within seconds: a relay that did not hear whether the log took a batch sends it again."""


class Handled:
    """The ids of the last 10,000 events."""

    def __init__(self, *, most: int = REMEMBERED) -> None:
        self._most = most
        self._ids: dict[UUID, None] = {}

    def fresh(self, events: Sequence[Received[Any]]) -> list[Received[Any]]:
        """Return the events that were not handled yet, each once."""
        return list({event.id: event for event in events if event.id not in self._ids}.values())

    def add(self, events: Iterable[Received[Any]]) -> None:
        """Remember that these are handled."""
        self._ids.update((event.id, None) for event in events)
        while len(self._ids) > self._most:
            del self._ids[next(iter(self._ids))]

    def dump(self) -> list[str]:
        """Return the ids, for a snapshot."""
        return [event_id.hex for event_id in self._ids]

    def restore(self, ids: Iterable[str]) -> None:
        """Replace all by what `dump` gave."""
        self._ids = {UUID(hex=event_id): None for event_id in ids}
