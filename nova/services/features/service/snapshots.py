"""Starting from where the last process stopped: the snapshot's moment, then the events after it."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

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

    async def keep(self, position: Position) -> None:
        """Drop what has faded and keep the rest, as of `position`, unless nothing has happened since last time.

        No event may be applied until this returns.
        """
        if position == self._kept:
            return
        # In a thread: rows are served meanwhile. Nothing changes what is kept, for events are held back.
        tables, notes = await asyncio.to_thread(self._taken)
        await self._store.keep(Snapshot(position=position, tables=tables, notes=notes), self._clock.now())
        self._kept = position

    def _taken(self) -> tuple[list[bytes], str]:
        self._memory.prune(unix_ms(self._clock.now()))
        tables = [self._memory.tables[entity].snapshot() for entity in Entity]
        # Piece by piece: the one-shot encoder would hold the interpreter's lock, and with it the loop, to its end.
        return tables, "".join(json.JSONEncoder(separators=(",", ":")).iterencode(self._memory.notes()))

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
