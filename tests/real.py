"""The engines that `make engines` has started, for those who run tests on them: `make test-real`."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import DeleteGroupsRequest

from nova.platform.blobs import Blobs
from nova.platform.clock import SystemClock
from nova.platform.configure import load
from nova.platform.engine_knobs import Neo4jUrl
from nova.platform.ids import uuid7
from nova.platform.log.kafka_cluster import Cluster
from nova.platform.neo4j import Neo4j
from nova.platform.object_store import Bucket, bucket_of
from nova.platform.redis.client import connect
from tests.waiting import until

_EMPTY: Final = "MATCH (node) DETACH DELETE node"
_PATIENCE_S: Final = 60.0
# Kafka's own topics. The offsets of a group go with the group, and what a producer of transactions was goes by age.
_KAFKAS_OWN: Final = "__"


def variables_in(file: Path) -> dict[str, str]:
    """Return what the file says that `make engines` writes for `nova`."""
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


FILE = Path(os.environ.get("NOVA_TEST_ENGINES", os.devnull))
ENGINES = variables_in(FILE)
"""The variables of that file; none where nobody has named one."""
on_real_engines = pytest.mark.real
on_neo4j = pytest.mark.real("NOVA_NEO4J_URL")
on_s3 = pytest.mark.real("NOVA_S3_URL")


def skip_without(item: pytest.Item) -> None:
    """Skip a test that is marked `real` where its engines, or those of the variables in its mark, are not named."""
    for mark in item.iter_markers("real"):
        missing = set(mark.args) - ENGINES.keys()
        if missing or not ENGINES:
            named = ", ".join(sorted(missing)) or "engines"
            pytest.skip(f"NOVA_TEST_ENGINES names no {named}: `make test-real` does")


async def empty() -> None:
    """Forget what the engines keep for Nova: these engines are there for tests."""
    connection = await asyncpg.connect(ENGINES["NOVA_POSTGRES_URL"])
    await connection.execute("DROP DATABASE IF EXISTS nova WITH (FORCE)")
    await connection.close()
    redis = await connect(ENGINES["NOVA_REDIS_URL"])
    await redis.execute("FLUSHALL")
    await redis.aclose()
    await empty_kafka()
    if "NOVA_NEO4J_URL" in ENGINES:
        async with emptied_neo4j():
            pass
    if "NOVA_S3_URL" in ENGINES:
        async with aclosing(Blobs.s3(real_bucket())) as blobs:
            while pictures := await blobs.list("media"):
                await blobs.delete(*(info.key for info in pictures))


def real_bucket(variables: Mapping[str, str] = ENGINES) -> Bucket:
    """Return the bucket that variables name: those of the engines that run, or of a server of a test's own."""
    bucket = bucket_of(load(variables).engines)
    assert bucket is not None
    return bucket


async def empty_kafka(prefix: str = "") -> None:
    """Delete the topics and the groups of Kafka that are called `prefix` and something: all, but what is its own."""
    admin = Cluster(bootstrap=ENGINES["NOVA_KAFKA_BOOTSTRAP"]).admin()
    await admin.start()
    try:
        topics = [name for name in await admin.list_topics() if name.startswith(prefix)]
        if ours := [name for name in topics if not name.startswith(_KAFKAS_OWN)]:
            await admin.delete_topics(ours)
        # A group whose last member was killed has to miss it first.
        await until(lambda: _without_groups(admin, prefix), within_s=_PATIENCE_S, every_s=0.1)
    finally:
        await admin.close()


async def _without_groups(admin: AIOKafkaAdminClient, prefix: str) -> bool:
    """Delete the groups that can be; return whether there are none."""
    groups = [name for name, *_ in await admin.list_consumer_groups() if name.startswith(prefix)]
    for name in groups:
        await admin._send_request(DeleteGroupsRequest([name]), await admin.find_coordinator(name))
    return not groups


@asynccontextmanager
async def corner(kind: str = "test") -> AsyncIterator[Cluster]:
    """Yield a corner of the Kafka that runs, with topics and groups of its own, and clear it in the end."""
    cluster = Cluster(bootstrap=ENGINES["NOVA_KAFKA_BOOTSTRAP"], prefix=f"{kind}-{uuid7().hex[-12:]}.")
    try:
        yield cluster
    finally:
        await empty_kafka(cluster.prefix)


@asynccontextmanager
async def patient_neo4j() -> AsyncIterator[Neo4j]:
    """Yield the Neo4j that runs, with all the time that it needs."""
    url = Neo4jUrl(ENGINES["NOVA_NEO4J_URL"])
    neo4j = Neo4j(url, clock=SystemClock(), ask_s=_PATIENCE_S, run_s=_PATIENCE_S)
    try:
        yield neo4j
    finally:
        await neo4j.aclose()


@asynccontextmanager
async def emptied_neo4j() -> AsyncIterator[Neo4j]:
    """Yield it with nothing in it; empty it again in the end."""
    async with patient_neo4j() as neo4j:
        await neo4j.run(_EMPTY, {})
        yield neo4j
        await neo4j.run(_EMPTY, {})
