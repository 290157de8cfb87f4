"""What must be true of the engines before a room stands on them: migrations applied, topics declared."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nova.app import rooms
from nova.app.engines.roles import grant_relay
from nova.app.sources import Kafka, Sources
from nova.platform.db import link
from nova.platform.db.bell import Bell
from nova.platform.db.migrate import Migrations
from nova.platform.knobs import read
from nova.platform.log.kafka_security import KafkaSecurity
from nova.platform.log.port import EventLog
from nova.platform.log.postgres import SCHEMA, PostgresLog

if TYPE_CHECKING:
    from nova.platform.log.kafka_cluster import Cluster


def migrations(room: str, sources: Sources) -> Migrations:
    """Return the migrations of a room, under the room's own role."""
    return Migrations(dsn=sources.room_dsns[room], room=room, folder=rooms.migrations_of(room))


def log_migrations(sources: Sources) -> Migrations:
    """Return the migrations of the event log."""
    return Migrations(dsn=sources.log_dsn, room="log", folder=SCHEMA, base=None)


def log_of(sources: Sources, bell: Bell | None = None) -> EventLog:
    """Return the event log, to be entered. Without a bell it is for a process that does not wait for news."""
    kafka = sources.kafka
    if kafka is None:
        return PostgresLog(dsn=sources.log_dsn, bell=bell or Bell())
    # Only here: those who run without Kafka need not wait for its client to load.
    from nova.platform.log.kafka import KafkaLog  # noqa: PLC0415
    from nova.platform.log.kafka_registry import SchemaRegistry  # noqa: PLC0415

    return KafkaLog(
        cluster_of(kafka),
        registry=None if kafka.registry_url is None else SchemaRegistry(kafka.registry_url),
    )


def cluster_of(kafka: Kafka) -> "Cluster":
    """Return the cluster that the configuration names. Raises `BadConfig` where its files cannot be used."""
    from nova.platform.log.kafka_cluster import Cluster  # noqa: PLC0415 - as above

    return Cluster(
        bootstrap=kafka.bootstrap,
        prefix=kafka.prefix,
        replication=kafka.replication,
        security=read(KafkaSecurity, kafka.security),
    )


async def prepare(sources: Sources, names: Sequence[str]) -> None:
    """Apply what is pending of the log and the rooms, let the relay in, and declare the topics that the rooms emit."""
    await log_migrations(sources).apply()
    for room in names:
        await migrations(room, sources).apply()
    await asyncio.gather(*(_open_outbox(room, sources) for room in names))
    async with log_of(sources) as log:
        await log.declare(topic for room in names for topic in rooms.topics_of(room))


async def _open_outbox(room: str, sources: Sources) -> None:
    connection = await link.connect(sources.room_dsns[room])
    try:
        await grant_relay(connection, room)
    finally:
        await connection.close()
