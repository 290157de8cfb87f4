"""The event log on Apache Kafka, with the promises of the port.

What Kafka cannot promise is said in docs/decisions: between partitions there is no order, offsets have gaps where
transactions end, and old records go by age, whoever has still to read them.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import Any, Self
from uuid import UUID

from nova.platform.clock import Clock, SystemClock
from nova.platform.events import Topic
from nova.platform.log import kafka_read
from nova.platform.log.kafka_cluster import Cluster, Place, answered
from nova.platform.log.kafka_group import KafkaMember
from nova.platform.log.kafka_producers import TURNS, Producers
from nova.platform.log.kafka_registry import SchemaRegistry
from nova.platform.log.kafka_standing import Standing
from nova.platform.log.kafka_topics import Topics
from nova.platform.log.port import (
    DEAD_SUFFIX,
    Delivered,
    Fence,
    Position,
    Record,
    Refused,
    check_name,
    check_size,
)
from nova.platform.resilience import CallPolicy

# Each step of a call has ten seconds of its own, and who looks for records a minute; this is for all of them.
_APPEND_S = 60.0
_ASK_S = 75.0
_AT_ONCE = 64


class KafkaLog:
    """An `EventLog`, reached when it is first needed. With a `registry` payloads carry the id of their schema.

    What it is asked, but for the endless reading of members and tails, is asked as all that is outside: see
    `nova.platform.resilience`. Nothing is tried again here, for relays and consumers do so.
    """

    def __init__(
        self, cluster: Cluster, *, registry: SchemaRegistry | None = None, clock: Clock | None = None
    ) -> None:
        clock = clock or SystemClock()
        self._appends = CallPolicy("kafka-appends", clock=clock, timeout_s=_APPEND_S, max_concurrent=_AT_ONCE)
        self._asks = CallPolicy("kafka-asks", clock=clock, timeout_s=_ASK_S, max_concurrent=_AT_ONCE)
        self._cluster = cluster
        self._registry = registry
        self._frames: dict[str, bytes] = {}
        self._members: set[KafkaMember] = set()
        self._groups: dict[str, list[Topic[Any]]] = {}
        self._known: dict[str, Topic[Any]] = {}
        self._declaring = asyncio.Lock()
        self._standing = Standing(cluster)
        self._topics = Topics(cluster, self._standing.admin)
        self._producers = Producers(cluster, self._standing.admin, self._frames)

    async def close(self) -> None:
        """Leave all groups and end the connections."""
        await asyncio.gather(*(member.aclose() for member in list(self._members)))
        await self._producers.close()
        await self._standing.aclose()

    async def __aenter__(self) -> Self:
        self._cluster.security.options()  # files that cannot be used are no outage: they end the start
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def declare(self, topics: Iterable[Topic[Any]]) -> None:
        """Make topics that are missing, and those of their dead letters; register the schemas of all.

        Raises `SchemaRefused` where the registry finds a message that readers of the one before could not read.
        """
        wanted = list(topics)
        self._known |= {topic.name: topic for topic in wanted}
        partitions = (
            {topic.name: topic.partitions for topic in wanted}
            | {topic.name + DEAD_SUFFIX: 1 for topic in wanted}
            | {TURNS: 1}
        )
        async with self._declaring:
            await self._asks.call(lambda: self._topics.declare(partitions))
            await self._frame(topic.name for topic in wanted)

    async def _frame(self, topics: Iterable[str]) -> None:
        """Register the schemas of topics, if there is a registry: their dead letters have the same.

        Raises `SchemaRefused`, and `Refused` for a topic that nobody in this process has declared or heard.
        """
        if self._registry is None:
            return
        for name in topics:
            if name in self._frames:
                continue
            if name not in self._known:
                raise Refused(
                    f"{name} has no schema here: declare it before you append to it.", field="topic"
                )
            framed = await self._registry.frame(name, self._known[name].message)
            self._frames |= {name: framed, name + DEAD_SUFFIX: framed}

    async def append(self, records: Sequence[Record], *, fence: Fence | None = None) -> None:
        """Append records; with a fence all or none. See the port."""
        for record in records:
            check_size(record)
            check_name(record.topic)
        topics = {record.topic for record in records}
        await self._frame(topic.removesuffix(DEAD_SUFFIX) for topic in topics)
        await self._appends.call(lambda: self._append(topics, records, fence))

    async def _append(self, topics: set[str], records: Sequence[Record], fence: Fence | None) -> None:
        await self._topics.require(topics | {TURNS})
        if fence is None:
            await self._producers.append(records)
        else:
            await self._producers.append_fenced(records, fence)

    def subscribe(self, group: str, topics: Sequence[Topic[Any]]) -> KafkaMember:
        """Return a membership in `group`."""
        member = KafkaMember(
            cluster=self._cluster,
            topics=self._topics,
            group=group,
            wanted=topics,
            left=self._members.discard,
        )
        self._members.add(member)
        self._groups[group] = list(topics)
        self._known |= {topic.name: topic for topic in topics}
        return member

    async def tail(
        self, topics: Sequence[Topic[Any]], position: Position
    ) -> AsyncGenerator[Sequence[Delivered], None]:
        """Yield every record from `position` on, for ever."""
        async with aclosing(
            kafka_read.follow(self._cluster, await self._places(topics), position)
        ) as batches:
            async for records in batches:
                yield records

    async def end(self, topics: Sequence[Topic[Any]]) -> dict[tuple[str, int], int]:
        """Return the position after the newest records."""
        places = await self._places(topics)
        ends = await self._asks.call(lambda: kafka_read.end_of_records(self._cluster, places))
        return {self._named(place): end for place, end in ends.items()}

    async def lag(self, group: str) -> dict[tuple[str, int], int]:
        """Return how far `group` is behind, by (topic, partition): markers between its records count as records.

        Of the topics that it hears in this process: what it has committed of others, once, nobody will read on.
        """
        places = await self._places(self._groups.get(group, []))
        return await self._asks.call(lambda: self._behind(group, places))

    async def _behind(self, group: str, places: Sequence[Place]) -> dict[tuple[str, int], int]:
        admin, looker = await self._standing.admin(), await self._standing.looker()
        async with answered():
            kept = await admin.list_consumer_group_offsets(self._cluster.on_wire(group))
            committed = {
                place: kept[place].offset for place in places if place in kept and kept[place].offset >= 0
            }
            unread = [place for place in places if place not in committed]
            committed |= await looker.beginning_offsets(unread)
            ends = await looker.end_offsets(list(committed))
        return {self._named(place): max(ends[place] - offset, 0) for place, offset in committed.items()}

    async def read(self, topic: str, *, limit: int, after: UUID | None = None) -> list[Delivered]:
        """Return the records kept of one topic, oldest first; after the id `after`."""
        records = await self._asks.call(lambda: self._all_kept(topic))
        ids = [record.id for record in records]
        # The last of that id, as an event may have become a dead letter more than once.
        start = 0 if after not in ids else len(ids) - ids[::-1].index(after)
        return records[start : start + limit]

    async def newest(self, topic: str, *, limit: int) -> list[Delivered]:
        """Return the last `limit` records of one topic, oldest first."""
        return await self._asks.call(lambda: self._newest(topic, limit))

    async def _all_kept(self, topic: str) -> list[Delivered]:
        await self._topics.require([topic])
        return await kafka_read.all_kept(self._cluster, self._topics.places([topic]))

    async def _newest(self, topic: str, limit: int) -> list[Delivered]:
        await self._topics.require([topic])
        return await kafka_read.newest(self._cluster, self._topics.places([topic]), limit)

    async def _places(self, topics: Sequence[Topic[Any]]) -> list[Place]:
        await self.declare(topics)
        return self._topics.places(topic.name for topic in topics)

    def _named(self, place: Place) -> tuple[str, int]:
        return self._cluster.off_wire(place.topic), place.partition
