"""Redis dies, hangs, forgets, or is full: reads go to the source, and nothing stale outlives a moment."""

import pytest
from structlog.testing import capture_logs

from nova.platform.cache.local import MISS
from nova.platform.tasks import TaskCrashed, Tasks
from tests.own_valkey import OwnValkey
from tests.unit.platform.cache.conftest import Process, Source, StartProcess
from tests.waiting import until


async def reads(process: Process, source: Source, value: bytes) -> bool:
    return await process.cache.get(b"a", source.load) == value


async def stored(process: Process, value: bytes) -> bool:
    data: bytes | None = await process.redis.execute("GET", b"cache:test:a")
    return data is not None and data.endswith(b"V" + value)


async def keeps(process: Process, source: Source) -> bool:
    """Whether values are kept in Redis again."""
    await process.cache.get(b"a", source.load)
    return process.redis.connected and await stored(process, source.values[b"a"])


async def test_redis_killed_leaves_short_lives_and_the_source(
    start_process: StartProcess, source: Source, valkey: OwnValkey
) -> None:
    process = await start_process(valkey.url)
    source.values[b"a"] = b"1"
    assert await reads(process, source, b"1")
    await until(lambda: stored(process, b"1"))
    valkey.kill()
    await until(lambda: process.cache.peek(b"a") is MISS)
    assert await reads(process, source, b"1")
    # Changed elsewhere, and nobody could say so: the short life ends it.
    source.values[b"a"] = b"2"
    await until(lambda: reads(process, source, b"2"))
    await valkey.start()
    await until(lambda: keeps(process, source))


async def test_what_redis_kept_over_a_restart_is_not_believed(
    start_process: StartProcess, source: Source, valkey: OwnValkey
) -> None:
    process = await start_process(valkey.url)
    source.values[b"a"] = b"1"
    await process.cache.get(b"a", source.load)
    await until(lambda: stored(process, b"1"))
    valkey.kill()
    # The writer died with the invalidation unsent: no tombstone will ever come.
    source.values[b"a"] = b"2"
    await valkey.start()
    late = await start_process(valkey.url)
    assert await late.cache.get(b"a", source.load) == b"2"
    await until(lambda: reads(process, source, b"2"))


async def test_what_could_not_be_said_is_said_when_redis_is_back(
    start_process: StartProcess, source: Source, valkey: OwnValkey
) -> None:
    writer = await start_process(valkey.url)
    source.values[b"a"] = b"1"
    await writer.cache.get(b"a", source.load)
    await until(lambda: stored(writer, b"1"))
    valkey.kill()
    await until(lambda: not writer.redis.connected)
    source.values[b"a"] = b"2"
    await writer.cache.invalidate(b"a")
    await writer.cache.invalidate_matching(b"b*")
    assert await writer.cache.get(b"a", source.load) == b"2"
    await valkey.start()
    await until(lambda: tombstone(writer))
    assert await writer.redis.execute("ZCARD", "cache:patterns") == 1
    assert await writer.cache.get(b"a", source.load) == b"2"


async def tombstone(process: Process) -> bool:
    if not process.redis.connected:
        return False
    data: bytes | None = await process.redis.execute("GET", "cache:test:a")
    return data is not None and data.endswith(b"T")


async def test_redis_frozen_ends_the_lease(
    start_process: StartProcess, source: Source, valkey: OwnValkey
) -> None:
    process, writer = await start_process(valkey.url), await start_process(valkey.url)
    source.values[b"a"] = b"1"
    assert await reads(process, source, b"1")
    valkey.freeze()
    source.values[b"a"] = b"2"
    writer.cache.invalidate(b"a")
    await until(lambda: reads(process, source, b"2"), within_s=3)
    valkey.thaw()
    await until(lambda: keeps(process, source))


async def test_redis_full_still_never_shows_the_old_value_here(
    start_process: StartProcess, source: Source, valkey: OwnValkey
) -> None:
    process = await start_process(valkey.url)
    source.values[b"a"] = b"1"
    await process.cache.get(b"a", source.load)
    await until(lambda: stored(process, b"1"))
    await process.redis.execute("CONFIG", "SET", "maxmemory", 1)
    source.values[b"a"] = b"2"
    await process.cache.invalidate(b"a")
    assert await process.cache.get(b"a", source.load) == b"2"
    await process.redis.execute("CONFIG", "SET", "maxmemory", 0)
    await until(lambda: tombstone_or_new(process))
    assert await process.cache.get(b"a", source.load) == b"2"


async def tombstone_or_new(process: Process) -> bool:
    return not await stored(process, b"1")


async def test_closed_caches_still_answer(start_process: StartProcess, source: Source) -> None:
    process = await start_process()
    source.values[b"a"] = b"1"
    await process.caches.aclose()
    assert await process.cache.get(b"a", source.load) == b"1"
    source.values[b"a"] = b"2"
    process.cache.invalidate(b"a")
    assert await process.cache.get(b"a", source.load) == b"2"


async def test_who_cannot_listen_at_his_start_finds_out_by_asking(
    start_process: StartProcess, source: Source
) -> None:
    deaf, other = await start_process(bus_url="unix:///nowhere/s"), await start_process()
    source.values[b"a"] = b"1"
    assert await deaf.cache.get(b"a", source.load) == b"1"
    source.values[b"a"] = b"2"
    await other.cache.invalidate(b"a")
    await until(lambda: reads(deaf, source, b"2"))


async def test_a_watcher_that_crashes_is_known_and_what_it_watched_is_not_believed(
    start_process: StartProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = Tasks()
    process = await start_process(tasks=tasks)
    bus = process.caches._bus

    async def broken() -> None:
        raise ValueError("an answer that nobody expected")

    async def crashed() -> bool:
        try:
            await tasks.check()
        except TaskCrashed:
            return True
        return False

    monkeypatch.setattr(bus, "_look", broken)
    await until(crashed)
    await until(lambda: not bus.healthy)


async def test_closing_is_no_fault(start_process: StartProcess) -> None:
    process = await start_process()
    with capture_logs() as logs:
        await process.caches.aclose()
    assert not process.caches._bus.healthy
    assert [entry for entry in logs if entry["event"] == "cache_degraded"] == []
