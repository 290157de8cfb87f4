"""Password hashes: argon2id (RFC 9106), made off the event loop and only a few at a time.

The parameters are the OWASP minimum for argon2id, 19 MiB and two passes: about 15 to 45 ms of one core. The pool of
threads is the semaphore. A caller that leaves frees its place in the queue but not a running thread, so that
never more than `workers` hashes run, whoever gives up.
"""

import asyncio
import base64
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from nova.platform.errors import Unavailable

_WAITING_PER_WORKER = 64
_SALT_BYTES = 16
_HASH_BYTES = 32

R = TypeVar("R")


class HashingBusy(Unavailable):
    """Too many people sign in at this moment: try again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one hash costs."""

    memory_kib: int = 19_456
    passes: int = 2
    lanes: int = 1


MEASURED = Cost()


def spare_cores() -> int:
    """Return how many hashes may run at once: all cores but the event loop's, and at least one."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, usable - 1)


class Passwords:
    """Makes and checks password hashes. `close` it when the room stops."""

    def __init__(self, *, cost: Cost = MEASURED, workers: int) -> None:
        self._hasher = argon2.PasswordHasher(
            time_cost=cost.passes,
            memory_cost=cost.memory_kib,
            parallelism=cost.lanes,
            hash_len=_HASH_BYTES,
            salt_len=_SALT_BYTES,
        )
        self._decoy = _decoy(cost)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="argon2")
        self._most = workers * (1 + _WAITING_PER_WORKER)
        self._admitted = 0

    async def hash(self, password: str) -> str:
        """Return the hash of a password, with its salt and parameters (PHC string)."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Return whether the password fits. Without a hash the same work is done, and the answer is no."""
        fits = await self._run(lambda: self._fits(password_hash or self._decoy, password))
        return fits and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Return whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    def close(self) -> None:
        """Let running hashes end, and start no more."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _fits(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerifyMismatchError, InvalidHashError):
            # Accounts that must not sign in by password may be kept with something that is no hash.
            return False

    def require_place(self) -> None:
        """Raise `HashingBusy` when the queue is full: asked before anything is counted or written."""
        if self._admitted >= self._most:
            raise HashingBusy(retry_after_s=1.0)

    async def _run(self, work: Callable[[], R]) -> R:
        self.require_place()
        self._admitted += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._admitted -= 1


def _decoy(cost: Cost) -> str:
    """Return a hash that no password is known to fit, and that costs as much to check as any other."""
    salt, digest = (
        base64.b64encode(os.urandom(size)).rstrip(b"=").decode() for size in (_SALT_BYTES, _HASH_BYTES)
    )
    return f"$argon2id$v=19$m={cost.memory_kib},t={cost.passes},p={cost.lanes}${salt}${digest}"
