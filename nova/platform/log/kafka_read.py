"""Reading Kafka without a group: everything from a position on, and looks at what is kept."""

from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import OffsetOutOfRangeError

from nova.platform.log.kafka_cluster import Cluster, Place, answered, translated
from nova.platform.log.kafka_ends import ended, started
from nova.platform.log.kafka_wire import Fetched, in_order
from nova.platform.log.port import Delivered, Position, PositionLost

_AT_ONCE = 1000
_WAIT_MS = 1000
_LOOK_MS = 50
_LOOK_S = 60.0
_FIRST_LOOK = 8


async def follow(
    cluster: Cluster, places: Sequence[Place], position: Position
) -> AsyncGenerator[Sequence[Delivered], None]:
    """Yield every record from `position` on, in batches, as it comes. Raises `PositionLost`."""
    async with _reader(cluster) as reader:
        async with answered():
            firsts: Mapping[Place, int] = await reader.beginning_offsets(places)
        reader.assign(places)
        for place in places:
            offset = position.get((cluster.off_wire(place.topic), place.partition), 0)
            if offset < firsts[place]:
                raise PositionLost
            reader.seek(place, offset)
        while True:
            with translated():
                fetched = await _next_records(reader)
            if fetched:
                yield in_order(fetched, cluster)


async def _next_records(reader: AIOKafkaConsumer) -> Fetched:
    # Inside of `translated`, to which a position that is out of range is an outage like any other of Kafka's errors.
    try:
        fetched: Fetched = await reader.getmany(timeout_ms=_WAIT_MS, max_records=_AT_ONCE)
    except OffsetOutOfRangeError as error:
        raise PositionLost from error
    return fetched


async def end_of_records(cluster: Cluster, places: Sequence[Place]) -> dict[Place, int]:
    """Return the position after the newest record of each partition.

    It is not the partition's end: markers of transactions come after a record, and no reader ever sees one.
    """
    async with _reader(cluster) as reader, answered(_LOOK_S):
        firsts, ends = await _bounds(reader, places)
        found = await _newest(reader, firsts, ends, count=1)
    return {place: found[place][-1].offset + 1 if found.get(place) else firsts[place] for place in places}


async def newest(cluster: Cluster, places: Sequence[Place], limit: int) -> list[Delivered]:
    """Return the last `limit` records of these partitions, oldest first."""
    async with _reader(cluster) as reader, answered(_LOOK_S):
        firsts, ends = await _bounds(reader, places)
        found = await _newest(reader, firsts, ends, count=limit)
    return in_order(found, cluster)[-limit:]


async def all_kept(cluster: Cluster, places: Sequence[Place]) -> list[Delivered]:
    """Return all records kept of these partitions, oldest first: for topics as small as those of dead letters."""
    async with _reader(cluster) as reader, answered(_LOOK_S):
        found = await _between(reader, *await _bounds(reader, places))
    return in_order(found, cluster)


@asynccontextmanager
async def _reader(cluster: Cluster) -> AsyncIterator[AIOKafkaConsumer]:
    reader = cluster.reader()
    await started(reader)
    try:
        yield reader
    finally:
        await ended(reader)


async def _bounds(
    reader: AIOKafkaConsumer, places: Sequence[Place]
) -> tuple[dict[Place, int], dict[Place, int]]:
    return await reader.beginning_offsets(places), await reader.end_offsets(places)


async def _newest(
    reader: AIOKafkaConsumer, firsts: Mapping[Place, int], ends: Mapping[Place, int], *, count: int
) -> Fetched:
    """Return the last `count` records of each partition, or more: further and further back until they are found."""
    found: dict[Place, Sequence[ConsumerRecord]] = {}
    back = _FIRST_LOOK + 2 * count
    left = [place for place in ends if firsts[place] < ends[place]]
    while left:
        starts = {place: max(firsts[place], ends[place] - back) for place in left}
        found |= await _between(reader, starts, {place: ends[place] for place in left})
        left = [place for place in left if len(found[place]) < count and starts[place] > firsts[place]]
        back *= 8
    return found


async def _between(
    reader: AIOKafkaConsumer, starts: Mapping[Place, int], ends: Mapping[Place, int]
) -> Fetched:
    """Return all records from `starts` on and before `ends`."""
    found: dict[Place, list[ConsumerRecord]] = defaultdict(list)
    unread = [place for place in ends if starts[place] < ends[place]]
    if unread:
        reader.assign(unread)
    for place in unread:
        found[place] = []
        reader.seek(place, starts[place])
    while unread:
        fetched: Fetched = await reader.getmany(*unread, timeout_ms=_LOOK_MS)
        for place, messages in fetched.items():
            found[place] += [message for message in messages if message.offset < ends[place]]
        unread = [place for place in unread if await reader.position(place) < ends[place]]
    return found
