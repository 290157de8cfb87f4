"""The relay's side of an outbox: taking rows, and putting back what the log refuses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nova.platform.db.tx import Tx
from nova.platform.log.port import Record
from nova.platform.outbox.write import load_headers

_LOCK_CLASS = 0x4F555442  # "OUTB"

# The turn is drawn once the lock is held, so turns grow in the order in which relays took the outbox. The
# lock is named by the table's oid, which no other room shares.
_TURN = """
WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock($1, 'outbox'::regclass::oid::int))
SELECT nextval('outbox_turns') FROM held
"""
# Rows behind one of their key that has to wait are left alone. The transaction's end decides: gone, or there
# again.
_CLAIM = """
DELETE FROM outbox WHERE ctid = any(ARRAY(
    SELECT ctid FROM outbox AS row
    WHERE NOT EXISTS (
        SELECT FROM outbox AS held
        WHERE held.topic = row.topic AND held.key = row.key AND held.seq <= row.seq AND held.retry_at > now()
    )
    ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED
))
RETURNING seq, id, topic, key, payload, headers, emitted_at, tries
"""
_PUT_BACK = """
INSERT INTO outbox (seq, id, topic, key, payload, headers, emitted_at, tries, retry_at, failure)
OVERRIDING SYSTEM VALUE
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now() + make_interval(secs => $9), $10)
"""
_BURY = """
INSERT INTO outbox_dead (seq, id, topic, key, payload, headers, emitted_at, tries, failure)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_REPLAY = """
WITH raised AS (
    DELETE FROM outbox_dead WHERE $1::uuid[] IS NULL OR id = any($1::uuid[])
    RETURNING seq, id, topic, key, payload, headers, emitted_at
)
INSERT INTO outbox (id, topic, key, payload, headers, emitted_at)
SELECT id, topic, key, payload, headers, emitted_at FROM raised ORDER BY seq
"""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One event as the outbox keeps it. `tries` counts the refusals so far."""

    seq: int
    id: UUID
    topic: str
    key: bytes
    payload: bytes
    headers: str
    emitted_at: datetime
    tries: int

    @property
    def order(self) -> tuple[str, bytes]:
        """Rows with the same value are published in the order of `seq`."""
        return (self.topic, self.key)

    def record(self, room: str) -> Record:
        """Return the row as the log takes it."""
        return Record(
            id=self.id,
            topic=self.topic,
            key=self.key,
            payload=self.payload,
            emitted_at=self.emitted_at,
            source=room,
            headers=load_headers(self.headers),
        )


class RelayTx(Tx):
    """Takes rows. While it is open no other relay works this outbox."""

    async def take_turn(self) -> int:
        """Wait until no other relay works this outbox; return the number of this turn."""
        return int(await self.fetchval(_TURN, _LOCK_CLASS))

    async def claim(self, limit: int) -> list[OutboxRow]:
        """Take the oldest rows that may go out, in order."""
        rows = await self.fetch(_CLAIM, limit)
        return sorted((OutboxRow(*row) for row in rows), key=lambda row: row.seq)

    async def put_back(self, rows: Sequence[OutboxRow]) -> None:
        """Return rows that were taken, to the places that they had."""
        columns = [(*_columns(row), row.tries, None, None) for row in rows]
        if columns:
            await self.executemany(_PUT_BACK, columns)

    async def try_later(self, row: OutboxRow, why: str, *, wait_s: float) -> None:
        """Return a refused row, to be tried again after `wait_s` seconds; later ones of its key wait with it."""
        await self.execute(_PUT_BACK, *_columns(row), row.tries + 1, wait_s, why)

    async def bury(self, row: OutboxRow, why: str, *, tries: int) -> None:
        """Move a refused row to the dead ones."""
        await self.execute(_BURY, *_columns(row), tries, why)

    async def raise_dead(self, ids: Sequence[UUID] | None = None) -> int:
        """Put dead events, all or those of `ids`, into the outbox again; return how many."""
        return await self.execute(_REPLAY, None if ids is None else list(ids))


def _columns(row: OutboxRow) -> tuple[int, UUID, str, bytes, bytes, str, datetime]:
    return (row.seq, row.id, row.topic, row.key, row.payload, row.headers, row.emitted_at)
