"""Event logs of both kinds, empty, for the promises that each must keep."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeAlias

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from nova.platform.ids import uuid7
from nova.platform.log.kafka import KafkaLog
from nova.platform.log.kafka_cluster import Cluster
from nova.platform.log.port import EventLog
from tests.scratch import Scratch

KAFKA = os.environ.get("NOVA_TEST_KAFKA", "")
on_kafka = pytest.mark.skipif(not KAFKA, reason="NOVA_TEST_KAFKA is not set: `make test-real` starts a Kafka")

Reach: TypeAlias = Callable[[], Awaitable[EventLog]]
"""Open the log of this test, as one more process would."""


@asynccontextmanager
async def corner() -> AsyncIterator[Cluster]:
    """Yield a corner of the Kafka that runs, with topics and groups of its own, and clear it in the end."""
    cluster = Cluster(bootstrap=KAFKA, prefix=f"test-{uuid7().hex[-12:]}.")
    yield cluster
    admin: AIOKafkaAdminClient = cluster.admin()
    await admin.start()
    await admin.delete_topics([name for name in await admin.list_topics() if name.startswith(cluster.prefix)])
    await admin.close()


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with corner() as cluster:
        yield cluster


@pytest.fixture(params=["postgres", pytest.param("kafka", marks=on_kafka)])
async def reach(request: pytest.FixtureRequest, scratch: Scratch) -> AsyncIterator[Reach]:
    """Each kind of log in turn."""
    if request.param == "kafka":
        async with AsyncExitStack() as stack:
            cluster = await stack.enter_async_context(corner())
            yield lambda: stack.enter_async_context(KafkaLog(cluster))
    else:
        dsn = await scratch.log_dsn()
        yield lambda: scratch.log(dsn=dsn)
