"""The relay's side of an outbox: taking rows, and putting back what the log refuses."""

from collections.abc import Sequence

from nova.platform.db.pool import Record as Row
from nova.platform.db.tx import Tx
from nova.platform.log.port import Record
from nova.platform.outbox.write import load_headers

_LOCK_CLASS = 0x4F555442  # "OUTB"

# The lock is named by the table's oid, which no other room shares. It comes before the claim, in a statement of its
# own, so that the claim sees what the relay before has done.
_BEGIN = f"BEGIN; SELECT pg_advisory_xact_lock({_LOCK_CLASS}, 'outbox'::regclass::oid::int)"
# Rows behind one of their key that has to wait are left alone; where none waits, one look says so for all. Not a DELETE
# that returns the rows: its result is gathered before the first row is sent, which takes longer than the two do.
# The turn is one more than the last and no less than the time in ms: a database that was restored, or made anew, does
# not fall behind the turns that the log has seen of the one before.
_CLAIM = """
SELECT seq, id, topic, key, payload, headers, emitted_at, tries, (
    SELECT setval('outbox_turns', greatest(
        nextval('outbox_turns'), (extract(epoch FROM clock_timestamp()) * 1000)::bigint
    ))
) AS turn
FROM outbox AS row
WHERE coalesce((SELECT max(retry_at) FROM outbox WHERE retry_at IS NOT NULL) <= now(), true)
   OR NOT EXISTS (
        SELECT FROM outbox AS held
        WHERE held.topic = row.topic AND held.key = row.key AND held.seq <= row.seq AND held.retry_at > now()
    )
ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED
"""
_REMOVE = "DELETE FROM outbox WHERE seq = any($1::bigint[])"
_PUT_BACK = """
INSERT INTO outbox (seq, id, topic, key, payload, headers, emitted_at, tries, retry_at, failure)
OVERRIDING SYSTEM VALUE
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now() + make_interval(secs => $9), $10)
"""
_BURY = """
INSERT INTO outbox_dead (seq, id, topic, key, payload, headers, emitted_at, tries, failure)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""


def records_of(rows: Sequence[Row], room: str) -> list[Record]:
    """Return rows of the outbox as the log takes them."""
    return [
        Record(identifier, topic, key, payload, emitted_at, room, load_headers(headers))
        for _, identifier, topic, key, payload, headers, emitted_at, _, _ in rows
    ]


def order_of(row: Row) -> tuple[str, bytes]:
    """Return what rows share that are published in the order of their `seq`."""
    return row["topic"], row["key"]


class RelayTx(Tx):
    """Takes rows. While it is open no other relay works this outbox."""

    BEGIN = _BEGIN

    async def claim(self, limit: int) -> list[Row]:
        """Take the oldest rows that may go out, in order.

        All carry the number of this `turn`: turns grow in the order in which relays took the outbox.
        """
        return await self.fetch(_CLAIM, limit)

    async def remove(self, rows: Sequence[Row]) -> None:
        """Delete rows that were taken: if this transaction commits."""
        await self.execute(_REMOVE, [row["seq"] for row in rows])

    async def put_back(self, rows: Sequence[Row]) -> None:
        """Return rows that were taken, to the places that they had."""
        if rows:
            await self.executemany(_PUT_BACK, [(*row[:8], None, None) for row in rows])

    async def try_later(self, row: Row, why: str, *, wait_s: float) -> None:
        """Return a refused row, to be tried again after `wait_s` seconds; later ones of its key wait with it."""
        await self.execute(_PUT_BACK, *row[:7], row["tries"] + 1, wait_s, why)

    async def bury(self, row: Row, why: str) -> None:
        """Move a refused row to the dead ones."""
        await self.execute(_BURY, *row[:7], row["tries"] + 1, why)
