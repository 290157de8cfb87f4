"""Clients of Kafka begin and end within bounds, and nothing of them goes on afterwards."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiokafka.errors import ProducerClosed

from nova.platform.errors import Unavailable
from nova.platform.log import kafka_ends
from nova.platform.log.kafka_cluster import Cluster, Place
from nova.platform.log.kafka_dials import Client
from nova.platform.log.kafka_ends import ended, started
from tests.listening import listening
from tests.waiting import until


class Silent:
    """A broker that takes connections, and says nothing."""

    def __init__(self) -> None:
        self.callers = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.callers += 1
        await reader.read()
        writer.close()
        self.callers -= 1


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_ends, "_CONNECT_S", 0.05)
    monkeypatch.setattr(kafka_ends, "_STOP_S", 0.05)


@pytest.fixture
async def silent() -> AsyncIterator[Silent]:
    broker = Silent()
    async with listening(broker.serve) as broker.port:
        yield broker


async def never(*_: object) -> None:
    await asyncio.Event().wait()


async def at_once(*_: object) -> None:
    return None


def member(cluster: Cluster) -> Client:
    return cluster.member("g")


@pytest.mark.parametrize("make", [Cluster.admin, Cluster.reader, Cluster.producer, member])
async def test_a_start_that_never_ends_is_given_up_and_leaves_nothing(
    silent: Silent, make: Callable[[Cluster], Client]
) -> None:
    before = asyncio.all_tasks()
    client = make(Cluster(bootstrap=f"127.0.0.1:{silent.port}"))
    with pytest.raises(Unavailable, match="has not answered"):
        await started(client, within_s=0.05)
    await until(lambda: silent.callers == 0 and asyncio.all_tasks() <= before)


async def test_a_member_that_was_given_up_does_not_join_its_group_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As while the others of its group end their batches: it would be dealt partitions that nobody reads."""
    before = asyncio.all_tasks()
    consumer: Any = Cluster(bootstrap="127.0.0.1:9").member("g")
    monkeypatch.setattr(consumer._client, "bootstrap", at_once)
    monkeypatch.setattr(consumer._client, "coordinator_lookup", never)
    monkeypatch.setattr(consumer, "_wait_topics", at_once)
    consumer.subscribe(["t"])
    with pytest.raises(Unavailable):
        await started(consumer, within_s=0.05)
    await until(lambda: asyncio.all_tasks() <= before)


async def test_a_broker_that_names_no_broker_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that was fenced while it hung does, until the controller has heard of it again."""
    before = asyncio.all_tasks()
    producer: Any = Cluster(bootstrap="127.0.0.1:9").producer("outbox:a")
    monkeypatch.setattr(producer.client, "bootstrap", at_once)
    with pytest.raises(Unavailable):
        await started(producer)
    await until(lambda: asyncio.all_tasks() <= before)


async def test_a_producer_that_cannot_send_what_it_has_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or it would write its batch whenever the broker is back, when somebody else has appended it long ago."""
    before = asyncio.all_tasks()
    producer: Any = Cluster(bootstrap="127.0.0.1:9").producer()
    monkeypatch.setattr(producer.client, "bootstrap", at_once)
    monkeypatch.setattr(producer._sender, "_maybe_wait_for_pid", at_once)
    await started(producer)
    held = await producer._message_accumulator.add_message(Place("t", 0), b"k", b"v", 1.0)
    await ended(producer)
    with pytest.raises(ProducerClosed):
        await held
    await until(lambda: asyncio.all_tasks() <= before)


async def test_what_stops_by_an_error_is_cut_off_too(silent: Silent, monkeypatch: pytest.MonkeyPatch) -> None:
    admin: Any = Cluster(bootstrap=f"127.0.0.1:{silent.port}").admin()
    connecting = asyncio.create_task(admin.start())
    await until(lambda: silent.callers == 1)

    async def broken() -> None:
        raise OSError

    monkeypatch.setattr(admin, "close", broken)
    await ended(admin)
    await until(lambda: silent.callers == 0 and connecting.done())
