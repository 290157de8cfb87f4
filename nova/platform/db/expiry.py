"""Deleting rows whose time is over, in small batches, each its own transaction: no long lock, no long undo."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Final

from nova.platform.db.tx import Tx

BATCH: Final = 2000


async def delete_expired(
    transaction: Callable[[], AbstractAsyncContextManager[Tx]], table: str, moment: str, kept: timedelta
) -> int:
    """Delete the rows of `table` whose `moment` is longer ago than `kept`; return how many.

    `moment` is a column or an expression, judged by the database's clock. Rows that others hold are left for next time.
    Raises `Unavailable` or `Timeout`; what was deleted until then stays so.
    """
    total, gone = 0, BATCH
    while gone == BATCH:
        async with transaction() as tx:
            gone = await tx.execute(
                f"DELETE FROM {table} WHERE ctid = any(ARRAY(SELECT ctid FROM {table} "
                f"WHERE {moment} < now() - $1::interval LIMIT {BATCH} FOR UPDATE SKIP LOCKED))",
                kept,
            )
        total += gone
    return total
