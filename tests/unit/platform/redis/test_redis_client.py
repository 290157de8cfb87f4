"""Commands against the real server: pipelining, scripts, refusals."""

import asyncio

import pytest

from nova.platform.errors import Unavailable
from nova.platform.redis.client import Redis, Script, connect
from nova.platform.redis.connection import CommandRefused


async def test_commands_of_one_turn_leave_in_one_read_of_the_server(client: Redis) -> None:
    async def reads() -> int:
        info = (await client.execute("INFO", "stats")).decode()
        return int(info.partition("total_reads_processed:")[2].partition("\r\n")[0])

    before = await reads()
    await asyncio.gather(*[client.execute("SET", f"k{i}", i) for i in range(100)])
    after = await reads()
    assert after - before == 2  # the hundred, and the second INFO
    values = await client.execute("MGET", *[f"k{i}" for i in range(100)])
    assert values == [str(i).encode() for i in range(100)]


async def test_replies_find_their_commands_in_any_order_of_waiting(client: Redis) -> None:
    replies = [client.execute("ECHO", str(i)) for i in range(500)]
    for i in reversed(range(500)):
        assert await replies[i] == str(i).encode()


async def test_types_come_as_resp3_says(client: Redis) -> None:
    await client.execute("HSET", "h", "a", 1)
    assert await client.execute("HGETALL", "h") == {b"a": b"1"}
    assert await client.execute("GET", "absent") is None
    assert await client.execute("INCR", "n") == 1
    assert await client.execute("SET", "blob", b"\x00\r\n\xff") == b"OK"
    assert await client.execute("GET", "blob") == b"\x00\r\n\xff"


async def test_a_caller_that_leaves_does_not_shift_the_replies(client: Redis) -> None:
    first, second, third = (client.execute("ECHO", word) for word in ("a", "b", "c"))
    second.cancel()
    assert (await first, await third) == (b"a", b"c")


async def test_a_refused_command_is_typed_and_the_next_goes_on(client: Redis) -> None:
    bad, good = client.execute("NOSUCHCOMMAND"), client.execute("ECHO", "x")
    with pytest.raises(CommandRefused):
        await bad
    assert await good == b"x"


async def test_a_full_server_is_unavailable(client: Redis) -> None:
    told = await client.execute("CONFIG", "GET", "maxmemory")
    await client.execute("CONFIG", "SET", "maxmemory", "1")
    try:
        with pytest.raises(Unavailable, match="OOM"):
            await client.execute("SET", "k", "v")
    finally:
        await client.execute("CONFIG", "SET", "maxmemory", told[b"maxmemory"])


async def test_a_script_runs_known_or_unknown(client: Redis) -> None:
    script = Script("return {KEYS[1], ARGV[1]}")
    await client.execute("SCRIPT", "FLUSH")
    assert await client.run(script, keys=["k"], args=[7]) == [b"k", b"7"]
    assert await client.execute("SCRIPT", "EXISTS", script.sha) == [1]
    assert await client.run(script, keys=["k"], args=[8]) == [b"k", b"8"]


async def test_more_than_the_bound_in_flight_is_refused(redis_url: str) -> None:
    redis = await connect(redis_url, most_in_flight=10)
    replies = [redis.execute("ECHO", "x") for _ in range(10)]
    with pytest.raises(Unavailable, match="in flight"):
        redis.execute("ECHO", "x")
    assert await asyncio.gather(*replies) == [b"x"] * 10
    assert await redis.execute("ECHO", "y") == b"y"
    await redis.aclose()


async def test_large_values_pass_the_flow_control(redis_url: str) -> None:
    client = await connect(redis_url, timeout_s=30, patience_s=30)
    value = b"v" * 4_000_000
    await asyncio.gather(*[client.execute("SET", f"big{i}", value) for i in range(8)])
    values = await asyncio.gather(*[client.execute("GET", f"big{i}") for i in range(8)])
    assert all(got == value for got in values)
    await client.execute("FLUSHALL")
    await client.aclose()


async def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await connect("unix:///nowhere/s")
    with pytest.raises(Unavailable):
        await connect("redis://127.0.0.1:1")
