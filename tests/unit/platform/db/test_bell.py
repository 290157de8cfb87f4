"""Bells ring in this process at once, and in others by NOTIFY."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from nova.platform.backoff import Backoff
from nova.platform.db.bell import Bell, Ear
from tests.scratch import Scratch
from tests.waiting import until


def rang(ear: Ear) -> bool:
    """Whether a bell has rung since the ear forgot."""
    return ear._event.is_set()


@asynccontextmanager
async def opened(bell: Bell) -> AsyncIterator[Bell]:
    await bell.open()
    try:
        yield bell
    finally:
        await bell.close()


async def cut(admin: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Cut the connections of all bells."""
    await admin.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE application_name = 'nova-bell' AND pid <> pg_backend_pid()"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits(Backoff):
    """Hardly waits, and keeps how many losses in a row it was told of."""

    losses: list[int] = field(default_factory=list)

    def wait_s(self, failures: int) -> float:
        self.losses.append(failures)
        return 0.01


async def test_who_listens_is_woken_and_nobody_else() -> None:
    bell = Bell()
    with bell.listen("a", "b") as one, bell.listen("c") as other:
        bell.ring("b")
        assert (rang(one), rang(other)) == (True, False)
        one.forget()
        assert (rang(one), rang(other)) == (False, False)
        bell.ring("a")
        await one.wait(3600)
        await other.wait(0.001)
        assert (rang(one), rang(other)) == (True, False)


async def test_what_is_closed_hears_nothing() -> None:
    bell = Bell()
    ear = bell.listen("a")
    ear.close()
    bell.ring("a")
    assert not rang(ear)


async def test_another_process_is_woken_and_a_cut_connection_comes_back(scratch: Scratch) -> None:
    dsn = scratch.engines.postgres_dsn()
    admin = await scratch.admin()
    name = f"test:{id(admin)}"
    async with opened(Bell(dsn)) as here, opened(Bell(dsn)) as there:
        with there.listen(name) as ear:

            async def heard() -> bool:
                here.ring(name)
                return rang(ear)

            await until(heard)
            await cut(admin)
            ear.forget()
            await until(heard)


async def test_a_connection_that_is_cut_again_and_again_is_made_more_and_more_slowly(
    scratch: Scratch,
) -> None:
    admin, waits = await scratch.admin(), Waits()
    async with opened(Bell(scratch.engines.postgres_dsn(), outages=waits)):

        async def cut_thrice() -> bool:
            await cut(admin)
            return len(waits.losses) >= 3

        await until(cut_thrice)
    assert waits.losses[:3] == [1, 2, 3]


async def test_a_database_that_is_away_stops_no_ring_in_this_process() -> None:
    async with opened(Bell("postgresql://nobody@/nova?host=/nonexistent")) as bell:
        with bell.listen("a") as ear:
            bell.ring("a")
            async with asyncio.timeout(5):
                await ear.wait(3600)
