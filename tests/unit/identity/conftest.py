"""The identity room, on a schema of each test's own."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

import pytest
from joserfc.jwk import RSAKey

from nova.platform.clock import FixedClock
from nova.platform.db.database import Database
from nova.platform.redis.client import Redis, connect
from tests.one_room import room_database
from tests.scratch import Scratch
from tests.unit.identity.identity_house import IdentityHouse, opened


@pytest.fixture(scope="session", autouse=True)
def known_keys() -> Iterator[None]:
    """Make four keys for all tests: one of full strength takes as long as the rest of a test does."""
    made = cycle([RSAKey.generate_key(2048) for _ in range(4)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RSAKey, "generate_key", lambda _bits: next(made))
        yield


@pytest.fixture
async def database(scratch: Scratch) -> AsyncIterator[Database]:
    async with room_database(scratch, "identity") as database:
        yield database


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    redis = await connect(redis_url)
    yield redis
    await redis.aclose()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime.now(UTC))


@pytest.fixture
async def house(
    database: Database, redis: Redis, redis_url: str, tmp_path: Path, clock: FixedClock
) -> AsyncIterator[IdentityHouse]:
    async with opened(database, redis, redis_url, tmp_path, clock=clock) as house:
        yield house
