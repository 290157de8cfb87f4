"""Event logs of both kinds, empty, for the promises that each must keep."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeAlias

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from nova.platform.ids import uuid7
from nova.platform.log.kafka import KafkaLog
from nova.platform.log.kafka_cluster import Cluster
from nova.platform.log.port import EventLog
from tests.real import ENGINES, on_real_engines
from tests.scratch import Scratch

Reach: TypeAlias = Callable[[], Awaitable[EventLog]]
"""Open the log of this test, as one more process would."""


@asynccontextmanager
async def corner() -> AsyncIterator[Cluster]:
    """Yield a corner of the Kafka that runs, with topics and groups of its own, and clear it in the end."""
    cluster = Cluster(bootstrap=ENGINES["NOVA_KAFKA_BOOTSTRAP"], prefix=f"test-{uuid7().hex[-12:]}.")
    yield cluster
    admin: AIOKafkaAdminClient = cluster.admin()
    await admin.start()
    await admin.delete_topics([name for name in await admin.list_topics() if name.startswith(cluster.prefix)])
    await admin.close()


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with corner() as cluster:
        yield cluster


@pytest.fixture(params=["postgres", pytest.param("kafka", marks=on_real_engines)])
async def reach(request: pytest.FixtureRequest, scratch: Scratch) -> AsyncIterator[Reach]:
    """Each kind of log in turn."""
    if request.param == "kafka":
        async with AsyncExitStack() as stack:
            cluster = await stack.enter_async_context(corner())
            yield lambda: stack.enter_async_context(KafkaLog(cluster))
    else:
        dsn = await scratch.log_dsn()
        yield lambda: scratch.log(dsn=dsn)
