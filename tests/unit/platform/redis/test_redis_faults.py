"""A server that dies, hangs, or refuses."""

import asyncio
import tempfile
import threading
from pathlib import Path
from unittest.mock import Mock

import pytest

from nova.platform.errors import Unavailable
from nova.platform.redis.client import Redis, attach, connect
from nova.platform.redis.connection import CommandRefused, Connection, pack
from tests.own_valkey import OwnValkey
from tests.waiting import until


async def test_a_killed_server_fails_at_once_and_comes_back(valkey: OwnValkey) -> None:
    redis = await connect(valkey.url)
    changes: list[bool] = []
    redis.on_change(changes.append)
    await redis.execute("SET", "k", "v")
    valkey.kill()
    await until(lambda: not redis.connected)
    with pytest.raises(Unavailable):
        redis.execute("GET", "k")
    await valkey.start()
    await until(lambda: redis.connected)
    assert await redis.execute("GET", "k") == b"v"
    assert changes == [False, True]
    assert redis.incarnation == 2
    await redis.aclose()


async def test_a_client_begins_while_the_server_is_away_and_is_there_with_it(valkey: OwnValkey) -> None:
    valkey.kill()
    redis = await attach(valkey.url)
    with pytest.raises(Unavailable):
        redis.execute("GET", "k")
    await valkey.start()
    await until(lambda: redis.connected)
    assert await redis.execute("GET", "k") is None
    await redis.aclose()


async def test_what_is_in_flight_when_the_server_dies_is_unavailable(valkey: OwnValkey) -> None:
    redis = await connect(valkey.url, timeout_s=30, patience_s=30)
    valkey.freeze()
    replies = [redis.execute("GET", "k") for _ in range(50)]
    valkey.kill()
    outcomes = await asyncio.gather(*replies, return_exceptions=True)
    assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
    await redis.aclose()


async def test_what_is_queued_at_a_transport_that_has_ended_is_unavailable() -> None:
    transport = Mock(asyncio.Transport)
    transport.is_closing.return_value = True
    connection = Connection(timeout_s=30, most_in_flight=1)
    connection.connection_made(transport)
    reply = connection.send(pack(("PING",)))
    asyncio.get_running_loop().call_soon(connection.connection_lost, None)
    with pytest.raises(Unavailable):
        await reply
    transport.write.assert_not_called()


async def test_a_server_that_hangs_is_left_after_the_timeout(valkey: OwnValkey) -> None:
    redis = await connect(valkey.url, timeout_s=0.2)
    valkey.freeze()
    with pytest.raises(Unavailable):
        await redis.execute("GET", "k")
    await until(lambda: not redis.connected)
    valkey.thaw()
    await until(lambda: redis.connected)
    assert await redis.execute("GET", "k") is None
    await redis.aclose()


async def test_while_a_server_is_late_all_fails_at_once_and_then_nothing_does(valkey: OwnValkey) -> None:
    redis = await connect(valkey.url, timeout_s=30, patience_s=0.05)
    changes: list[bool] = []
    redis.on_change(changes.append)
    valkey.freeze()
    replies = [redis.execute("APPEND", "k", "v") for _ in range(50)]
    outcomes = await asyncio.gather(*replies, return_exceptions=True)
    assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
    with pytest.raises(Unavailable):
        redis.execute("APPEND", "k", "never sent")
    assert redis.connected
    valkey.thaw()
    await until(lambda: answers(redis))
    # What it had taken has its effect, and each reply still belongs to its command.
    assert await redis.execute("GET", "k") == b"v" * 50
    assert (changes, redis.incarnation) == ([], 1)
    await redis.aclose()


async def test_a_client_that_was_busy_itself_does_not_hold_the_server_to_be_late(valkey: OwnValkey) -> None:
    redis = await connect(valkey.url, timeout_s=0.2, patience_s=0.05)
    reply = redis.execute("GET", "k")
    # It is sent in this turn; then nothing of this process runs until both limits are over.
    await asyncio.get_running_loop().run_in_executor(None, lambda: None)
    threading.Event().wait(0.3)
    assert await reply is None
    assert redis.connected
    await redis.aclose()


async def answers(redis: Redis) -> bool:
    try:
        return bool(await redis.execute("PING") == b"PONG")
    except Unavailable:
        return False


async def test_an_idle_client_notices_a_server_that_hangs(valkey: OwnValkey) -> None:
    redis = await connect(valkey.url, timeout_s=0.1)
    valkey.freeze()
    await until(lambda: not redis.connected)
    valkey.thaw()
    await redis.aclose()


async def test_a_closed_client_says_so_and_leaves_no_task(valkey: OwnValkey) -> None:
    before = asyncio.all_tasks()
    redis = await connect(valkey.url)
    await redis.aclose()
    with pytest.raises(Unavailable):
        redis.execute("PING")
    assert asyncio.all_tasks() == before


async def test_a_wrong_password_is_refused_and_a_right_one_is_not() -> None:
    with tempfile.TemporaryDirectory(prefix="nv-") as folder:
        server = OwnValkey(Path(folder), password="pw")
        await server.start("--unixsocketperm", "700")
        authority = server.url.removeprefix("unix://")
        with pytest.raises(CommandRefused):
            await connect(f"unix://:wrong@{authority}")
        redis = await connect(f"unix://:pw@{authority}?db=1")
        assert await redis.execute("PING") == b"PONG"
        await redis.aclose()
        server.kill()
