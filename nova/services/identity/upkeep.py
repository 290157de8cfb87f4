"""Work that the room does again and again beside its calls: tending keys, sweeping out what has expired."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from nova.platform.errors import Timeout, Unavailable
from nova.platform.tasks import Tasks
from nova.services.identity.passwords import Passwords
from nova.services.identity.store.reading import IdentityStore
from nova.services.identity.store.sweeping import sweep

_log = structlog.get_logger(__name__)
KEYS_KEPT_FOR = timedelta(hours=24)
GUESSES_COUNT_FOR = timedelta(hours=1)


class Upkeep:
    """Runs `work` every `every_s` seconds; with `first`, once before the room serves, and then it must succeed."""

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[None]],
        *,
        every_s: float,
        tasks: Tasks,
        first: bool = False,
    ) -> None:
        self._name = name
        self._work = work
        self._every_s = every_s
        self._tasks = tasks
        self._first = first
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        if self._first:
            await self._work()
        self._task = self._tasks.spawn(self._name, self._run(), critical=True)

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            await self._tasks.cancel(self._task)
            self._task = None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self._work()
            except (Unavailable, Timeout) as error:
                _log.warning("upkeep_put_off", task=self._name, error=error.reason)


class Sweeper:
    """Deletes what no longer matters: `sweep` is the work of an `Upkeep`."""

    def __init__(self, store: IdentityStore, *, revocations_matter: timedelta) -> None:
        self._store = store
        self._ages = {
            "sessions": timedelta(0),
            "refresh_tokens": timedelta(0),
            "signing_keys": timedelta(0),
            "keyed_calls": KEYS_KEPT_FOR,
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
