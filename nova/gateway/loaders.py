"""DataLoaders: what many resolvers ask of one kind becomes one batch call of a wave."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from nova.gateway.facts import BATCH_MOST
from nova.gateway.waves import Waves

K = TypeVar("K")
V = TypeVar("V")

# Returns what was found; a key that is missing has no value for this viewer.
Fetch = Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]


class Loader(Generic[K, V]):
    """Loads values by key, each once a request, in batches of at most `most` keys a call."""

    def __init__(self, waves: Waves, fetch: Fetch[K, V], *, most: int = BATCH_MOST) -> None:
        self._waves = waves
        self._fetch = fetch
        self._most = most
        self._known: dict[K, asyncio.Future[V | None]] = {}
        self._asked: list[K] = []

    async def load(self, key: K) -> V | None:
        """Return the value, or None where there is none for this viewer."""
        return await asyncio.shield(self._future(key))

    async def load_many(self, keys: Sequence[K]) -> list[V | None]:
        """Return the values in the order of the keys.

        The futures are awaited one after another: the first wait ends with the batch, the others at once, so
        whoever waits here continues in the second turn after the call. The futures are shared: the executor cancels
        the fields beside one that failed, and must not end the wait of others with that.
        """
        futures = [self._future(key) for key in keys]
        return [future.result() if future.done() else await asyncio.shield(future) for future in futures]

    def want(self, keys: Sequence[K]) -> None:
        """Ask for values that will be loaded later, so that they come with the calls that are asked now."""
        for key in keys:
            self._future(key)

    def put(self, key: K, value: V | None) -> None:
        """Take a value that another answer brought."""
        future: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        future.set_result(value)
        self._known[key] = future

    def forget(self) -> None:
        """Forget all values: something was changed."""
        self._known.clear()

    def _future(self, key: K) -> "asyncio.Future[V | None]":
        future = self._known.get(key)
        if future is None:
            future = self._known[key] = asyncio.get_running_loop().create_future()
            if not self._asked:
                self._waves.join(self._run)
            self._asked.append(key)
        return future

    async def _run(self) -> None:
        keys, self._asked = self._asked, []
        waiting = {key: self._known[key] for key in keys}
        if len(keys) <= self._most:
            await self._batch(waiting)
            return
        parts = (keys[at : at + self._most] for at in range(0, len(keys), self._most))
        await asyncio.gather(*(self._batch({key: waiting[key] for key in part}) for part in parts))

    async def _batch(self, waiting: Mapping[K, "asyncio.Future[V | None]"]) -> None:
        try:
            found = await self._fetch(list(waiting))
        except Exception as error:  # noqa: BLE001 - passed on to all who asked
            for future in waiting.values():
                if not future.done():
                    future.set_exception(error)
                    # Not everyone who asked still waits; asyncio shall not report that as an error.
                    future.exception()
            return
        for key, future in waiting.items():
            if not future.done():
                future.set_result(found.get(key))
