"""Deleting what no longer matters, in small batches."""

from collections.abc import Mapping
from datetime import timedelta

from nova.services.identity.store.reading import IdentityStore

_SWEPT_AT_ONCE = 2000
# By table: the moment whose age decides, by the database's clock.
_SWEPT = {
    "sessions": "expires_at",
    "refresh_tokens": "expires_at",
    "keyed_calls": "called_at",
    "revocations": "revoked_at",
    "signing_keys": "verifies_until",
    "guesses": "coalesce(guessed_at[1], '-infinity')",
}


async def sweep(store: IdentityStore, ages: Mapping[str, timedelta]) -> int:
    """Delete rows that are past `ages`, by table; return how many."""
    return sum([await _sweep(store, table, age) for table, age in ages.items()])


async def _sweep(store: IdentityStore, table: str, age: timedelta) -> int:
    total = 0
    while True:
        async with store.transaction() as tx:
            swept = await tx.execute(
                f"DELETE FROM {table} WHERE ctid = any(ARRAY(SELECT ctid FROM {table} "
                f"WHERE {_SWEPT[table]} < now() - $1::interval LIMIT {_SWEPT_AT_ONCE} FOR UPDATE SKIP LOCKED))",
                age,
            )
        total += swept
        if swept < _SWEPT_AT_ONCE:
            return total
