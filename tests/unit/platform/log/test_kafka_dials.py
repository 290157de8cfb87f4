"""A broker that is away is not beset: its clients rest between two dials, and a log that nobody answers asks rarely."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.conn import CloseReason
from aiokafka.structs import BrokerMetadata

from nova.platform.clock import FixedClock
from nova.platform.errors import Unavailable
from nova.platform.log.kafka import KafkaLog
from nova.platform.log.kafka_cluster import Cluster
from nova.platform.log.kafka_dials import wire_of
from nova.platform.log.kafka_ends import ended
from nova.platform.log.port import Fence
from nova.platform.resilience import CircuitOpen
from tests.contract.test_event_log import record
from tests.resetting import Resetting, resetting

OUTBOXES = 8
LOOKS_S = 2.0
# Rests of at least 0.1, 0.2, 0.4, 0.5, 0.5 s lie between them.
MOST_DIALS = 6


class Line:
    """A connection that is up until it is told otherwise."""

    def __init__(self) -> None:
        self.up = True

    def connected(self) -> bool:
        return self.up

    async def close(self, **_: object) -> None:
        self.up = False


def knows(client: Any, door: Resetting) -> None:
    """Let a client know one broker, as if it had begun before that died."""
    wire = wire_of(client)
    wire.cluster._brokers = {1: BrokerMetadata(1, "127.0.0.1", door.port, None)}
    wire._sync_task = asyncio.create_task(wire._md_synchronizer())


async def test_producers_rest_between_two_dials_to_a_broker_that_is_away() -> None:
    async with resetting() as door:
        producers = [Cluster(bootstrap="").producer(f"outbox:{place}") for place in range(OUTBOXES)]

        async def look(producer: Any) -> None:
            knows(producer, door)
            await producer._sender._find_coordinator(CoordinationType.TRANSACTION, "outbox")

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(LOOKS_S):
                await asyncio.gather(*map(look, producers))
        await asyncio.gather(*map(ended, producers))
        assert OUTBOXES <= door.came <= OUTBOXES * MOST_DIALS


@pytest.mark.parametrize(
    ("reason", "rests"),
    [
        (CloseReason.CONNECTION_BROKEN, True),
        (CloseReason.CONNECTION_TIMEOUT, True),
        (CloseReason.IDLE_DROP, False),
        (CloseReason.SHUTDOWN, False),
    ],
)
async def test_a_broker_that_was_lost_is_dialled_after_a_rest(
    monkeypatch: pytest.MonkeyPatch, reason: CloseReason, rests: bool
) -> None:
    lines: list[Line] = []

    async def dial(
        wire: AIOKafkaClient, node: int, *, group: ConnectionGroup = ConnectionGroup.DEFAULT
    ) -> Line:
        lines.append(line := Line())
        wire._conns[node, group] = line
        return line

    monkeypatch.setattr(AIOKafkaClient, "_get_conn", dial)
    reader = Cluster(bootstrap="").reader()
    wire = wire_of(reader)
    first = await wire._get_conn(1)
    assert await wire._get_conn(1) is first
    first.up = False
    wire._on_connection_closed(first, reason)
    again = asyncio.create_task(wire._get_conn(1))
    await asyncio.wait([again], timeout=0)
    assert again.done() is not rests
    assert await again is lines[1]
    await reader.stop()


async def test_a_log_that_nobody_answers_is_asked_by_one_call_at_a_time() -> None:
    clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))

    async def append(log: KafkaLog, turn: int) -> Sequence[BaseException | None]:
        fences = [Fence(producer=f"outbox:{place}", turn=turn) for place in range(OUTBOXES)]
        return await asyncio.gather(
            *(log.append([record()], fence=fence) for fence in fences), return_exceptions=True
        )

    async with resetting() as door, KafkaLog(Cluster(bootstrap=f"127.0.0.1:{door.port}"), clock=clock) as log:
        for turn in range(2):
            assert {type(one) for one in await append(log, turn)} == {Unavailable}
        came = door.came
        for turn in range(2, 10):
            assert {type(one) for one in await append(log, turn)} == {CircuitOpen}
        assert door.came == came
        clock.advance(2.0)
        await append(log, 10)
        assert door.came == came + 1
