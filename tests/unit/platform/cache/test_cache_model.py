"""Any order of writes, invalidations and slow reads: no read sees what was changed before it began."""

import asyncio
from collections.abc import Mapping
from typing import Literal
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nova.platform.redis.client import Redis
from tests.unit.platform.cache.conftest import Process, StartProcess
from tests.waiting import until

Verb = Literal["read", "write", "pattern", "turn"]
KEYS = [b"a", b"b", b"c"]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["read", "read", "write", "pattern", "turn", "turn"]),
        st.sampled_from(KEYS),
        st.integers(0, 3),  # how many round trips the source takes before, and after, it looks
        st.integers(0, 1),  # which process
    ),
    min_size=5,
    max_size=60,
)


class Truth:
    """A source whose values are counters, and which takes round trips to look at them."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.version = dict.fromkeys(KEYS, 0)

    async def load(self, keys: list[bytes], trips: int) -> Mapping[bytes, bytes]:
        await self.pass_time(trips)
        looked = {key: b"%d" % self.version[key] for key in keys}
        await self.pass_time(trips)
        return looked

    async def pass_time(self, trips: int) -> None:
        for _ in range(trips):
            await self._redis.execute("PING")


class Model:
    """Runs steps on one truth; a read may not be older than what its own process knew to have changed."""

    def __init__(self, processes: list[Process], prefix: bytes) -> None:
        self._caches = [process.cache for process in processes]
        self._prefix = prefix
        self._truth = Truth(processes[0].redis)
        self._known = [dict.fromkeys(KEYS, 0) for _ in processes]
        self._reads: list[asyncio.Task[None]] = []

    async def run(self, steps: list[tuple[Verb, bytes, int, int]]) -> None:
        for verb, key, trips, who in steps:
            if verb == "read":
                self._reads.append(asyncio.create_task(self._read(key, trips, who)))
            elif verb == "turn":
                await self._truth.pass_time(trips)
            else:
                self._truth.version[key] += 1
                if verb == "write":
                    self._caches[who].invalidate(self._prefix + key)
                else:
                    self._caches[who].invalidate_matching(self._prefix + b"[" + key + b"]")
                self._known[who][key] = self._truth.version[key]
                # The writer reads its own write in the very same turn.
                self._reads.append(asyncio.create_task(self._read(key, trips, who)))
        await asyncio.gather(*self._reads)

    async def _read(self, key: bytes, trips: int, who: int) -> None:
        least = self._known[who][key]
        value = await self.value(key, trips, who)
        assert value >= least, f"{key!r} is {value}, but this process knew of {least}"

    async def value(self, key: bytes, trips: int, who: int) -> int:
        async def load_missing(keys: list[bytes]) -> Mapping[bytes, bytes]:
            found = await self._truth.load([each.removeprefix(self._prefix) for each in keys], trips)
            return {self._prefix + each: value for each, value in found.items()}

        found = await self._caches[who].get_many([self._prefix + key], load_missing)
        return int(found[self._prefix + key] or b"-1")

    async def agree(self) -> bool:
        """Whether every process has the truth."""
        return all(
            [
                await self.value(key, 0, who) == self._truth.version[key]
                for key in KEYS
                for who in range(len(self._caches))
            ]
        )


@pytest.fixture
async def pair(start_process: StartProcess) -> list[Process]:
    return [await start_process(), await start_process()]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_no_read_sees_what_its_process_changed_before(
    pair: list[Process], steps: list[tuple[Verb, bytes, int, int]]
) -> None:
    # Every example has keys of its own, so that none finds what another left.
    model = Model(pair, uuid4().hex.encode() + b":")
    await model.run(steps)
    await until(model.agree)
