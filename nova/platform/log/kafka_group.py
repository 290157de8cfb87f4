"""A member of a consumer group on Kafka.

The coordinator of the group deals the partitions out. When it asks for them back, to deal anew, a member ends its
batch and commits first, so that nothing is handled at two members at once; one that takes longer than the group waits
for has its partitions dealt without it, and what it had in hand comes again elsewhere: consumers filter that.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError
from prometheus_client import Counter, Gauge

from nova.platform.errors import Unavailable
from nova.platform.events import Topic
from nova.platform.log.kafka_cluster import Cluster, Place, answered, translated
from nova.platform.log.kafka_ends import ended, started, works
from nova.platform.log.kafka_topics import Topics
from nova.platform.log.kafka_wire import Fetched, in_order
from nova.platform.log.port import Delivered

_WAIT_MS = 1000
# Longer than the others may take to end what they have in hand.
_JOIN_S = 60.0
_log = structlog.get_logger(__name__)

REBALANCED = Counter("kafka_rebalances_total", "Times that partitions were dealt to a member.", ["group"])
OVERTAKEN = Counter(
    "kafka_overtaken_total",
    "Batches that ended after their partitions had gone to another member.",
    ["group"],
)
PAUSED = Gauge(
    "kafka_paused_partitions",
    "Partitions that are not fetched from, for a batch of theirs has failed and comes again.",
    ["group"],
)


class KafkaMember:
    """A `Subscription`. It joins its group with the first batch."""

    def __init__(
        self, *, cluster: Cluster, topics: Topics, group: str, wanted: Sequence[Topic[Any]],
        left: Callable[["KafkaMember"], None],
    ) -> None:  # fmt: skip
        self._cluster = cluster
        self._topics = topics
        self._group = group
        self._wanted = list(wanted)
        self._left = left
        self._consumer: AIOKafkaConsumer | None = None
        self._joining = asyncio.Lock()
        self._deal = _Deal(group)
        self._paused = PAUSED.labels(group)

    @asynccontextmanager
    async def batch(self, limit: int) -> AsyncIterator[Sequence[Delivered]]:
        """Wait for records and own their partitions; see the port.

        Nothing is fetched in the block beyond what a fetch of each partition has brought already. After an exception
        the partitions are paused until the next call.
        """
        consumer = await self._joined()
        fetched = await self._take(consumer, limit)
        with self._deal.held():
            try:
                yield in_order(fetched, self._cluster)
            except BaseException:
                self._rewind(consumer, fetched)
                raise
            await self._move(consumer, fetched)

    async def aclose(self) -> None:
        """Leave the group: its partitions are another member's at once."""
        consumer, self._consumer = self._consumer, None
        self._left(self)
        self._paused.set(0)
        if consumer is not None:
            await ended(consumer)

    async def _joined(self) -> AIOKafkaConsumer:
        """Return the consumer of this member, which joins its group where it has none that works."""
        async with self._joining:
            if self._consumer is not None and not works(self._consumer):
                lost, self._consumer = self._consumer, None
                _log.warning("kafka_joins_again", group=self._group)
                await ended(lost)
            if self._consumer is None:
                await self._topics.declare({topic.name: topic.partitions for topic in self._wanted})
                consumer = self._cluster.member(self._group)
                consumer.subscribe(
                    [self._cluster.on_wire(topic.name) for topic in self._wanted], listener=self._deal
                )
                await started(consumer, within_s=_JOIN_S)
                self._consumer = consumer
        return self._consumer

    async def _take(self, consumer: AIOKafkaConsumer, limit: int) -> Fetched:
        """Wait for records. Nothing is awaited between the fetch and the return: no deal comes in between."""
        consumer.resume(*consumer.paused())
        self._paused.set(0)
        while True:
            if not works(consumer):
                raise Unavailable("Kafka's client has failed: the next batch joins the group again.")
            with translated():
                fetched: Fetched = await consumer.getmany(timeout_ms=_WAIT_MS, max_records=limit)
            if fetched:
                return fetched
            await self._pass_markers(consumer)

    def _rewind(self, consumer: AIOKafkaConsumer, fetched: Fetched) -> None:
        for place in self._mine(consumer, fetched):
            consumer.seek(place, fetched[place][0].offset)
            consumer.pause(place)
        self._paused.set(len(consumer.paused()))

    async def _move(self, consumer: AIOKafkaConsumer, fetched: Fetched) -> None:
        try:
            async with answered():
                await self._commit(consumer, self._mine(consumer, fetched))
        except _Overtaken:
            OVERTAKEN.labels(self._group).inc()
            _log.warning("kafka_overtaken", group=self._group)

    async def _pass_markers(self, consumer: AIOKafkaConsumer) -> None:
        """Commit past the markers that end transactions, so that a group that has read all is behind by nothing.

        In every partition: one in which nothing came since the deal may have a marker that the member before left.
        Not while partitions are dealt, nor are they dealt meanwhile: a commit that is tried again after a deal would
        go over what another member has committed since.
        """
        if self._deal.goes_on:
            return
        with self._deal.held():
            try:
                async with answered():
                    await self._commit(consumer, consumer.assignment())
            except _Overtaken:
                _log.debug("kafka_overtaken", group=self._group)

    async def _commit(self, consumer: AIOKafkaConsumer, places: Collection[Place]) -> None:
        """Commit how far partitions have been read. Raises `_Overtaken` when they are another member's."""
        try:
            ends = {place: await consumer.position(place) for place in places}
            if moved := {place: end for place, end in ends.items() if self._deal.committed.get(place) != end}:
                await consumer.commit(moved)
                self._deal.committed |= moved
        except (CommitFailedError, IllegalStateError) as error:
            raise _Overtaken from error

    @staticmethod
    def _mine(consumer: AIOKafkaConsumer, places: Collection[Place]) -> list[Place]:
        assigned = consumer.assignment()
        return [place for place in places if place in assigned]


class _Overtaken(Exception):
    """The group has dealt these partitions to another member."""


class _Deal(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka ships without types
    """What is known of the partitions since they were last dealt; holds the next deal back while a batch is in work."""

    def __init__(self, group: str) -> None:
        self.committed: dict[Place, int] = {}
        self.goes_on = False
        self._group = group
        self._free = asyncio.Event()
        self._free.set()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the partitions inside the block."""
        self._free.clear()
        try:
            yield
        finally:
            self._free.set()

    async def on_partitions_revoked(self, revoked: Collection[Place]) -> None:  # noqa: ARG002 - aiokafka's interface
        """Wait for the batch in hand."""
        await self._free.wait()
        self.goes_on = True

    async def on_partitions_assigned(self, assigned: Collection[Place]) -> None:  # noqa: ARG002 - aiokafka's interface
        """Forget how far the partitions of the deal before were."""
        self.goes_on = False
        self.committed = {}
        REBALANCED.labels(self._group).inc()
