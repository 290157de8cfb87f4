"""All SQL of features: its one snapshot."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from nova.platform.db.database import Database
from nova.platform.db.tx import Tx

_NAME = "memory"
_FIND = "SELECT position, tables, notes FROM snapshots WHERE name = $1"
_KEEP = """
INSERT INTO snapshots (name, taken_at, position, tables, notes) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name) DO UPDATE SET taken_at = excluded.taken_at, position = excluded.position,
  tables = excluded.tables, notes = excluded.notes
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything that features knew when it had read the log up to `position` (topic, partition -> offset).

    `tables` are packed; `notes` are JSON.
    """

    position: Mapping[tuple[str, int], int]
    tables: Sequence[bytes]
    notes: str


class SnapshotStore:
    """Keeps the last snapshot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self) -> Snapshot | None:
        """Return the snapshot, or None before the first."""
        row = await self._database.primary.fetchrow(_FIND, _NAME)
        if row is None:
            return None
        position = {(topic, partition): offset for topic, partition, offset in json.loads(row["position"])}
        return Snapshot(position=position, tables=row["tables"], notes=row["notes"])

    async def keep(self, snapshot: Snapshot, taken_at: datetime) -> None:
        """Replace the snapshot."""
        position = [[topic, partition, offset] for (topic, partition), offset in snapshot.position.items()]
        async with self._database.transaction(Tx) as tx:
            await tx.execute(_KEEP, _NAME, taken_at, json.dumps(position), snapshot.tables, snapshot.notes)
