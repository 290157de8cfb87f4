"""A replica is read once it has what the primary had. That real ones obey is seen in tests/contract/test_replica.py."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from nova.platform.db.failures import DatabaseDown
from nova.platform.db.replica import Behind, Replica, Silent
from nova.platform.errors import Unavailable


@dataclass
class Place:
    """A server that is at a place in the log; each question moves it on by `step`."""

    at: int
    step: int = 0
    asked: int = 0
    down: bool = False
    unknown: bool = False
    hangs: bool = False

    async def fetchval(self, sql: str, *args: object) -> Any:
        self.asked += 1
        if self.hangs:
            await asyncio.Future()
        if self.down:
            raise DatabaseDown
        if self.unknown:
            raise asyncpg.InvalidCatalogNameError("database does not exist")
        self.at += self.step
        return self.at

    async def fetch(self, sql: str, *args: object) -> list[Any]:
        if self.hangs:
            await asyncio.Future()
        if self.down:
            raise DatabaseDown
        return [self.at]


@dataclass
class Time:
    """Time that goes on by sleeping."""

    now: float = 100.0
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


def replica(primary: Place, behind: Place, time: Time, *, answer_s: float = 60.0) -> Replica:
    return Replica(
        primary,
        behind,
        room="r",
        patience_s=0.02,
        answer_s=answer_s,
        rest_s=1.0,
        monotonic=time.monotonic,
        sleep=time.sleep,
    )


async def read(reads: Replica) -> Any:
    return await reads.fetch("SELECT 1")


async def test_a_read_waits_until_the_replica_has_what_was_written_before() -> None:
    primary, follower, time = Place(at=103), Place(at=100, step=1), Time()
    assert await read(replica(primary, follower, time)) == [103]
    assert (follower.asked, len(time.slept)) == (3, 2)


async def test_what_is_known_to_be_applied_is_not_asked_again() -> None:
    primary, follower, time = Place(at=100), Place(at=100), Time()
    reads = replica(primary, follower, time)
    for _ in range(3):
        await read(reads)
    assert (primary.asked, follower.asked) == (3, 1)
    primary.at = follower.at = 101
    await read(reads)
    assert follower.asked == 2


async def test_reads_of_one_turn_share_their_questions() -> None:
    primary, follower = Place(at=100), Place(at=100)
    reads = replica(primary, follower, Time())
    await asyncio.gather(*(read(reads) for _ in range(20)))
    assert (primary.asked, follower.asked) == (1, 1)


async def test_one_that_is_behind_is_left_alone_for_a_second() -> None:
    primary, follower, time = Place(at=200), Place(at=100), Time()
    reads = replica(primary, follower, time)
    with pytest.raises(Behind):
        await read(reads)
    assert sum(time.slept) == pytest.approx(0.02, abs=0.003)
    asked, follower.at = follower.asked, 200
    with pytest.raises(Behind):
        await read(reads)
    assert follower.asked == asked, "nobody waits for it again and again"
    time.now += 1.0
    assert await read(reads) == [200]


async def test_one_that_was_away_is_not_believed_to_be_where_it_was() -> None:
    primary, follower, time = Place(at=100), Place(at=100), Time()
    reads = replica(primary, follower, time)
    await read(reads)
    follower.down = True
    with pytest.raises(Unavailable):
        await read(reads)
    time.now += 1.0
    follower.down, follower.at = False, 50
    with pytest.raises(Behind):
        await read(reads)


@pytest.mark.parametrize("known", [False, True], ids=["asked for its place", "read"])
async def test_one_that_hangs_is_left_to_the_primary(*, known: bool) -> None:
    primary, follower = Place(at=100), Place(at=100)
    reads = replica(primary, follower, Time(), answer_s=0.01)
    if known:
        await read(reads)
    follower.hangs = True
    with pytest.raises(Silent):
        await read(reads)
    with pytest.raises(Behind):
        await read(reads)


async def test_after_a_rest_one_read_tries_it_and_the_others_do_not_wait() -> None:
    primary, follower, time = Place(at=100), Place(at=100, hangs=True), Time()
    reads = replica(primary, follower, time, answer_s=0.01)
    with pytest.raises(Silent):
        await read(reads)
    time.now += 1.0
    tries = await asyncio.gather(*(read(reads) for _ in range(5)), return_exceptions=True)
    assert [type(tried) for tried in tries] == [Silent, *[Behind] * 4]
    time.now += 1.0
    follower.hangs = False
    assert await read(reads) == [100]
    assert await asyncio.gather(*(read(reads) for _ in range(5))) == [[100]] * 5


async def test_while_the_primary_is_away_the_replica_has_the_last_word() -> None:
    primary, follower = Place(at=200, down=True), Place(at=100)
    assert await read(replica(primary, follower, Time())) == [100]


async def test_one_that_does_not_know_the_database_yet_is_away() -> None:
    primary, follower = Place(at=100), Place(at=100, unknown=True)
    with pytest.raises(DatabaseDown):
        await read(replica(primary, follower, Time()))
