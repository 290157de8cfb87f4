"""Starting from where the last process stopped: the snapshot's moment, then the events after it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from nova.native.errors import SnapshotMismatch
from nova.platform.clock import Clock, unix_ms
from nova.platform.log.port import Position
from nova.services.features.model import Entity
from nova.services.features.service.memory import Memory
from nova.services.features.store import Snapshot, SnapshotStore

_log = structlog.get_logger(__name__)


class Postings(Protocol):
    """What features asks of content."""

    def tags(self) -> AsyncIterator[tuple[bytes, Sequence[str]]]:
        """Yield the id and the tags of every live post."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A copy of all that was known when the log had been read up to `position`: not stored yet."""

    position: Position
    tables: Sequence[bytes]
    notes: Mapping[str, Any]


class Snapshots:
    """Loads what features knows, and keeps it."""

    def __init__(self, *, memory: Memory, store: SnapshotStore, postings: Postings, clock: Clock) -> None:
        self._memory = memory
        self._store = store
        self._postings = postings
        self._clock = clock
        self._loaded = False
        self._kept: Position | None = None

    async def load(self) -> Position | None:
        """Restore the snapshot and return its position; without one, begin at the log's first event.

        Called again only when the log no longer has the events after that position: then what is known stays,
        and goes on from the log's end. All of it fades, so what is missed is soon worth nothing.
        """
        tags = {post_id: tuple(tags) async for post_id, tags in self._postings.tags() if tags}
        snapshot = None if self._loaded else await self._store.find()
        self._memory.replace_tags(tags)
        if self._loaded:
            _log.warning("features_history_lost")
            return None
        self._loaded = True
        if snapshot is None or not self._restored(snapshot):
            self._memory.clear()
            return {}
        self._kept = snapshot.position
        return snapshot.position

    async def take(self, position: Position) -> Taken | None:
        """Drop what has faded and copy the rest, as of `position`; None if nothing has happened since the last kept.

        No event may be applied until this returns.
        """
        if position == self._kept:
            return None
        # In a thread: rows are served meanwhile. Nothing changes what is copied, for events are held back.
        return await asyncio.to_thread(self._taken, position)

    async def keep(self, taken: Taken) -> None:
        """Store what was taken. Events go on meanwhile: this takes ten times as long as to copy."""
        notes = await asyncio.to_thread(_encoded, taken.notes)
        snapshot = Snapshot(position=taken.position, tables=taken.tables, notes=notes)
        await self._store.keep(snapshot, self._clock.now())
        self._kept = taken.position

    def _taken(self, position: Position) -> Taken:
        self._memory.prune(unix_ms(self._clock.now()))
        tables = [self._memory.tables[entity].snapshot() for entity in Entity]
        return Taken(position=position, tables=tables, notes=self._memory.notes())

    def _restored(self, snapshot: Snapshot) -> bool:
        """Restore, unless features were declared anew since: their history is then read again."""
        if len(snapshot.tables) != len(Entity):
            return False
        try:
            self._memory.restore(dict(zip(Entity, snapshot.tables, strict=True)), json.loads(snapshot.notes))
        except SnapshotMismatch:
            _log.info("features_declared_anew")
            return False
        return True


def _encoded(notes: Mapping[str, Any]) -> str:
    # Piece by piece: the one-shot encoder would hold the interpreter's lock, and with it the loop, to its end.
    return "".join(json.JSONEncoder(separators=(",", ":")).iterencode(notes))
