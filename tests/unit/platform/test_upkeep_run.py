"""Work that fails for a while is tried again."""

import asyncio

import pytest

from nova.platform.errors import Unavailable
from nova.platform.tasks import Tasks
from nova.platform.upkeep import Upkeep


async def test_work_that_is_put_off_is_tried_again() -> None:
    tries = 0
    done = asyncio.Event()

    async def work() -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise Unavailable
        done.set()

    tasks = Tasks()
    upkeep = Upkeep("test", work, every_s=0.001, tasks=tasks)
    await upkeep.start()
    async with asyncio.timeout(20):
        await done.wait()
    await upkeep.stop()
    await upkeep.stop()
    assert len(tasks) == 0


async def test_the_first_time_must_succeed() -> None:
    async def work() -> None:
        raise Unavailable

    tasks = Tasks()
    with pytest.raises(Unavailable):
        await Upkeep("test", work, every_s=60, tasks=tasks, first=True).start()
    assert len(tasks) == 0


async def test_the_last_time_is_at_the_end_and_may_fail() -> None:
    done = 0

    async def work() -> None:
        nonlocal done
        done += 1
        raise Unavailable

    tasks = Tasks()
    upkeep = Upkeep("test", work, every_s=60, tasks=tasks, last=True)
    await upkeep.start()
    await upkeep.stop()
    await upkeep.stop()
    assert done == 1
    assert len(tasks) == 0
