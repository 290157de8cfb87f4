"""The topics of a cluster: made where they are missing, checked where they are there."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from aiokafka.admin import NewTopic
from aiokafka.errors import NoError, TopicAlreadyExistsError, for_code

from nova.platform.backoff import Backoff
from nova.platform.errors import Unavailable
from nova.platform.log.kafka_cluster import ANSWER_S, MAX_MESSAGE_BYTES, Cluster, Place, answered
from nova.platform.log.kafka_standing import Admin
from nova.platform.log.port import DEAD_SUFFIX, USUAL_PARTITIONS, check_name

_DAY_MS = 86_400_000
# Twice the window in which consumers remember, so that what is older than it still becomes a dead letter.
_KEPT_MS = 14 * _DAY_MS
_DEAD_KEPT_MS = 90 * _DAY_MS
_log = structlog.get_logger(__name__)


class Topics:
    """Knows how many partitions the topics have that were asked for so far."""

    def __init__(self, cluster: Cluster, admin: Admin) -> None:
        self._cluster = cluster
        self._admin = admin
        self._counts: dict[str, int] = {}

    async def declare(self, wanted: Mapping[str, int]) -> None:
        """Make what is missing, and learn all. `wanted` maps names to partitions."""
        unknown = {name: count for name, count in wanted.items() if name not in self._counts}
        if not unknown:
            return
        for name in unknown:
            check_name(name)
        await self._admin()  # which has time of its own to be reached
        async with answered():
            there = await self._describe(unknown)
            if missing := {name: count for name, count in unknown.items() if name not in there}:
                await self._make(missing)
                there |= await self._until_there(missing)
        for name, count in unknown.items():
            if there[name] != count:
                _log.warning("topic_keeps_partitions", topic=name, has=there[name], asked=count)
        self._counts |= there

    async def require(self, names: Iterable[str]) -> None:
        """Learn topics of which only the names are known, making those that are missing."""
        await self.declare(
            {
                name: self._counts.get(name) or (1 if name.endswith(DEAD_SUFFIX) else USUAL_PARTITIONS)
                for name in names
            }
        )

    def places(self, names: Iterable[str]) -> list[Place]:
        """Return all partitions of topics that are known."""
        return [
            Place(self._cluster.on_wire(name), number)
            for name in names
            for number in range(self._counts[name])
        ]

    async def _describe(self, names: Iterable[str]) -> dict[str, int]:
        """Return the partitions of those topics that are there and have a leader each."""
        admin = await self._admin()
        described = await admin.describe_topics([self._cluster.on_wire(name) for name in names])
        return {
            self._cluster.off_wire(topic["topic"]): len(topic["partitions"])
            for topic in described
            if topic["error_code"] == NoError.errno and _led(topic["partitions"])
        }

    async def _make(self, missing: Mapping[str, int]) -> None:
        admin = await self._admin()
        answer = await admin.create_topics([self._new(*one) for one in missing.items()])
        for topic, code, message in answer.topic_errors:
            if code not in (NoError.errno, TopicAlreadyExistsError.errno):
                raise Unavailable(f"Kafka does not make {topic}: {message or for_code(code).__name__}")

    def _new(self, name: str, partitions: int) -> NewTopic:
        dead = name.endswith(DEAD_SUFFIX)
        return NewTopic(
            self._cluster.on_wire(name),
            partitions,
            self._cluster.replication,
            topic_configs={
                # With `acks=all` alone a record is acknowledged by a leader whose followers are all gone.
                "min.insync.replicas": str(max(1, self._cluster.replication - 1)),
                "retention.ms": str(_DEAD_KEPT_MS if dead else _KEPT_MS),
                "max.message.bytes": str(MAX_MESSAGE_BYTES),
            },
        )

    async def _until_there(self, names: Mapping[str, int]) -> dict[str, int]:
        """Return the partitions of topics that were just made, as soon as each has a leader."""
        waits, tries = Backoff(first_s=0.01, longest_s=ANSWER_S / 20), 0
        while len(there := await self._describe(names)) < len(names):
            tries += 1
            await asyncio.sleep(waits.wait_s(tries))
        return there


def _led(partitions: list[dict[str, Any]]) -> bool:
    return all(partition["error_code"] == NoError.errno for partition in partitions)
