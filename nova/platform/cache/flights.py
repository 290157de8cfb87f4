"""Loads in progress: whoever asks for a key that is being loaded waits for that load instead of starting one."""

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from nova.platform.errors import NovaError
from nova.platform.resilience import RetryBudget, retry_wait_s

V = TypeVar("V")


class Flight(Generic[V]):
    """One load of one or more keys. It is cancelled when nobody waits for it any more."""

    __slots__ = ("keys", "task", "waiters")

    def __init__(self, keys: Sequence[bytes]) -> None:
        self.keys = keys
        self.waiters = 0
        self.task: asyncio.Task[dict[bytes, V | None]]


Load = Callable[[Flight[V]], Coroutine[Any, Any, dict[bytes, V | None]]]


class Flights(Generic[V]):
    """The loads of one cache, by key.

    A forgotten load goes on for those who wait for it, but it is current for none of the forgotten keys: nobody
    joins it for them, and what it brings for them is not to be kept.
    """

    def __init__(self) -> None:
        self._by_key: dict[bytes, Flight[V]] = {}
        self._seconds = RetryBudget()

    def current(self, flight: Flight[V]) -> list[bytes]:
        """Return the keys for which this load is still the one in progress."""
        return [key for key in flight.keys if self._by_key.get(key) is flight]

    async def gather(self, keys: Sequence[bytes], load: Load[V]) -> dict[bytes, V | None]:
        """Return a value for each key, by joining what is in progress and starting one load for the rest.

        A load of somebody else that failed is tried once more: it may have failed for his reasons, such as
        a deadline of his own. All who had joined it share the second one, which begins after a moment; there is one
        for ten who ask, and where there is none they fail as he did.
        """
        self._seconds.earn()
        found, failed = await self._wait(keys, load, {})
        if failed:
            again, _ = await self._wait(list(failed), load, failed)
            found |= again
        return found

    def forget(self, keys: Iterable[bytes]) -> None:
        """Let no load in progress count for these keys."""
        for key in keys:
            self._by_key.pop(key, None)

    def forget_matching(self, pattern: re.Pattern[bytes]) -> None:
        """Let no load in progress count for keys that match wholly."""
        self.forget([key for key in self._by_key if pattern.fullmatch(key)])

    def clear(self) -> None:
        """Let no load in progress count."""
        self._by_key.clear()

    async def _wait(
        self, keys: Sequence[bytes], load: Load[V], before: Mapping[bytes, NovaError]
    ) -> tuple[dict[bytes, V | None], dict[bytes, NovaError]]:
        """Return values, and how others' loads failed; of keys that have failed `before` that is raised."""
        found: dict[bytes, V | None] = {}
        failed: dict[bytes, NovaError] = {}
        own, joined = self._board(keys, load, before)
        for flight in joined:
            flight.waiters += 1
        try:
            for flight, wanted in joined.items():
                try:
                    # Shielded, since others may wait for it too.
                    landed = await asyncio.shield(flight.task)
                except NovaError as error:
                    if flight is own or before:
                        raise
                    failed |= dict.fromkeys(wanted, error)
                else:
                    found |= {key: landed[key] for key in wanted}
        finally:
            for flight in joined:
                self._leave(flight)
        return found, failed

    def _board(
        self, keys: Sequence[bytes], load: Load[V], before: Mapping[bytes, NovaError]
    ) -> tuple[Flight[V] | None, dict[Flight[V], list[bytes]]]:
        joined: dict[Flight[V], list[bytes]] = {}
        rest: list[bytes] = []
        for key in keys:
            flight = self._by_key.get(key)
            if flight is None:
                rest.append(key)
            else:
                joined.setdefault(flight, []).append(key)
        if not rest:
            return None, joined
        if before and not self._seconds.spend():
            raise before[rest[0]]
        own: Flight[V] = Flight(rest)
        self._by_key.update(dict.fromkeys(rest, own))
        flying = self._fly(own, load, after_s=retry_wait_s(0) if before else 0.0)
        own.task = asyncio.get_running_loop().create_task(flying)
        joined[own] = rest
        return own, joined

    async def _fly(self, flight: Flight[V], load: Load[V], *, after_s: float) -> dict[bytes, V | None]:
        try:
            if after_s:
                await asyncio.sleep(after_s)
            return await load(flight)
        finally:
            self.forget(self.current(flight))

    def _leave(self, flight: Flight[V]) -> None:
        flight.waiters -= 1
        if not flight.waiters and not flight.task.done():
            # Forgotten at once, so that nobody joins a load that is being cancelled.
            self.forget(self.current(flight))
            flight.task.cancel()
