"""Reading through both layers."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from prometheus_client import REGISTRY

from nova.platform.cache import flights
from nova.platform.cache.caches import Caches
from nova.platform.cache.codec import ProtoCodec, Undecodable
from nova.platform.cache.local import MISS
from nova.platform.clock import FixedClock, SystemClock
from nova.platform.config import CacheKnobs
from nova.platform.errors import NotFound, Unavailable
from nova.platform.redis.client import connect
from tests.unit.platform.cache.conftest import BytesCodec, Process, Source, StartProcess
from tests.waiting import until


async def in_redis(process: Process, key: bytes) -> bytes | None:
    data: bytes | None = await process.redis.execute("GET", b"cache:test:" + key)
    return data


async def in_redis_now(process: Process) -> bool:
    return await in_redis(process, b"a") is not None


async def test_a_cache_that_keeps_nothing_in_the_process_sees_a_change_with_the_next_read(
    start_process: StartProcess, source: Source
) -> None:
    writer, reader = await start_process(), await start_process()
    cache = reader.caches.open("test", BytesCodec(), ttl_s=0)
    for value in (b"1", b"2", b"3"):
        source.values[b"a"] = value
        await writer.cache.invalidate(b"a")
        assert await cache.get(b"a", source.load) == value
        assert cache.peek(b"a") is MISS, "no news has to arrive first"
        await until(lambda: in_redis_now(reader))
        assert await cache.get(b"a", source.load) == value
    # A fill may be refused beside news that comes just then; without Redis it would be asked six times.
    assert 3 <= len(source.asked) < 6, "Redis answers in between"


async def test_the_source_is_asked_once(start_process: StartProcess, source: Source) -> None:
    process = await start_process()
    source.values[b"a"] = b"1"
    for _ in range(5):
        assert await process.cache.get(b"a", source.load) == b"1"
    assert process.cache.peek(b"a") == b"1"
    assert process.cache.peek(b"b") is MISS
    assert source.asked == [b"a"]


async def test_another_process_finds_it_in_redis(start_process: StartProcess, source: Source) -> None:
    first, second = await start_process(), await start_process()
    source.values[b"a"] = b"1"
    await first.cache.get(b"a", source.load)
    await until(lambda: in_redis_now(first))
    assert await second.cache.get(b"a", source.load) == b"1"
    assert source.asked == [b"a"]


async def test_absent_is_remembered_too(start_process: StartProcess, source: Source) -> None:
    first, second = await start_process(), await start_process()
    assert await first.cache.get(b"a", source.load) is None
    assert await first.cache.get(b"a", source.load) is None
    await until(lambda: in_redis_now(first))
    assert await second.cache.get(b"a", source.load) is None
    assert source.asked == [b"a"]
    source.values[b"a"] = b"1"
    await first.cache.invalidate(b"a")
    assert await first.cache.get(b"a", source.load) == b"1"


async def test_a_batch_asks_only_for_what_is_missing(start_process: StartProcess, source: Source) -> None:
    first, second = await start_process(), await start_process()
    source.values = {b"a": b"1", b"b": b"2", b"c": b"3"}
    await first.cache.get_many([b"a", b"b"], source.load_missing)
    await until(lambda: in_redis_now(first))
    source.asked.clear()
    found = await second.cache.get_many([b"c", b"a", b"x", b"c", b"b"], source.load_missing)
    assert found == {b"a": b"1", b"b": b"2", b"c": b"3", b"x": None}
    assert source.asked == [b"c", b"x"]


async def test_a_hundred_readers_share_one_load(start_process: StartProcess) -> None:
    process = await start_process()
    gate, loads = asyncio.Event(), 0

    async def load(key: bytes) -> bytes:
        nonlocal loads
        loads += 1
        await gate.wait()
        return key

    readers = [asyncio.create_task(process.cache.get(b"a", load)) for _ in range(100)]
    await until(lambda: loads == 1)
    gate.set()
    assert await asyncio.gather(*readers) == [b"a"] * 100
    assert loads == 1


async def test_batches_that_overlap_load_each_key_once(start_process: StartProcess) -> None:
    process = await start_process()
    gate, asked = asyncio.Event(), list[bytes]()

    async def load_missing(keys: list[bytes]) -> Mapping[bytes, bytes]:
        asked.extend(keys)
        await gate.wait()
        return {key: key for key in keys}

    first = asyncio.create_task(process.cache.get_many([b"a", b"b"], load_missing))
    await until(lambda: asked == [b"a", b"b"])
    second = asyncio.create_task(process.cache.get_many([b"b", b"c"], load_missing))
    await until(lambda: asked == [b"a", b"b", b"c"])
    gate.set()
    assert await first == {b"a": b"a", b"b": b"b"}
    assert await second == {b"b": b"b", b"c": b"c"}


async def test_a_failed_load_is_not_kept_and_those_who_joined_try_themselves(
    start_process: StartProcess,
) -> None:
    process = await start_process()
    gate, loads = asyncio.Event(), 0

    async def load(_: bytes) -> bytes:
        nonlocal loads
        loads += 1
        if loads > 1:
            return b"1"
        await gate.wait()
        raise Unavailable

    first = asyncio.create_task(process.cache.get(b"a", load))
    await until(lambda: loads == 1)
    others = [asyncio.create_task(process.cache.get(b"a", load)) for _ in range(20)]
    await until(lambda: all(not task.done() for task in others))
    gate.set()
    with pytest.raises(Unavailable):
        await first
    assert await asyncio.gather(*others) == [b"1"] * 20
    assert loads == 2


async def test_second_loads_are_a_share_of_those_who_ask(start_process: StartProcess) -> None:
    process = await start_process()
    gate, loads = asyncio.Event(), 0

    async def load(_: bytes) -> bytes:
        nonlocal loads
        loads += 1
        await gate.wait()
        raise Unavailable

    readers = [asyncio.create_task(process.cache.get(b"a", load)) for _ in range(9)]
    await until(lambda: loads == 1)
    gate.set()
    outcomes = await asyncio.gather(*readers, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {Unavailable}
    assert loads == 1, "nine who ask have not earned a second load"


async def test_who_asks_while_a_second_load_waits_for_its_moment_shares_it(
    start_process: StartProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = await start_process()
    gate, loads, waits = asyncio.Event(), 0, list[int]()

    async def load(_: bytes) -> bytes:
        nonlocal loads
        loads += 1
        if loads > 1:
            return b"1"
        await gate.wait()
        raise Unavailable

    def long_wait_s(tried: int) -> float:
        waits.append(tried)
        return 0.5

    monkeypatch.setattr(flights, "retry_wait_s", long_wait_s)
    readers = [asyncio.create_task(process.cache.get(b"a", load)) for _ in range(20)]
    await until(lambda: loads == 1)
    gate.set()
    await until(lambda: waits == [0])
    assert loads == 1
    assert await process.cache.get(b"a", load) == b"1"
    outcomes = await asyncio.gather(*readers, return_exceptions=True)
    assert outcomes[1:] == [b"1"] * 19
    assert (loads, waits) == (2, [0])


async def test_a_domain_error_reaches_the_reader(start_process: StartProcess) -> None:
    process = await start_process()

    async def load(_: bytes) -> bytes:
        raise NotFound

    with pytest.raises(NotFound):
        await process.cache.get(b"a", load)


async def test_a_load_ends_with_its_last_reader_and_not_before(start_process: StartProcess) -> None:
    process = await start_process()
    ended, started = asyncio.Event(), asyncio.Event()

    async def load(_: bytes) -> bytes:
        started.set()
        try:
            return await asyncio.Future[bytes]()
        finally:
            ended.set()

    first = asyncio.create_task(process.cache.get(b"a", load))
    second = asyncio.create_task(process.cache.get(b"a", load))
    await started.wait()
    first.cancel()
    await asyncio.wait([first])
    assert not ended.is_set()
    second.cancel()
    await asyncio.wait([second])
    await ended.wait()

    async def other(key: bytes) -> bytes:
        return key

    assert await process.cache.get(b"a", other) == b"a"


async def test_lives_end(start_process: StartProcess, source: Source) -> None:
    clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
    process = await start_process(clock=clock)
    source.values[b"a"] = b"1"
    await process.cache.get_many([b"a", b"absent"], source.load_missing)
    await until(lambda: in_redis_now(process))
    assert 270_000 <= await process.redis.execute("PTTL", "cache:test:a") <= 330_000
    assert 40_000 <= await process.redis.execute("PTTL", "cache:test:absent") <= 55_000
    assert process.cache.peek(b"a") == b"1"
    process.cache.tick(clock.monotonic() + 11)
    assert process.cache.peek(b"absent") is MISS
    process.cache.tick(clock.monotonic() + 53)
    assert process.cache.peek(b"a") == b"1"
    process.cache.tick(clock.monotonic() + 61)
    assert process.cache.peek(b"a") is MISS


async def test_messages_pass_both_layers_and_foreign_bytes_are_a_miss(
    start_process: StartProcess, redis_url: str
) -> None:
    process = await start_process()
    caches = Caches(process.redis, redis_url, clock=SystemClock(), knobs=CacheKnobs())
    cache = caches.open("test", ProtoCodec(Timestamp))
    await caches.start()

    async def load(_: bytes) -> Timestamp:
        return Timestamp(seconds=7)

    async def junk(_: bytes) -> bytes:
        return b"\xff\xff"

    await process.cache.get(b"a", junk)
    await until(lambda: in_redis_now(process))
    assert await cache.get(b"a", load) == Timestamp(seconds=7)
    with pytest.raises(Undecodable):
        ProtoCodec(Timestamp).decode(b"\xff")
    await caches.aclose()


async def test_before_the_bus_has_begun_the_source_decides(redis_url: str, source: Source) -> None:
    redis = await connect(redis_url)
    cache = Caches(redis, redis_url, clock=SystemClock(), knobs=CacheKnobs()).open("early", BytesCodec())
    source.values[b"a"] = b"1"
    assert await cache.get(b"a", source.load) == b"1"
    assert await redis.execute("EXISTS", "cache:early:a") == 0
    await redis.aclose()


async def test_entries_and_requests_are_told(start_process: StartProcess, source: Source) -> None:
    process = await start_process()
    cache = process.caches.open("counted", BytesCodec())
    source.values[b"a"] = b"1"
    for _ in range(3):
        await cache.get(b"a", source.load)
    told = {"cache": "counted", "layer": "local"}
    assert REGISTRY.get_sample_value("cache_requests_total", told | {"result": "hit"}) == 2
    assert REGISTRY.get_sample_value("cache_requests_total", told | {"result": "miss"}) == 1
    await until(lambda: REGISTRY.get_sample_value("cache_entries", {"cache": "counted"}) == 1)
