"""Appending to Kafka: by one idempotent producer, or by one for each outbox that fences its predecessors.

A relay's batch is one transaction of Kafka: it is there whole or not at all, with the relay's turn, which is kept as
the offset of a group that nobody reads by. A relay that was paused while another took over has lost the identity of
its producer; it gets a new one, and then sees that its turn is over.
"""

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidProducerEpoch, ProducerFenced

from nova.platform.log.kafka_cluster import ANSWER_S, Cluster, Place, answered
from nova.platform.log.kafka_ends import ended, started
from nova.platform.log.kafka_standing import Admin
from nova.platform.log.kafka_wire import headers_of
from nova.platform.log.port import Fence, Fenced, Record

TURNS = "nova.relay.turns"
"""The topic under whose name turns are kept. It has no records."""
_ABORT_S = 2.0
_LOST = (ProducerFenced, InvalidProducerEpoch)


@dataclass(slots=True)
class _Turns:
    """The producer of one outbox in this process, with the highest turn that it has seen."""

    producer: AIOKafkaProducer | None = None
    turn: int = -1
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Producers:
    """The producers of one process. `frames` holds what stands before the payloads of a topic."""

    def __init__(self, cluster: Cluster, admin: Admin, frames: Mapping[str, bytes]) -> None:
        self._cluster = cluster
        self._admin = admin
        self._frames = frames
        self._free = _Turns()
        # A broker that still writes the markers of one transaction says so to the next as if replicas were missing: an
        # answer that is tried again in milliseconds, and no news to anybody.
        logging.getLogger("aiokafka.producer.sender").setLevel(logging.ERROR)
        self._fenced: dict[str, _Turns] = {}

    async def close(self) -> None:
        """Stop all, side by side: each takes its time to stop where its broker is away."""
        await asyncio.gather(*(self._drop(one) for one in (self._free, *self._fenced.values())))

    async def append(self, records: Sequence[Record]) -> None:
        """Append records, each of which may be there or not when this raises `Unavailable`."""
        async with self._free.lock:
            if self._free.producer is None:
                self._free.producer = await self._started()
            producer = self._free.producer
        try:
            async with answered():
                await _all(*await self._sent(producer, records))
        except BaseException:
            if self._free.producer is producer:
                await self._drop(self._free)
            raise

    async def append_fenced(self, records: Sequence[Record], fence: Fence) -> None:
        """Append all or none, in the name of a producer whose turn it is. Raises `Fenced`."""
        one = self._fenced.setdefault(fence.producer, _Turns())
        async with one.lock:
            if await self._append_in_turn(one, records, fence):
                return
            # Another process has written since. It is our turn all the same if it is the higher one.
            if not await self._append_in_turn(one, records, fence):
                raise Fenced

    async def _append_in_turn(self, one: _Turns, records: Sequence[Record], fence: Fence) -> bool:
        """Append in one transaction; return False when the producer's identity is another's by now."""
        if one.producer is None:
            one.producer, one.turn = await self._identified(fence.producer)
        if fence.turn < one.turn:
            raise Fenced
        try:
            await self._transact(one.producer, records, fence)
        except BaseException as error:
            await self._drop(one)
            if isinstance(error, _LOST):
                return False
            raise
        one.turn = fence.turn
        return True

    async def _identified(self, name: str) -> tuple[AIOKafkaProducer, int]:
        """Return a producer that has fenced all others of this name, and the last turn that they had.

        In this order: nobody else can have a turn after the producer has started. Where the turn cannot be read there
        is no producer, or the next append would not compare its turn with any.
        """
        producer = await self._started(name)
        try:
            return producer, await self._last_turn(name)
        except BaseException:
            await ended(producer)
            raise

    async def _transact(self, producer: AIOKafkaProducer, records: Sequence[Record], fence: Fence) -> None:
        """Commit the records and the turn together, or abort both, for which there is some time of its own."""
        lost: BaseException | None = None
        async with answered(ANSWER_S + _ABORT_S):
            try:
                async with producer.transaction(), asyncio.timeout(ANSWER_S):
                    sent = await self._sent(producer, records)
                    turn = producer.send_offsets_to_transaction(
                        {self._turns(): fence.turn}, self._group(fence.producer)
                    )
                    await _all(*sent, turn)
            except _LOST as error:
                lost = error
        if lost is not None:
            raise lost

    async def _last_turn(self, name: str) -> int:
        admin = await self._admin()
        async with answered():
            kept = await admin.list_consumer_group_offsets(self._group(name), partitions=[self._turns()])
        return kept[self._turns()].offset if self._turns() in kept else -1

    def _turns(self) -> Place:
        return Place(self._cluster.on_wire(TURNS), 0)

    def _group(self, producer: str) -> str:
        return self._cluster.on_wire(f"{TURNS}.{producer}")

    async def _sent(
        self, producer: AIOKafkaProducer, records: Sequence[Record]
    ) -> "list[asyncio.Future[object]]":
        """Send records in their order; return what becomes of each."""
        return [
            await producer.send(
                self._cluster.on_wire(record.topic),
                self._frames.get(record.topic, b"") + record.payload,
                key=record.key,
                timestamp_ms=round(record.emitted_at.timestamp() * 1000),
                headers=headers_of(record),
            )
            for record in records
        ]

    async def _started(self, identity: str | None = None) -> AIOKafkaProducer:
        producer = self._cluster.producer(identity)
        await started(producer)
        return producer

    async def _drop(self, one: _Turns) -> None:
        """Stop a producer of which nobody knows what it still has in flight; the next append starts another."""
        producer, one.producer = one.producer, None
        if producer is not None:
            await ended(producer)


async def _all(*awaited: Awaitable[object]) -> None:
    """Wait for all, also where some fail; then raise what the first of those says."""
    for answer in await asyncio.gather(*awaited, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer
