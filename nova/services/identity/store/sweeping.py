"""Which rows no longer matter, by the age of which moment."""

from collections.abc import Mapping
from datetime import timedelta

from nova.platform.db.expiry import delete_expired
from nova.services.identity.store.reading import IdentityStore

_MOMENTS = {
    "sessions": "expires_at",
    "refresh_tokens": "expires_at",
    "keyed_calls": "called_at",
    "revocations": "revoked_at",
    "signing_keys": "verifies_until",
    "mails": "expires_at",
    "guesses": "coalesce(guessed_at[1], '-infinity')",
}


async def sweep(store: IdentityStore, ages: Mapping[str, timedelta]) -> int:
    """Delete rows that are past `ages`, by table; return how many."""
    return sum(
        [await delete_expired(store.transaction, table, _MOMENTS[table], age) for table, age in ages.items()]
    )
