"""The clients of Kafka that stand for as long as a log is open."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

from nova.platform.log.kafka_cluster import Cluster
from nova.platform.log.kafka_ends import ended, started

Admin: TypeAlias = Callable[[], Awaitable[AIOKafkaAdminClient]]
"""Gives the client that makes and describes. Raises `Unavailable`."""


class Standing:
    """One client that makes and describes, one that looks. Each is started when it is first needed.

    So a process begins while the cluster is away, and reaches it when it is there.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._admin: AIOKafkaAdminClient | None = None
        self._looker: AIOKafkaConsumer | None = None
        self._starting = asyncio.Lock()

    async def admin(self) -> AIOKafkaAdminClient:
        """Return the client that makes and describes. Raises `Unavailable`."""
        async with self._starting:
            if self._admin is None:
                admin = self._cluster.admin()
                await started(admin)
                self._admin = admin
        return self._admin

    async def looker(self) -> AIOKafkaConsumer:
        """Return the consumer that looks at the bounds of partitions. Raises `Unavailable`."""
        async with self._starting:
            if self._looker is None:
                looker = self._cluster.reader()
                await started(looker)
                self._looker = looker
        return self._looker

    async def aclose(self) -> None:
        """End their connections."""
        for client in (self._looker, self._admin):
            if client is not None:
                await ended(client)
