"""Event logs and object stores of both kinds, empty, for the promises that each must keep."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

from nova.platform.blobs import Blobs
from nova.platform.ids import uuid7
from nova.platform.log.kafka import KafkaLog
from nova.platform.log.kafka_cluster import Cluster
from nova.platform.log.port import EventLog
from nova.platform.object_store import Store, in_bucket, in_folder
from tests.real import corner, on_real_engines, on_s3, real_bucket
from tests.scratch import Scratch

Reach: TypeAlias = Callable[[], Awaitable[EventLog]]
"""Open the log of this test, as one more process would."""


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


PATIENCE_S = 60.0
"""Of tests that are about other things than time, on a machine that is busy."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A folder of this test's own in an object store."""

    blobs: Blobs
    folder: str

    def key(self, name: str) -> str:
        """Return the key of an object there."""
        return f"{self.folder}/{name}"

    async def keys(self) -> list[str]:
        """Return the keys of all objects there."""
        return [info.key for info in await self.blobs.list(self.folder)]


@pytest.fixture(params=["folder", pytest.param("bucket", marks=on_s3)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Each kind of object store in turn."""
    if request.param == "bucket":
        return in_bucket(real_bucket(), read_s=PATIENCE_S, write_s=PATIENCE_S)
    return in_folder(tmp_path / "objects", read_s=PATIENCE_S)


@pytest.fixture
async def shelf(store: Store) -> AsyncIterator[Shelf]:
    async with aclosing(Blobs(store)) as blobs:
        shelf = Shelf(blobs, f"test-{uuid7().hex[-12:]}")
        yield shelf
        await blobs.delete(*await shelf.keys())
