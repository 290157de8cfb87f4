"""What a consumer tells Prometheus: how far it is behind, and what went wrong."""

import asyncio
from collections.abc import Sequence
from typing import Any

from google.protobuf.wrappers_pb2 import BytesValue
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from nova.platform.consumer import Consumer
from nova.platform.db.database import Database
from nova.platform.errors import Unavailable
from nova.platform.events import Received
from nova.platform.ids import uuid7
from nova.platform.log.postgres import PostgresLog
from nova.platform.projection import Projection
from nova.platform.telemetry.metrics import exposition
from tests.scratch import EffectTx, Scratch
from tests.unit.platform.consumer.test_consumer import OTHERS, THINGS, record
from tests.waiting import running, until


class Held:
    """A handler that holds its batches until it is told to let them go."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.let_go = asyncio.Event()

    async def __call__(self, _tx: EffectTx, _events: Sequence[Received[BytesValue]]) -> None:
        self.begun.set()
        await self.let_go.wait()


def consumer(database: Database, log: PostgresLog, handle: Held, *, group: str) -> Consumer[EffectTx]:
    return Consumer(
        group=group, database=database, tx_type=EffectTx, log=log, handlers={THINGS: handle}, measure_every_s=0.01
    )  # fmt: skip


def told(metric: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(metric, labels)


def lag(group: str) -> float | None:
    return told("consumer_lag", group=group, topic=THINGS.name)


async def test_the_lag_grows_while_a_batch_hangs_and_is_none_once_all_is_handled(scratch: Scratch) -> None:
    database, log, held = await scratch.database(), await scratch.log(), Held()
    group = uuid7().hex
    await log.append([record(place) for place in range(3)])
    async with running(consumer(database, log, held, group=group).run()):
        await held.begun.wait()
        await until(lambda: lag(group) == 3)
        await log.append([record(place) for place in range(4)])
        await until(lambda: lag(group) == 7)
        held.let_go.set()
        await until(lambda: lag(group) == 0)


async def test_topics_that_a_group_has_left_are_no_lag_of_its_own(scratch: Scratch) -> None:
    database, log, held = await scratch.database(), await scratch.log(), Held()
    group = uuid7().hex
    await log.append([record(topic=OTHERS.name), record(topic=OTHERS.name)])
    async with log.subscribe(group, [OTHERS]).batch(1):
        await log.append([record()])
    async with running(consumer(database, log, held, group=group).run()):
        await until(lambda: lag(group) == 1)
    assert told("consumer_lag", group=group, topic=OTHERS.name) is None


class LogThatCannotTell(PostgresLog):
    """Handles records, and does not say how many are left."""

    async def lag(self, group: str) -> dict[tuple[str, int], int]:
        raise Unavailable


async def test_a_lag_that_cannot_be_measured_is_no_failure_of_the_consumer(scratch: Scratch) -> None:
    database, group, held = await scratch.database(), uuid7().hex, Held()
    held.let_go.set()
    async with LogThatCannotTell(dsn=await scratch.log_dsn(), bell=database.bell, poll_s=0.2) as log:
        await log.append([record()])
        with capture_logs() as lines:
            async with running(consumer(database, log, held, group=group).run()):
                await until(lambda: [line["event"] for line in lines].count("lag_not_measured") >= 2)
                await held.begun.wait()
    assert {line["event"] for line in lines} == {"lag_not_measured"}
    assert told("consumer_failures_total", group=group) == 0


async def test_what_may_go_wrong_is_counted_from_nought(scratch: Scratch) -> None:
    """Prometheus sees no growth in a counter that is born as 1: an alert on the first dead letter would be silent."""
    group = uuid7().hex

    async def nothing(*_: Any) -> None:
        return None

    consumer(await scratch.database(), await scratch.log(), Held(), group=group)
    Projection(name=group, log=await scratch.log(), load=nothing, handlers={THINGS: nothing})
    text = exposition().decode()
    labels = f'{{group="{group}",topic="{THINGS.name}"}}'
    for line in (
        f"consumer_dead_total{labels} 0.0",
        f"consumer_retried_total{labels} 0.0",
        f'consumer_failures_total{{group="{group}"}} 0.0',
        f'projection_skipped_total{{projection="{group}",topic="{THINGS.name}"}} 0.0',
    ):
        assert line in text.splitlines()
