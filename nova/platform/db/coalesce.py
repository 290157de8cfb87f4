"""Point reads of one loop turn become one query (`WHERE id = any($1)`): a batch costs what one row does."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class _Batch(Generic[K, V]):
    """The keys asked for in one turn, and a future for each who waits.

    One future for all would have to be shielded from each who leaves, which costs more than one of one's own.
    """

    __slots__ = ("keys", "left", "task", "waiting")

    def __init__(self) -> None:
        self.keys: dict[K, None] = {}
        self.waiting: list[asyncio.Future[Mapping[K, V]]] = []
        self.left = 0
        self.task: asyncio.Task[None] | None = None


class Coalesced(Generic[K, V]):
    """Gathers the keys of a loop turn and loads them together.

    `load` gets distinct keys, at most `limit` of them, and returns what exists by key. Its failure is
    everyone's in the batch. When all who asked have left, the query is cancelled.
    """

    def __init__(self, load: Callable[[list[K]], Awaitable[Mapping[K, V]]], *, limit: int = 500) -> None:
        self._load = load
        self._limit = limit
        self._open: _Batch[K, V] | None = None

    async def get(self, key: K) -> V | None:
        """Return the value of `key`, or None."""
        batch = self._open
        if batch is None or len(batch.keys) >= self._limit:
            batch = self._begin()
        batch.keys[key] = None
        return (await self._wait(batch, self._enter(batch))).get(key)

    async def get_many(self, keys: Iterable[K]) -> dict[K, V]:
        """Return the values that exist, by key, in the order of `keys`."""
        distinct = list(dict.fromkeys(keys))
        chunks = [distinct[start : start + self._limit] for start in range(0, len(distinct), self._limit)]
        entered = [(batch, self._enter(batch)) for batch in map(self._join, chunks)]
        found: dict[K, V] = {}
        for values in await asyncio.gather(*(self._wait(batch, future) for batch, future in entered)):
            found.update(values)
        return {key: found[key] for key in distinct if key in found}

    def _join(self, keys: list[K]) -> _Batch[K, V]:
        batch = self._open
        if batch is None or len(batch.keys) + len(keys) > self._limit:
            batch = self._begin()
        batch.keys.update(dict.fromkeys(keys))
        return batch

    def _begin(self) -> _Batch[K, V]:
        batch: _Batch[K, V] = _Batch()
        self._open = batch
        asyncio.get_running_loop().call_soon(self._close, batch)
        return batch

    def _close(self, batch: _Batch[K, V]) -> None:
        if self._open is batch:
            self._open = None
        if len(batch.waiting) > batch.left:
            batch.task = asyncio.ensure_future(self._run(batch))

    async def _run(self, batch: _Batch[K, V]) -> None:
        try:
            values = await self._load(list(batch.keys))
        except asyncio.CancelledError:
            for future in batch.waiting:
                future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - handed to those who wait, whatever it is
            for future in batch.waiting:
                if not future.done():
                    future.set_exception(error)
        else:
            for future in batch.waiting:
                if not future.done():
                    future.set_result(values)

    def _enter(self, batch: _Batch[K, V]) -> "asyncio.Future[Mapping[K, V]]":
        future: asyncio.Future[Mapping[K, V]] = asyncio.get_running_loop().create_future()
        batch.waiting.append(future)
        return future

    async def _wait(self, batch: _Batch[K, V], future: "asyncio.Future[Mapping[K, V]]") -> Mapping[K, V]:
        try:
            return await future
        except asyncio.CancelledError:
            batch.left += 1
            if batch.left == len(batch.waiting) and batch.task is not None:
                batch.task.cancel()
            raise
