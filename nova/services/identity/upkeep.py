"""What the room does beside its calls: sweeping out what has expired, and ending the threads of its hasher."""

import asyncio
from datetime import timedelta

import structlog

from nova.services.identity.passwords import Passwords
from nova.services.identity.store.reading import IdentityStore
from nova.services.identity.store.sweeping import sweep

_log = structlog.get_logger(__name__)
KEYED_CALLS_KEPT_FOR = timedelta(hours=24)
GUESSES_COUNT_FOR = timedelta(hours=1)


class Sweeper:
    """Deletes what no longer matters: `sweep` is the work of an `Upkeep` of the floor."""

    def __init__(self, store: IdentityStore, *, revocations_matter: timedelta) -> None:
        self._store = store
        self._ages = {
            "sessions": timedelta(0),
            "refresh_tokens": timedelta(0),
            "signing_keys": timedelta(0),
            "mails": timedelta(0),
            "keyed_calls": KEYED_CALLS_KEPT_FOR,
            "revocations": revocations_matter,
            "guesses": GUESSES_COUNT_FOR,
        }

    async def sweep(self) -> None:
        """Delete once."""
        swept = await sweep(self._store, self._ages)
        if swept:
            _log.info("identity_swept", rows=swept)


class HashingPool:
    """Gives the threads of the password hasher back when the room stops."""

    def __init__(self, passwords: Passwords) -> None:
        self._passwords = passwords

    async def start(self) -> None:
        """Do nothing: threads start with their first hash."""

    async def stop(self) -> None:
        """Wait for running hashes and end the threads."""
        await asyncio.to_thread(self._passwords.close)
