"""Point reads of one loop turn become one query (`WHERE id = any($1)`): a batch costs what one row does."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class _Batch(Generic[K, V]):
    """The keys asked for in one turn, and the one future that all who asked wait for."""

    __slots__ = ("answer", "asked", "keys", "task")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.keys: dict[K, None] = {}
        self.answer: asyncio.Future[Mapping[K, V]] = loop.create_future()
        self.asked = 0
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
        batch = self._join((key,))
        return (await self._wait(batch)).get(key)

    async def get_many(self, keys: Iterable[K]) -> dict[K, V]:
        """Return the values that exist, by key, in the order of `keys`."""
        distinct = list(dict.fromkeys(keys))
        if not distinct:
            return {}
        chunks = [distinct[start : start + self._limit] for start in range(0, len(distinct), self._limit)]
        batches = [self._join(chunk) for chunk in chunks]
        found: dict[K, V] = {}
        for chunk, batch in zip(chunks, batches, strict=True):
            values = await self._wait(batch)
            found.update((key, values[key]) for key in chunk if key in values)
        return found

    def _join(self, keys: Iterable[K]) -> _Batch[K, V]:
        wanted = dict.fromkeys(keys)
        batch = self._open
        if batch is None or len(batch.keys) + len(wanted) > self._limit:
            loop = asyncio.get_running_loop()
            batch = self._open = _Batch(loop)
            loop.call_soon(self._close, batch)
        batch.keys.update(wanted)
        batch.asked += 1
        return batch

    def _close(self, batch: _Batch[K, V]) -> None:
        if self._open is batch:
            self._open = None
        if batch.asked > 0:
            batch.task = asyncio.ensure_future(self._run(batch))

    async def _run(self, batch: _Batch[K, V]) -> None:
        try:
            values = await self._load(list(batch.keys))
        except BaseException as error:
            if not batch.answer.done():
                batch.answer.set_exception(error)
            batch.answer.exception()  # seen, even if nobody waits any more
            if not isinstance(error, Exception):
                raise
        else:
            batch.answer.set_result(values)

    async def _wait(self, batch: _Batch[K, V]) -> Mapping[K, V]:
        try:
            return await asyncio.shield(batch.answer)
        except asyncio.CancelledError:
            batch.asked -= 1
            if batch.asked == 0 and batch.task is not None:
                batch.task.cancel()
            raise
