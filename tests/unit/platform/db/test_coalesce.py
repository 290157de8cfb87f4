"""The point reads of one loop turn become one query."""

import asyncio
from collections.abc import Mapping

import pytest

from nova.platform.db.coalesce import Coalesced
from tests.waiting import until


class Loader:
    """Answers even keys with their square, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.cancelled = 0
        self.held: asyncio.Event | None = None

    async def __call__(self, keys: list[int]) -> Mapping[int, int]:
        self.asked.append(keys)
        if self.held is not None:
            try:
                await self.held.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        return {key: key * key for key in keys if key % 2 == 0}


async def test_reads_of_one_turn_are_one_load_of_distinct_keys() -> None:
    load = Loader()
    squares = Coalesced(load)
    two, three, again, many = await asyncio.gather(
        squares.get(2), squares.get(3), squares.get(2), squares.get_many([4, 3, 6])
    )
    assert (two, three, again, many) == (4, None, 4, {4: 16, 6: 36})
    assert load.asked == [[2, 3, 4, 6]]


async def test_a_later_turn_loads_again() -> None:
    load = Loader()
    squares = Coalesced(load)
    assert (await squares.get(2), await squares.get(2)) == (4, 4)
    assert load.asked == [[2], [2]]


async def test_no_load_has_more_keys_than_the_limit() -> None:
    load = Loader()
    squares = Coalesced(load, limit=3)
    assert await squares.get_many(range(0, 14, 2)) == {key: key * key for key in range(0, 14, 2)}
    assert [len(keys) for keys in load.asked] == [3, 3, 1]


async def test_nothing_asked_is_nothing_loaded() -> None:
    load = Loader()
    assert await Coalesced(load).get_many([]) == {}
    assert load.asked == []


async def test_a_failure_is_everyones() -> None:
    async def fail(keys: list[int]) -> Mapping[int, int]:
        raise ValueError(len(keys))

    broken = Coalesced(fail)
    outcomes = await asyncio.gather(broken.get(1), broken.get(2), return_exceptions=True)
    assert [repr(outcome) for outcome in outcomes] == ["ValueError(2)"] * 2


async def test_one_who_leaves_takes_nobody_along_and_the_last_one_ends_the_load() -> None:
    load = Loader()
    load.held = asyncio.Event()
    squares = Coalesced(load)
    one, two = asyncio.create_task(squares.get(2)), asyncio.create_task(squares.get(4))
    await until(lambda: bool(load.asked))
    one.cancel()
    with pytest.raises(asyncio.CancelledError):
        await one
    assert load.cancelled == 0
    two.cancel()
    with pytest.raises(asyncio.CancelledError):
        await two
    await until(lambda: load.cancelled == 1)


async def test_those_who_stay_get_their_answer() -> None:
    load = Loader()
    load.held = asyncio.Event()
    squares = Coalesced(load)
    one, two = asyncio.create_task(squares.get(2)), asyncio.create_task(squares.get(4))
    await until(lambda: bool(load.asked))
    one.cancel()
    load.held.set()
    assert await two == 16
