"""Invalidation: at once here, within moments everywhere, and never undone by a load that began before."""

import asyncio
from collections.abc import Mapping

import pytest

from nova.platform.cache.local import MISS
from nova.platform.cache.message import STREAM
from tests.unit.platform.cache.conftest import BytesCodec, Process, Source, StartProcess
from tests.waiting import until


async def warm(source: Source, *processes: Process, key: bytes = b"a") -> None:
    """Put `key` into the process of each and into Redis."""
    for process in processes:
        await process.cache.get(key, source.load)
    await until(lambda: stored(processes[0], key))


async def stored(process: Process, key: bytes) -> bool:
    return bool(await process.redis.execute("EXISTS", b"cache:test:" + key))


async def test_own_write_is_seen_at_once_even_unawaited(start_process: StartProcess, source: Source) -> None:
    process = await start_process()
    source.values[b"a"] = b"1"
    await warm(source, process)
    source.values[b"a"] = b"2"
    told = process.cache.invalidate(b"a")
    assert await process.cache.get(b"a", source.load) == b"2"
    await told
    assert await process.cache.get(b"a", source.load) == b"2"
    assert source.asked == [b"a", b"a"]


async def test_who_stops_waiting_does_not_silence_what_was_said(
    start_process: StartProcess, source: Source
) -> None:
    first, second = await start_process(), await start_process()
    source.values = {b"a": b"1", b"b": b"1"}
    await second.cache.get_many(source.values, source.load_missing)
    waiting = first.cache.invalidate(b"a")
    other = first.cache.invalidate(b"b")
    waiting.cancel()
    await other
    await until(lambda: second.cache.peek(b"a") is MISS and second.cache.peek(b"b") is MISS)


async def test_what_changes_in_one_turn_is_one_message(start_process: StartProcess) -> None:
    process = await start_process()
    before = await process.redis.execute("XLEN", STREAM)
    await asyncio.gather(*[process.cache.invalidate(b"%d" % number) for number in range(100)])
    assert await process.redis.execute("XLEN", STREAM) == before + 1


async def test_other_processes_forget(start_process: StartProcess, source: Source) -> None:
    first, second = await start_process(), await start_process()
    source.values[b"a"] = b"1"
    await warm(source, first, second)
    source.values[b"a"] = b"2"
    await first.cache.invalidate(b"a")
    await until(lambda: second.cache.peek(b"a") is MISS)
    assert await second.cache.get(b"a", source.load) == b"2"


async def test_a_thousand_keys_in_one_call(start_process: StartProcess, source: Source) -> None:
    first, second = await start_process(), await start_process()
    keys = [str(i).encode() for i in range(1_200)]
    source.values = dict.fromkeys(keys, b"1")
    for process in (first, second):
        await process.cache.get_many(keys, source.load_missing)
    source.values = dict.fromkeys(keys, b"2")
    await first.cache.invalidate(*keys)
    await until(lambda: all(second.cache.peek(key) is MISS for key in keys))
    assert await second.cache.get_many(keys, source.load_missing) == dict.fromkeys(keys, b"2")


async def test_two_caches_of_one_name_in_one_process(start_process: StartProcess, source: Source) -> None:
    process = await start_process()
    other = process.caches.open("test", BytesCodec())
    source.values[b"a"] = b"1"
    await process.cache.get(b"a", source.load)
    await other.get(b"a", source.load)
    process.cache.invalidate(b"a")
    assert other.peek(b"a") is MISS


async def test_a_load_that_began_before_is_not_kept_here(start_process: StartProcess, source: Source) -> None:
    process = await start_process()
    gate, asked = asyncio.Event(), asyncio.Event()

    async def slow(_: bytes) -> bytes:
        asked.set()
        await gate.wait()
        return b"old"

    reader = asyncio.create_task(process.cache.get(b"a", slow))
    await asked.wait()
    source.values[b"a"] = b"new"
    await process.cache.invalidate(b"a")
    assert await process.cache.get(b"a", source.load) == b"new"
    gate.set()
    assert await reader == b"old"
    assert await process.cache.get(b"a", source.load) == b"new"
    assert process.cache.peek(b"a") == b"new"


async def test_a_load_that_began_before_is_not_kept_in_redis(
    start_process: StartProcess, source: Source, silent: str
) -> None:
    # The loader hears a server on which nobody speaks: only the numbers in Redis protect it.
    deaf, writer = await start_process(bus_url=silent), await start_process()
    gate, asked = asyncio.Event(), asyncio.Event()

    async def slow(_: bytes) -> bytes:
        asked.set()
        await gate.wait()
        return b"old"

    reader = asyncio.create_task(deaf.cache.get(b"a", slow))
    await asked.wait()
    source.values[b"a"] = b"new"
    await writer.cache.invalidate(b"a")
    gate.set()
    assert await reader == b"old"
    await until(lambda: deaf.cache.peek(b"a") is MISS)
    assert await writer.cache.get(b"a", source.load) == b"new"
    assert await deaf.cache.get(b"a", source.load) == b"new"


async def test_a_pattern_reaches_both_layers_of_all(start_process: StartProcess, source: Source) -> None:
    first, second = await start_process(), await start_process()
    source.values = {b"user:1": b"1", b"user:2": b"1", b"post:1": b"1"}
    for process in (first, second):
        await process.cache.get_many(source.values, source.load_missing)
    await until(lambda: stored(first, b"post:1"))
    source.values = {b"user:1": b"2", b"user:2": b"2", b"post:1": b"2"}
    first.cache.invalidate_matching(b"user:*")
    assert await first.cache.get(b"user:1", source.load) == b"2"
    await until(lambda: second.cache.peek(b"user:2") is MISS)
    source.asked.clear()
    for process in (second, await start_process()):
        found = await process.cache.get_many(source.values, source.load_missing)
        assert found == {b"user:1": b"2", b"user:2": b"2", b"post:1": b"1"}


async def test_own_pattern_is_seen_at_once_by_a_process_that_hears_nothing(
    start_process: StartProcess, source: Source, silent: str
) -> None:
    deaf = await start_process(bus_url=silent)
    source.values[b"user:1"] = b"1"
    await warm(source, deaf, key=b"user:1")
    source.values[b"user:1"] = b"2"
    deaf.cache.invalidate_matching(b"user:*")
    assert await deaf.cache.get(b"user:1", source.load) == b"2"


async def test_a_process_that_starts_later_knows_the_patterns(
    start_process: StartProcess, source: Source
) -> None:
    first = await start_process()
    source.values[b"user:1"] = b"1"
    await warm(source, first, key=b"user:1")
    await first.cache.invalidate_matching(b"*")
    source.values[b"user:1"] = b"2"
    late = await start_process()
    assert await late.cache.get(b"user:1", source.load) == b"2"


async def test_more_patterns_than_are_remembered_distrust_all_that_is_older(
    start_process: StartProcess, source: Source
) -> None:
    first, second = await start_process(), await start_process()
    source.values[b"a"] = b"1"
    await warm(source, first, second)
    await asyncio.gather(*[first.cache.invalidate_matching(b"x%d:*" % i) for i in range(70)])
    await until(lambda: second.cache.trust.floor > 0)
    second.cache.forget_all()
    source.asked.clear()
    assert await second.cache.get(b"a", source.load) == b"1"
    assert source.asked == [b"a"]


@pytest.mark.parametrize("count", [1, 2_500])
async def test_lost_messages_are_found_by_the_poll(
    start_process: StartProcess, source: Source, silent: str, count: int
) -> None:
    deaf, writer = await start_process(bus_url=silent), await start_process()
    keys = [str(i).encode() for i in range(count)]
    source.values = dict.fromkeys(keys, b"1")
    await deaf.cache.get_many(keys, source.load_missing)
    source.values = dict.fromkeys(keys, b"2")
    await asyncio.gather(*[writer.cache.invalidate(key) for key in keys])
    await until(lambda: all(deaf.cache.peek(key) is MISS for key in keys))
    assert await deaf.cache.get_many(keys, source.load_missing) == dict.fromkeys(keys, b"2")


async def test_a_hole_that_the_stream_no_longer_holds_empties_the_process(
    start_process: StartProcess, source: Source, silent: str
) -> None:
    deaf, writer = await start_process(bus_url=silent), await start_process()
    source.values = {b"a": b"1", b"b": b"1"}
    await deaf.cache.get_many(source.values, source.load_missing)
    source.values[b"a"] = b"2"
    lost = writer.cache.invalidate(b"a")
    # The stream is trimmed in the same write, so that no poll can come in between.
    writer.caches._bus.speaker.say_now()
    trimmed = writer.redis.execute("XTRIM", STREAM, "MAXLEN", 0)
    await asyncio.gather(lost, trimmed)
    await until(lambda: deaf.cache.peek(b"b") is MISS)
    assert await deaf.cache.get(b"a", source.load) == b"2"


async def test_the_bus_goes_on_after_everything_in_redis_was_flushed(
    start_process: StartProcess, source: Source
) -> None:
    first, second = await start_process(), await start_process()
    source.values[b"a"] = b"1"
    await warm(source, first, second)
    await first.redis.execute("FLUSHALL")
    await until(lambda: second.cache.peek(b"a") is MISS)
    assert await second.cache.get(b"a", source.load) == b"1"
    source.values[b"a"] = b"2"
    await first.cache.invalidate(b"a")
    await until(lambda: second.cache.peek(b"a") is MISS)
    assert await second.cache.get(b"a", source.load) == b"2"


async def test_a_batch_in_progress_is_kept_for_the_keys_that_did_not_change(
    start_process: StartProcess,
) -> None:
    process = await start_process()
    gate, asked = asyncio.Event(), asyncio.Event()

    async def slow(keys: list[bytes]) -> Mapping[bytes, bytes]:
        asked.set()
        await gate.wait()
        return dict.fromkeys(keys, b"old")

    reader = asyncio.create_task(process.cache.get_many([b"a", b"b"], slow))
    await asked.wait()
    await process.cache.invalidate(b"a")
    gate.set()
    await reader
    assert process.cache.peek(b"a") is MISS
    assert process.cache.peek(b"b") == b"old"


async def test_other_names_are_left_alone(start_process: StartProcess, source: Source) -> None:
    first, second = await start_process(), await start_process()
    elsewhere = first.caches.open("elsewhere", BytesCodec())
    source.values = {b"a": b"1", b"b": b"1"}
    await second.cache.get_many(source.values, source.load_missing)
    await elsewhere.invalidate(b"a")
    await first.cache.invalidate(b"b")
    await until(lambda: second.cache.peek(b"b") is MISS)
    assert second.cache.peek(b"a") == b"1"
