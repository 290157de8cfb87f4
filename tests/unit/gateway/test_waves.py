"""Calls that are asked in one stage meet, however fast the rooms are, and end with their request."""

import asyncio
from collections.abc import Sequence

import pytest

from nova.gateway.errors import BackendBudgetExceeded
from nova.gateway.loaders import Loader
from nova.gateway.waves import Waves
from nova.platform.errors import Unavailable


async def test_what_follows_a_fast_and_a_slow_call_is_asked_together() -> None:
    waves, slow, batches = Waves(most_calls=10), asyncio.Event(), list[Sequence[int]]()

    async def fetch(keys: Sequence[int]) -> dict[int, int]:
        batches.append(keys)
        return {key: key * 10 for key in keys}

    loader = Loader(waves, fetch)

    async def fast() -> int | None:
        return await loader.load(await waves.ask(_one))

    async def late() -> int | None:
        async def call() -> int:
            await slow.wait()
            return 2

        return await loader.load(await waves.ask(call))

    both = asyncio.gather(fast(), late())
    for _ in range(20):
        await asyncio.sleep(0)
    assert not batches
    slow.set()
    assert list(await both) == [10, 20]
    assert batches == [[1, 2]]


async def test_a_loader_asks_for_a_key_once_and_splits_large_batches() -> None:
    waves, batches = Waves(most_calls=10), list[Sequence[int]]()

    async def fetch(keys: Sequence[int]) -> dict[int, int]:
        batches.append(keys)
        return {key: key for key in keys if key % 2}

    loader = Loader(waves, fetch, most=3)
    assert await loader.load_many([1, 2, 3, 1, 2, 4, 5]) == [1, None, 3, 1, None, None, 5]
    assert await loader.load(1) == 1
    assert batches == [[1, 2, 3], [4, 5]]
    loader.forget()
    await loader.load(1)
    assert batches[-1] == [1]


async def test_an_error_reaches_all_who_asked() -> None:
    async def fetch(_: Sequence[int]) -> dict[int, int]:
        raise Unavailable

    loader = Loader(Waves(most_calls=10), fetch)
    outcomes = await asyncio.gather(loader.load(1), loader.load(2), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Unavailable, Unavailable]


async def test_who_is_cancelled_ends_no_other_wait() -> None:
    answer = asyncio.Event()

    async def fetch(keys: Sequence[int]) -> dict[int, int]:
        await answer.wait()
        return {key: key for key in keys}

    loader = Loader(Waves(most_calls=10), fetch)
    ones = [asyncio.create_task(loader.load(1)), asyncio.create_task(loader.load_many([1, 2]))]
    others = [asyncio.create_task(loader.load(1)), asyncio.create_task(loader.load_many([2, 1]))]
    await asyncio.sleep(0)
    for task in ones:
        task.cancel()
    ended = await asyncio.gather(*ones, return_exceptions=True)
    assert [type(outcome) for outcome in ended] == [asyncio.CancelledError] * 2
    answer.set()
    assert await asyncio.gather(*others) == [1, [2, 1]]


async def test_the_guard_stops_the_call_that_is_one_too_many() -> None:
    waves = Waves(most_calls=2)
    waves.count()
    waves.count()
    with pytest.raises(BackendBudgetExceeded):
        waves.count()


async def test_cancelling_ends_the_calls() -> None:
    waves, begun, ended = Waves(most_calls=10), asyncio.Event(), asyncio.Event()

    async def call() -> int:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return 0

    asking = asyncio.ensure_future(waves.ask(call))
    await begun.wait()
    asking.cancel()
    waves.cancel()
    await asyncio.wait_for(ended.wait(), 1)


async def _one() -> int:
    return 1
