"""Listening to channels."""

import asyncio
from collections.abc import Sequence

from nova.platform.redis.client import connect
from nova.platform.redis.subscriber import Message, Subscriber
from tests.own_valkey import OwnValkey
from tests.waiting import until


class Ear:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.heard: list[Message] = []
        self.reads = 0
        self.ready = 0

    def listen(self, messages: Sequence[Message]) -> None:
        self.heard.extend(messages)
        self.reads += 1

    def on_ready(self) -> None:
        self.ready += 1


def subscriber(url: str, ear: Ear, *channels: bytes) -> Subscriber:
    return Subscriber(url, channels=channels, on_messages=ear.listen, on_ready=ear.on_ready, timeout_s=0.3)


async def test_messages_come_in_order_and_in_batches(redis_url: str) -> None:
    ear, redis = Ear(), await connect(redis_url)
    listener = subscriber(redis_url, ear, b"one", b"two")
    await listener.start()
    await until(lambda: ear.ready == 1)
    await asyncio.gather(*[redis.execute("PUBLISH", ("one", "two")[i % 2], i) for i in range(2_000)])
    await until(lambda: len(ear.heard) == 2_000)
    assert ear.heard == [((b"one", b"two")[i % 2], str(i).encode()) for i in range(2_000)]
    assert ear.reads < 2_000
    await listener.aclose()
    await redis.aclose()


async def test_it_subscribes_again_after_a_restart_and_says_so(valkey: OwnValkey) -> None:
    ear, redis = Ear(), await connect(valkey.url)
    listener = subscriber(valkey.url, ear, b"one")
    await listener.start()
    await until(lambda: ear.ready == 1)
    valkey.kill()
    await valkey.start()
    await until(lambda: ear.ready == 2 and redis.connected)
    assert await redis.execute("PUBLISH", "one", "back") == 1
    await until(lambda: ear.heard == [(b"one", b"back")])
    await listener.aclose()
    await redis.aclose()


async def test_a_server_that_hangs_is_noticed_by_a_listener_that_only_waits(valkey: OwnValkey) -> None:
    ear = Ear()
    listener = subscriber(valkey.url, ear, b"one")
    await listener.start()
    await until(lambda: ear.ready == 1)
    valkey.freeze()
    await until(lambda: not listener.connected)
    valkey.thaw()
    await until(lambda: ear.ready == 2)
    await listener.aclose()


async def test_a_server_that_comes_after_its_listener_is_heard(valkey: OwnValkey) -> None:
    valkey.kill()
    ear = Ear()
    listener = subscriber(valkey.url, ear, b"one")
    await listener.start()
    assert not listener.connected
    await valkey.start()
    await until(lambda: ear.ready == 1)
    await listener.aclose()


async def test_a_listener_that_nobody_answers_can_be_ended() -> None:
    listener = subscriber("unix:///nowhere/s", Ear(), b"one")
    await listener.start()
    await listener.aclose()
